"""Hypotheses side by side on the same evidence, from the calibrations that ship: no integration, well under a second.

log evidence and leave one out   of each calibration (`calibrated`)
stacking       weights on the simplex that maximise sum_s log sum_h w_h p_h(y_s | y_-s)   (Yao 2018, doi:10.1214/17-BA1091)
held out       sum over `validate` studies of log sum_k w_k p(y_v | z_k); never used for a choice
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import Hypothesis, default_hypothesis, hypotheses, posterior_path
from ketasim.core import KetasimError, UsageError, unknown_name
from ketasim.core.arrays import Array, BoolArray

from .calibrated import Calibrated, calibrated
from .findings import FindingSet
from .own_findings import Added, OwnFinding, Told, added, refusal, together, told_of
from .pairs import GroupSwing, Pair, group_swings, pairs_of, shared_groups, softmax

ANIMAL = "animal"
SUMS_TO = 1e-6  # how far a prior may be from summing to 1
_TURNS = 2000  # of the stacking iteration


@dataclass(frozen=True)
class Row:
    """One hypothesis in the table. weight = prior times evidence; held_out over the studies that every hypothesis could be integrated for."""

    entry: Hypothesis
    prior: float
    log_evidence: float
    log_evidence_se: float
    effective: float
    weight: float
    stacking: float
    held_out: float
    held_out_se: float
    loo: float
    by_group: Mapping[str, float]
    by_study: Mapping[str, float]


@dataclass(frozen=True)
class Swing:
    """What leaving one study out does: weights without it, and the hypothesis that moves most."""

    study: str
    group: str
    moved: str
    before: float
    after: float
    log_odds: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Weighing:
    """The whole answer."""

    rows: tuple[Row, ...]
    swings: tuple[Swing, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    studies: tuple[str, ...]
    study_group: Mapping[str, str]
    animals: bool
    without: tuple[str, ...]
    held_names: tuple[str, ...]
    held_left_out: tuple[str, ...]
    not_weighed: tuple[str, ...] = ()
    own: tuple[OwnFinding, ...] = ()
    group_swings: tuple[GroupSwing, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for --json: null where no study is held out (no score), or one alone (no SE)."""
        return {
            "hypotheses": [
                {
                    "id": r.entry.id,
                    "title": r.entry.title,
                    "variants": {k: list(v) for k, v in r.entry.variants.items()},
                    "free": list(r.entry.free_keys),
                    "prior": r.prior,
                    "log_evidence": r.log_evidence,
                    "log_evidence_se": r.log_evidence_se,
                    "effective_draws": r.effective,
                    "weight": r.weight,
                    "stacking": r.stacking,
                    "leave_one_out": r.loo,
                    "held_out": r.held_out if self.held_names else None,
                    "held_out_se": r.held_out_se if math.isfinite(r.held_out_se) else None,
                    "by_group": dict(r.by_group),
                    "by_study": dict(r.by_study),
                    "predicts": list(r.entry.predicts),
                    "refuted_by": list(r.entry.refuted_by),
                }
                for r in self.rows
            ],
            "swings": [
                {
                    "study": s.study,
                    "group": s.group,
                    "moved": s.moved,
                    "before": s.before,
                    "after": s.after,
                    "log_odds": s.log_odds,
                    "weights": dict(s.weights),
                }
                for s in self.swings
            ],
            "without_groups": [
                {
                    "group": g.group,
                    "studies": list(g.studies),
                    "first_before": g.first_before,
                    "first": g.first,
                    "weights": dict(g.weights),
                    "effective_draws": g.effective,
                    "no_longer_told_apart": [list(pair) for pair in g.joined],
                    "told_apart_only_then": [list(pair) for pair in g.parted],
                    "groups": [list(names) for names in g.groups],
                    "changes": g.changes,
                }
                for g in self.group_swings
            ],
            "pairs": [
                {"first": p.first, "second": p.second, "difference": p.difference, "se": p.se, "told_apart": p.apart}
                for p in self.pairs
            ],
            "groups": [list(g) for g in self.groups],
            "cannot_be_told_apart": [[p.first, p.second] for p in self.pairs if not p.apart],
            "not_weighed": list(self.not_weighed),
            "own_findings": [f.to_dict() for f in self.own],
            "evidence": {
                "studies": list(self.studies),
                "animals": self.animals,
                "without": list(self.without),
                "held_out": list(self.held_names),
                "held_out_left_out": list(self.held_left_out),
            },
        }

    def row(self, name: str) -> Row:
        """The row of a hypothesis."""
        return next(r for r in self.rows if r.entry.id == name)


