"""The study that would separate hypotheses: every design predicted under each, information expected, ranked.

Uncertainty of parameters: the weighted draws of the shipped calibrations, beside draws from the priors of values that mood does not inform. Realistic placebo response: the design's setting acts in every arm,
and every simulated study has its own effects (a shift of the drive that all arms share, a factor on the drug part), with the spreads between
studies of the evidence. Sampling error: the SD of the change, over the people of an arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import Hypothesis, hypothesis, parameter_prior
from ketasim.core import UsageError, knowledge_path, normals, read_toml, value
from ketasim.core.arrays import Array, BoolArray
from ketasim.evidence.arms.courses import ArmSpec, Course, course
from ketasim.evidence.arms.mood_arm import NO_EFFECTS, StudyEffects, arm_mood, rated
from ketasim.evidence.weigh.hypotheses import HypothesisNumbers, numbers_of, shipped_taus
from ketasim.evidence.weigh.weighing import calibrated

from .designs import Design, DesignArm, designs
from .information import Information, Predictive, expected_information

DRAWS = 32  # parameter draws per hypothesis
STUDIES = 8  # study effects per parameter draw
PEOPLE = 16
OUTER = 1500
SIZES = (40, 80, 160, 320)
SEEDS = (11, 12)
EFFECT_STEPS = {"setting": 0.1, "late": 0.1, "drug": 0.2}
LEAST_SD = 1e-3


@dataclass(frozen=True)
class Outcome:
    """An arm under one hypothesis. mean (K, M), sd (K, M); slopes of the means in the study's effects (K, M, 3). NaN = no prediction."""

    mean: Array
    sd: Array
    slopes: Array


@dataclass(frozen=True)
class Ranked:
    """A design at one size."""

    design: Design
    participants: int
    information: Information
    other_seed: float
    predicted: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]]
    measured: tuple[str, ...]
    unspoken: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "design": self.design.name,
            "title": self.design.title,
            "setting": self.design.setting,
            "crossover": self.design.crossover,
            "arms": [
                {"name": a.name, "words": a.words, "repeat": a.repeat, "with": list(a.with_)} for a in self.design.arms
            ],
            "measures": list(self.measured),
            "no_prediction_for": list(self.unspoken),
            "participants": self.participants,
            "information_nats": self.information.nats,
            "information_se": self.information.se,
            "information_share": self.information.share,
            "information_other_seed": self.other_seed,
            "misleading": dict(zip(self.predicted, self.information.misleading, strict=True)),
            "decides_rightly": dict(zip(self.predicted, self.information.right, strict=True)),
            "predicted": {
                h: {a: {m: {"mean": x[0], "sd_of_prediction": x[1]} for m, x in ms.items()} for a, ms in arms.items()}
                for h, arms in self.predicted.items()
            },
        }


