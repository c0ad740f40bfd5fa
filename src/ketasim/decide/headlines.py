"""The headlines as rows of a study, predicted under many sets of numbers at once, and the uncertain values that they read.

Headlines stand in knowledge/headlines.toml and are predicted as rows of studies are, in the even people of the fit. Uncertain values: those of the
shipped posterior (their draws), and every other one that the headlines' arms read, with its own uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ketasim.core import FrozenMapping, KetasimError, all_values, knowledge_path, read_toml, value
from ketasim.core.arrays import Array
from ketasim.core.posterior import SPREAD, Posterior
from ketasim.core.values import starting_value
from ketasim.evidence.arms.context import Context
from ketasim.evidence.arms.courses import ArmSpec, Course, integrated_values, many_courses
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import predict_row
from ketasim.evidence.fit.parameters import Parameter, free_parameters
from ketasim.evidence.kinetics.fit_plasma import priors
from ketasim.evidence.published.study import Arm, Row, Study
from ketasim.ratings.mood import rating_values

BESIDE = "comedication"  # values of drugs that no headline gives
FIT, PLASMA, OWN = "fit to outcomes", "fit to concentrations", "not fitted"
KINDS = {"lognormal": "log", "logitnormal": "logit", "normal": "plain", "loguniform": "log"}


# the headlines ----------------------------------------------------------------------------------------------------


@cache
def headline_study() -> Study:
    """The headlines of knowledge/headlines.toml as a study without published values."""
    table = read_toml(knowledge_path() / "headlines.toml")
    arms = {key: Arm(key=key, words=arm["words"], setting=arm["setting"]) for key, arm in table["arms"].items()}
    rows = []
    for line, (name, entry) in enumerate(table["headlines"].items()):
        for key in (entry["arm"], entry.get("versus", "")):
            if key and key not in arms:
                raise KetasimError(f"no arm {key}", where=f"knowledge/headlines.toml, [headlines.{name}]")
        rows.append(
            Row(
                study="headlines", record=name, arm=entry["arm"], versus=entry.get("versus", ""), endpoint=entry["endpoint"],
                scale="MADRS" if entry["endpoint"] == "madrs" else "", statistic=entry["statistic"], time_h=entry["time_h"],
                value=math.nan, unit=entry["unit"], low=math.nan, high=math.nan, se=math.nan, sd=math.nan, n=math.nan,
                provenance="derived", use="predict", note="", line=line,
            )
        )  # fmt: skip
    return Study(
        id="headlines", role="", citation="", doi="", group="", design="parallel", blinding="open", rater="clinician",
        population="", n=math.nan, arms=FrozenMapping(arms), rows=tuple(rows),
    )  # fmt: skip


@dataclass(frozen=True)
class _Ready(Numbers):
    """Numbers whose arms have been integrated."""

    arms: Mapping[ArmSpec, Course] = field(default_factory=dict, compare=False, repr=False)

    def integrated[S, C](self, spec: S, integrate: Callable[[S, Mapping[str, float]], C]) -> C:
        known = self.arms.get(spec)  # type: ignore[call-overload]
        return integrate(spec, self.chain) if known is None else known


@dataclass(frozen=True)
class _Noting(Numbers):
    """Notes every arm that is asked for."""

    noted: list[ArmSpec] = field(default_factory=list, compare=False)

    def integrated[S, C](self, spec: S, integrate: Callable[[S, Mapping[str, float]], C]) -> C:
        if spec not in self.noted:
            self.noted.append(spec)  # type: ignore[arg-type]
        return integrate(spec, self.chain)


def predictions(sets: Sequence[Mapping[str, float]], study: Study | None = None) -> Array:
    """The headlines (N, H) under N sets of replaced numbers, exactly: every arm integrated once for all sets."""
    asked = study or headline_study()
    noting = _Noting()
    first = Context(asked, noting)
    for row in asked.rows:
        predict_row(first, row)
    courses = {spec: many_courses(spec, sets) for spec in noting.noted}
    found = []
    for i, one in enumerate(sets):
        context = Context(asked, _Ready(one, arms={spec: made[i] for spec, made in courses.items()}))
        found.append([predict_row(context, row) for row in asked.rows])
    return np.array(found)


def arms_of_headlines() -> tuple[ArmSpec, ...]:
    """The arms that are integrated."""
    noting, study = _Noting(), headline_study()
    context = Context(study, noting)
    for row in study.rows:
        predict_row(context, row)
    return tuple(noting.noted)


# the uncertain values ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Uncertain:
    """An uncertain value: its scale, the number at the centre, its SD there, and the SD before the data (the same where nothing was fitted)."""

    key: str
    origin: str
    scale: Parameter
    sd: float
    prior_sd: float

    def at(self, sds: float) -> float:
        """The number so many SDs from the centre, held inside its bounds."""
        return self.scale.value(sds)


def _scale(key: str, kind: str, centre: float, sd: float) -> Parameter:
    """Numbers of a value in SDs around its centre, inside its bounds."""
    low, high = (starting_value(key).bounds if not key.endswith(SPREAD) else None) or (-math.inf, math.inf)
    return Parameter(key, kind, centre, sd, max(low, 0.0) if kind == "log" else low, high)


def inward(kind: str, numbers: Array) -> Array:
    """Numbers (N,) on the scale of a kind of uncertainty: log, logit or plain."""
    if kind == "log":
        return np.asarray(np.log(np.maximum(numbers, 1e-12)))
    if kind == "logit":
        p = np.clip(numbers, 1e-9, 1 - 1e-9)
        return np.asarray(np.log(p / (1 - p)))
    return np.asarray(numbers)


def fitted_values(shipped: Posterior) -> tuple[list[Uncertain], Array]:
    """Values of the posterior with a scale of their own, and their draws in SDs around the centre, (N, p).

    Centre: the mode of the fit to outcomes (its shipped value); the median of the draws of the fit to concentrations.
    """
    found, columns = [], []
    free = {p.key: p for p in free_parameters()}
    plasma = {p.name: p for p in priors()}
    for i, name in enumerate(shipped.names):
        draws = shipped.draws[:, i]
        if name in free:
            kind, prior_sd, origin = free[name].kind, free[name].sd, FIT
            centre = float(shipped.mode.get(name, np.median(draws)))
            if kind == "log" and centre <= 0.0:
                kind = "plain"
        elif name in plasma:
            kind, prior_sd, origin = plasma[name].transform, plasma[name].sd, PLASMA
            centre = value(name).value
        else:
            continue  # worked out from others (medians of gains, the tied slope)
        moved = inward(kind, draws)
        sd = float(moved.std(ddof=1))
        found.append(Uncertain(name, origin, _scale(name, kind, centre, sd), sd, prior_sd))
        columns.append((moved - float(inward(kind, np.array([centre]))[0])) / sd)
    return found, np.stack(columns, axis=1)


def other_values(known: Sequence[str]) -> list[Uncertain]:
    """Every value with an uncertainty of its own that the headlines read and that no fit has touched."""
    specs = [spec for spec in arms_of_headlines() if integrated_values(spec)]
    read = frozenset().union(*(integrated_values(spec) for spec in specs)) | _ratings() | _readouts(specs)
    found = []
    for one in all_values():
        if one.uncertain is None or one.key in known or one.key not in read or one.stage == BESIDE:
            continue
        kind, spread = KINDS[one.uncertain.kind], one.uncertain
        sd = spread.sd if spread.kind != "loguniform" else math.log(spread.high / spread.low) / math.sqrt(12.0)
        if sd > 0 and not (kind == "log" and one.value <= 0):
            found.append(Uncertain(one.key, OWN, _scale(one.key, kind, one.value, sd), sd, sd))
    return found


def _ratings() -> frozenset[str]:
    """Keys of the values of setting and observation."""
    return frozenset(rating_values())


def _readouts(specs: Sequence[ArmSpec]) -> frozenset[str]:
    """Keys of the values that act after the integration, in what the headlines read."""
    noted: set[str] = set()
    for made in (many_courses(spec, [{}])[0].readout for spec in specs):
        if made is not None:
            noted |= {key for port in ("mood_drive", "cadss", "sbp_rise") for key in made.reads(port)}
    return frozenset(noted)