def prior_weights(asked: Mapping[str, float] | None) -> dict[str, float]:
    """Prior chance of every hypothesis: even, or as asked. Those not named share what is left; if nothing is left, they get none.

    Raises UsageError for an unknown name, a negative number, a sum above 1, or a sum below 1 with every hypothesis named.
    """
    names = list(hypotheses())
    if not asked:
        return dict.fromkeys(names, 1.0 / len(names))
    for name, chance in asked.items():
        if name not in names:
            raise unknown_name("hypothesis", name, names, where=f"--prior {name}={chance:g}")
        if not (0.0 <= chance <= 1.0):
            raise UsageError(
                f"a prior chance lies between 0 and 1, not {chance:g}",
                where=f"--prior {name}={chance:g}",
                fix=f"--prior {name}=0.5",
            )
    total, others = sum(asked.values()), [n for n in names if n not in asked]
    if total > 1.0 + SUMS_TO or (not others and abs(total - 1.0) > SUMS_TO):
        raise UsageError(
            f"the prior sums to {total:g}",
            where="--prior",
            allowed="chances that sum to 1; what is left is shared among the others",
            fix=" ".join(f"--prior {n}={c / total:.3g}" for n, c in asked.items()),
        )
    return {n: asked.get(n, (1.0 - total) / len(others) if others else 0.0) for n in names}


def comparable() -> tuple[str, ...]:
    """Hypotheses whose shipped calibration rests on the same evidence as that of the working default; others cannot be set beside it."""
    yardstick = calibrated(default_hypothesis().id)
    found = []
    for name in hypotheses():
        if posterior_path(name).exists():
            other = calibrated(name)
            if (other.names, other.evidence) == (yardstick.names, yardstick.evidence):
                found.append(name)
    return tuple(found)


def weigh(
    prior: Mapping[str, float] | None = None,
    *,
    animals: bool = True,
    without: Sequence[str] = (),
    findings: Sequence[str | Path] = (),
) -> Weighing:
    """Weigh every hypothesis.

    prior : chance of a hypothesis by name (0 to 1); those not named share what is left, all alike without it. animals : count animal evidence. without : studies left out. findings : files of findings of one's own.

    Raises UsageError for an unknown hypothesis or study, priors that do not sum to 1, and a file of findings with problems (all at once). A finding that
    is read but cannot count is in `own`, with the reason.
    """
    chances = prior_weights(prior)
    every = [calibrated(name) for name in comparable()]
    told = told_of(findings)
    known = {*every[0].names, *(t.finding.study for t in told)}
    for study in without:
        if study not in known:
            raise unknown_name("study", study, known, where=f"--without {study}")
    every, own = with_findings(every, told, animals, without)
    names, groups = every[0].names, every[0].groups
    keep = np.array([(animals or groups[n] != ANIMAL) and n not in without for n in names])
    kept = tuple(n for n, k in zip(names, keep, strict=True) if k)
    loo = np.stack([c.leave_one_out(keep) for c in every])
    evidence = [c.log_evidence(keep) for c in every]
    log_prior = np.log([max(chances[c.entry.id], 1e-300) for c in every])
    weights = softmax(np.array([e[0] for e in evidence]) + log_prior)
    stacked = stacking(loo)
    held = np.stack([c.held_out(keep) for c in every])
    whole = np.isfinite(held).all(axis=0)
    kinds = tuple(dict.fromkeys(groups[n] for n in kept))
    rows = tuple(
        Row(
            c.entry,
            chances[c.entry.id],
            *evidence[i],
            float(weights[i]),
            float(stacked[i]),
            float(held[i, whole].sum()),
            float(np.sqrt(whole.sum()) * (held[i, whole] - held[:, whole].mean(axis=0)).std(ddof=1))
            if whole.sum() > 1
            else math.nan,
            float(loo[i].sum()),
            {g: float(sum(x for x, n in zip(loo[i], kept, strict=True) if groups[n] == g)) for g in kinds},
            {n: float(x) for n, x in zip(kept, loo[i], strict=True)},
        )
        for i, c in enumerate(every)
    )
    ids = [c.entry.id for c in every]
    known_entries = {c.entry.id: c.entry for c in every}
    pairs = pairs_of(ids, loo)
    return Weighing(
        tuple(sorted(rows, key=lambda r: -r.log_evidence)),
        _swings(every, keep, log_prior, weights, loo),
        pairs,
        shared_groups(pairs, known_entries),
        kept,
        groups,
        animals,
        tuple(without),
        tuple(n for n, ok in zip(every[0].held_names, whole, strict=True) if ok),
        tuple(n for n, ok in zip(every[0].held_names, whole, strict=True) if not ok),
        tuple(n for n in hypotheses() if n not in {c.entry.id for c in every}),
        own,
        group_swings(dict(zip(ids, every, strict=True)), names, groups, keep, log_prior, weights, pairs, known_entries),
    )