@dataclass(frozen=True)
class NextStudy:
    """Designs ranked by expected information at the budget; the same designs at other sizes; is the order stable to the seed?"""

    hypotheses: tuple[str, ...]
    budget: int
    ranked: tuple[Ranked, ...]
    by_size: Mapping[str, tuple[tuple[int, float, float], ...]]
    stable: bool
    unsure: tuple[tuple[str, str], ...]
    failed: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for --json."""
        return {
            "hypotheses": list(self.hypotheses),
            "budget": self.budget,
            "designs": [r.to_dict() for r in self.ranked],
            "by_size": {
                name: [{"participants": n, "information_nats": x, "se": s} for n, x, s in rows]
                for name, rows in self.by_size.items()
            },
            "stable_to_seed": self.stable,
            "order_not_sure": [list(p) for p in self.unsure],
            "failed": dict(self.failed),
        }


class Believer:
    """One hypothesis: its draws, and its prediction of any arm (kept)."""

    def __init__(self, entry: Hypothesis, draws: int) -> None:
        self.entry = entry
        shipped = calibrated(entry.id)
        weights = shipped.draws(np.ones(len(shipped.names), dtype=bool))
        edges = np.cumsum(weights)
        picks = np.minimum(np.searchsorted(edges, (np.arange(draws) + 0.5) / draws * edges[-1]), len(edges) - 1)
        self.z, self.weights = shipped.z[picks], np.full(draws, 1.0 / draws)
        priors = [parameter_prior(key) for key in read_toml(knowledge_path() / "fits" / "weigh.toml")["nuisance"]]
        columns = [np.asarray(p.natural(normals(SEEDS[0], f"nuisance {p.key}", draws))) for p in priors]
        self.nuisance = [
            dict(zip((p.key for p in priors), map(float, row), strict=True)) for row in np.column_stack(columns)
        ]
        self.kept: dict[tuple[str, DesignArm, tuple[Any, ...]], Outcome] = {}

    def outcome(self, design: Design, arm: DesignArm) -> Outcome:
        """Means and SDs of every measure of an arm, for every draw."""
        key = (design.setting, arm, design.measures)
        if key not in self.kept:
            rows = [self._one(design, arm, z, beside) for z, beside in zip(self.z, self.nuisance, strict=True)]
            self.kept[key] = Outcome(*(np.stack([r[i] for r in rows]) for i in range(3)))
        return self.kept[key]

    def _one(self, design: Design, arm: DesignArm, z: Array, beside: Mapping[str, float]) -> tuple[Array, Array, Array]:
        found = numbers_of(self.entry, z, PEOPLE)
        numbers = replace(found, replaced=dict(beside) | dict(found.replaced))
        times = tuple(sorted({0.0, *(m.time_h for m in design.measures)}))
        spec = numbers.arm(ArmSpec(arm.words, arm.repeat, arm.with_, times=times, ports=("glutamate",)))
        run = course(spec, numbers.chain)
        base = self._means(design, run, numbers, NO_EFFECTS)
        moved = []
        for name, step in EFFECT_STEPS.items():
            there = self._means(design, run, numbers, StudyEffects(**{name: step}))
            moved.append((there[0] - base[0]) / step)
        return base[0], base[1], np.stack(moved, axis=1)

    def _means(
        self, design: Design, found: Course, numbers: HypothesisNumbers, effects: StudyEffects
    ) -> tuple[Array, Array]:
        people = found.spec.everybody()
        mood = arm_mood(found, people, design.setting, numbers, numbers.setting(people), effects)
        means, sds = [], []
        for m in design.measures:
            if m.output == "madrs":
                mean, sd = mood.moments(m.time_h)
            elif m.output == "cadss":
                felt = found.session_peaks(rated(found, people, numbers, "cadss")).max(axis=1)
                mean, sd = float(felt.mean()), float(max(felt.std(), LEAST_SD))
            elif "glutamate" in found.table and self.entry.computes("glutamate"):
                mean, sd = float(found.at("glutamate", m.time_h).mean() - 1.0), value("weigh.glutamate_sd").value
            else:
                mean, sd = math.nan, math.nan
            means.append(mean)
            sds.append(sd)
        return np.array(means), np.array(sds)


def predictive(
    believer: Believer,
    design: Design,
    participants: int,
    use: BoolArray,
    taus: Mapping[str, float],
    studies: int = STUDIES,
) -> Predictive:
    """What a hypothesis predicts for the arm means of the measures `use`, as a mixture over parameters and study effects."""
    outcomes = [believer.outcome(design, arm) for arm in design.arms]
    mean = np.concatenate([o.mean[:, use] for o in outcomes], axis=1)
    sd = np.maximum(np.concatenate([o.sd[:, use] for o in outcomes], axis=1), LEAST_SD)
    slopes = np.concatenate([o.slopes[:, use] for o in outcomes], axis=1)
    draws, arms, measures = len(believer.weights), len(design.arms), int(use.sum())
    shape = np.eye(arms * measures)
    rho = value("weigh.crossover_correlation").value
    kinds = [m.output for m, u in zip(design.measures, use, strict=True) if u]
    for i in range(arms * measures):
        for j in range(arms * measures):
            same_arm, alike = i // measures == j // measures, kinds[i % measures] == kinds[j % measures]
            if i != j and alike and (same_arm or design.crossover):
                shape[i, j] = rho if same_arm or i % measures == j % measures else rho**2
    sizes = np.repeat(sd[:, None, :] * sd[:, :, None] * shape / design.per_arm(participants), studies, axis=0)
    effects = np.column_stack(
        [
            taus["tau_mood_setting"] * normals(SEEDS[0], "study setting", draws * studies),
            taus["tau_mood_late"] * normals(SEEDS[0], "study late", draws * studies),
            taus["tau_mood_drug"] * normals(SEEDS[0], "study drug", draws * studies),
        ]
    )
    means = np.repeat(mean, studies, axis=0) + np.einsum("kme,ke->km", np.repeat(slopes, studies, axis=0), effects)
    return Predictive(means, sizes, np.repeat(believer.weights / studies, studies))


def next_study(
    *names: str,
    budget: int = 160,
    only: Sequence[str] | None = None,
    draws: int = DRAWS,
    outer: int = OUTER,
    progress: Callable[[float], None] | None = None,
    library: Mapping[str, Design] | None = None,
) -> NextStudy:
    """Rank the designs by what they would say about which of the named hypotheses holds, with `budget` participants.

    names : two or more hypotheses. budget : participants in all arms together. only : designs by name (all, unless given). library : designs by name instead of
    those of the package. draws : of the numbers of each hypothesis. outer : simulated studies per design. progress : told the share done.

    Returns a `NextStudy`; information in nats with its Monte Carlo standard error. Raises UsageError for fewer than two or unknown hypotheses, or a budget too small for two people per arm.
    """
    believers = _believers(names, draws)
    known = dict(library or designs())
    chosen = [known[name] for name in only or known]
    most = max(len(d.arms) for d in chosen)
    if budget < 2 * most:
        raise UsageError(
            f"{budget} participants are too few for {most} arms",
            where=f"--budget {budget}",
            allowed=f"{2 * most} or more",
            fix="--budget 160",
        )
    taus, prior = shipped_taus(), [1.0 / len(believers)] * len(believers)
    misled = value("weigh.misleading_chance").value
    found: list[Ranked] = []
    sizes: dict[str, tuple[tuple[int, float, float], ...]] = {}
    failed: dict[str, str] = {}
    for done, design in enumerate(chosen):
        try:
            use, unspoken = _spoken(design, believers)
        except Exception as error:  # one design that cannot be integrated must not end the others
            from ketasim.core import KetasimError

            if not isinstance(error, KetasimError):
                raise
            failed[design.name] = error.what
            continue
        tables = {
            n: [predictive(b, design, n, use, taus) for b in believers]
            for n in sorted({*SIZES, budget})
            if n >= 2 * len(design.arms)
        }
        first = {
            n: expected_information(t, prior, outer, SEEDS[0], misled)
            for n, t in tables.items()
            if n <= max(budget, SIZES[-1])
        }
        again = expected_information(tables[budget], prior, outer, SEEDS[1], misled)
        sizes[design.name] = tuple((n, i.nats, i.se) for n, i in first.items())
        measured = tuple(m.label for m, u in zip(design.measures, use, strict=True) if u)
        found.append(Ranked(design, budget, first[budget], again.nats, _summary(design, believers), measured, unspoken))
        if progress:
            progress((done + 1) / len(chosen))
    found.sort(key=lambda r: -r.information.nats)
    unsure = tuple(
        (a.design.name, b.design.name)
        for a, b in pairwise(found)
        if a.information.nats - b.information.nats < 2.0 * math.hypot(a.information.se, b.information.se)
    )
    second = [r.design.name for r in sorted(found, key=lambda r: -r.other_seed)]
    return NextStudy(names, budget, tuple(found), sizes, [r.design.name for r in found] == second, unsure, failed)


def _believers(names: Sequence[str], draws: int) -> list[Believer]:
    if len(names) < 2:
        raise UsageError(
            "a study separates at least two hypotheses",
            where=" ".join(names),
            fix="ketasim next-study opioid-gate disinhibition",
        )
    if len(set(names)) < len(names):
        raise UsageError(
            "a hypothesis is named twice",
            where=" ".join(names),
            allowed="two or more different ones",
            fix="ketasim next-study opioid-gate disinhibition",
        )
    return [Believer(hypothesis(name), draws) for name in names]


def _spoken(design: Design, believers: Sequence[Believer]) -> tuple[BoolArray, tuple[str, ...]]:
    """Measures about which every hypothesis speaks; those about which one does not cannot be weighed."""
    use = np.ones(len(design.measures), dtype=bool)
    for b in believers:
        for arm in design.arms:
            use &= np.isfinite(b.outcome(design, arm).mean).all(axis=0)
    # what is felt is the same under every hypothesis here: it tells about masking, not about mechanism
    use &= np.array([m.output != "cadss" for m in design.measures])
    return use, tuple(m.label for m, u in zip(design.measures, use, strict=True) if not u and m.output != "cadss")


def _summary(design: Design, believers: Sequence[Believer]) -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
    """Mean and SD over the draws of every measure in every arm under every hypothesis."""
    out: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}
    for b in believers:
        out[b.entry.id] = {}
        for arm in design.arms:
            o = b.outcome(design, arm)
            mean = b.weights @ o.mean
            sd = np.sqrt(b.weights @ (o.mean - mean) ** 2)
            out[b.entry.id][arm.name] = {
                m.label: (float(x), float(s))
                for m, x, s in zip(design.measures, mean, sd, strict=True)
                if np.isfinite(x)
            }
    return out