def with_findings(
    every: Sequence[Calibrated], told: Sequence[Told], animals: bool = True, without: Sequence[str] = ()
) -> tuple[list[Calibrated], tuple[OwnFinding, ...]]:
    """The calibrations with those findings of one's own that count, and what became of each finding, in the order given."""
    reasons = [refusal(t, every[0].names, animals, without) for t in told]
    predicted: list[dict[str, float | None]] = [{} for _ in told]
    parts: list[list[Added]] = [[] for _ in every]
    studies = dict.fromkeys(t.finding.study for t in told)
    for study in studies:
        at = [i for i, t in enumerate(told) if t.finding.study == study and not reasons[i]]
        if not at:
            continue
        own = FindingSet(tuple(told[i].finding for i in at))
        try:
            under = [added(own, c.entry, c.z, c.centre) for c in every]
        except KetasimError as error:
            for i in at:
                reasons[i] = f"it cannot be integrated: {error.what}"
            continue
        speaks = [j for j in range(len(at)) if any(np.isfinite(a.outcomes[:, j]).any() for a in under)]
        for j, i in enumerate(at):
            if j not in speaks:
                reasons[i] = "no hypothesis has a prediction for it: it could neither help nor harm any"
            for c, a in zip(every, under, strict=True):
                mean = float(c.draws(np.ones(len(c.names), dtype=bool)) @ a.outcomes[:, j])
                predicted[i][c.entry.id] = mean if math.isfinite(mean) else None
        for part, a in zip(parts, under, strict=True):
            if speaks:
                part.append(a.only(speaks))
    found = tuple(
        OwnFinding(t.finding.study, t.finding.published.says, t.source, not reason, reason, seen)
        for t, reason, seen in zip(told, reasons, predicted, strict=True)
    )
    return [c.with_own(together(part)) if part else c for c, part in zip(every, parts, strict=True)], found


def stacking(loo: Array) -> Array:
    """Stacking weights (H,) for leave-one-out log scores (H, S), by expectation maximisation."""
    count = loo.shape[0]
    density = np.exp(loo - loo.max(axis=0))
    w = np.full(count, 1.0 / count)
    for _ in range(_TURNS):
        share = w[:, None] * density
        share /= share.sum(axis=0)
        w = share.mean(axis=1)
    return np.asarray(w)


def _swings(
    every: Sequence[Calibrated], keep: BoolArray, log_prior: Array, weights: Array, loo: Array
) -> tuple[Swing, ...]:
    """Weights without each study, largest change first."""
    found = []
    ids = [c.entry.id for c in every]
    whole = np.array([c.log_evidence(keep)[0] for c in every]) + log_prior
    for i, s in enumerate(np.flatnonzero(keep)):
        without = softmax(whole - loo[:, i])  # log p(y without s) = log p(y) - log p(y_s | the others)
        most = int(np.argmax(np.abs(without - weights)))
        odds = _log_odds(without[most]) - _log_odds(weights[most])
        study = every[0].names[int(s)]
        found.append(
            Swing(
                study,
                every[0].groups[study],
                ids[most],
                float(weights[most]),
                float(without[most]),
                odds,
                dict(zip(ids, map(float, without), strict=True)),
            )
        )
    return tuple(sorted(found, key=lambda x: -abs(x.after - x.before)))


def _log_odds(p: float) -> float:
    q = min(max(float(p), 1e-12), 1 - 1e-12)
    return math.log(q / (1 - q))


__all__ = [
    "Calibrated",
    "GroupSwing",
    "Pair",
    "Row",
    "Swing",
    "Weighing",
    "calibrated",
    "comparable",
    "prior_weights",
    "shared_groups",
    "stacking",
    "weigh",
    "with_findings",
]
