"""Published points beside a course: what studies with the same drug, route, doses and control observed, with error bars and a source each.

A point matches by what was given and how it was controlled, never by its value. Nothing of it enters a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ketasim.core import KetasimError, output_register, value
from ketasim.dose import Regimen, parse
from ketasim.scenario.plan import Scenario

from .studies import studies
from .study import Arm, Row, Study

NEAR_MG = 0.25  # of the total given so far: doses that differ by more are not the same course
NEAR_H = 12.0  # by which the days of the same schedule may differ
Z95 = 1.959963984540054
SCALE = "MADRS"  # of the course charts: other scales are not converted
UNUSED = ("memory", "sign")  # never shown as observed: a number from memory, a mere direction
LEVELS = ("plasma.", "arterial.")  # outputs whose published profiles are drawn as they are
PROFILE = "profile_point"
TRUST = ("seen", "third_party", "press", "digitised", "derived")  # of two prints of one number the first is shown
USUAL = {"weight": "typical_weight", "baseline": "typical_madrs"}
BESIDE = "ssri"  # a background antidepressant in both arms leaves a difference between them as it is


@dataclass(frozen=True, slots=True)
class Observed:
    """A published number that stands beside a course.

    output : name of the register. side : `drug` (the treatment) or `control` (its comparator, or any placebo of the same route and setting).
    low, high : 95 % interval; NaN where none was published and none follows from SD and n. bar : where it comes from.
    how : what the number is, where it is not printed as it stands.
    """

    output: str
    side: str
    time_h: float
    value: float
    low: float
    high: float
    bar: str
    unit: str
    n: float
    study: str
    citation: str
    record: str
    arm: str
    provenance: str
    how: str


@dataclass(frozen=True, slots=True)
class _Course:
    """What an arm or a scenario gives: drug, route, whether it is a control, start times (h) and mg of each main dose, other drugs."""

    drug: str
    route: str
    control: bool
    starts: tuple[float, ...]
    mg: tuple[float, ...]
    beside: frozenset[str]

    def until(self, time_h: float) -> tuple[tuple[float, ...], float]:
        """Doses begun before a time, and their total in mg."""
        count = sum(start < max(time_h, 1e-6) - 1e-9 or start == 0.0 for start in self.starts)
        return self.starts[:count], sum(self.mg[:count])


def observed(asked: Scenario) -> tuple[Observed, ...]:
    """Published points that stand beside the courses of a scenario, by output and time.

    Same drug and route; until the point as many doses, each within a day of the scenario's, with a total within a quarter; the same setting (control), and felt or
    masked alike, for scores; the same other drugs (a background antidepressant in both arms does not matter to a difference). Placebo arms of the same route and setting
    stand beside a placebo. Numbers from memory and mere directions are left out. None where nothing matches.
    """
    weight = float(asked.traits.weight or value(USUAL["weight"]).value)
    start = float(asked.traits.baseline or value(USUAL["baseline"]).value)
    mine = _course(asked.regimen, weight, asked.end_h)
    if mine is None:
        return ()
    found = [
        point
        for study in studies().values()
        for row in study.rows
        if row.provenance not in UNUSED and row.time_h <= asked.end_h + 1e-9
        for point in _points(study, row, mine, asked, weight, start)
    ]
    return tuple(sorted(_once(found), key=lambda p: (p.output, p.side, p.time_h, p.study)))


def _once(points: list[Observed]) -> list[Observed]:
    """A number that was printed twice (as a mean and as a sum of its parts) once: with an error before without, then the more direct print."""
    found: dict[tuple[object, ...], Observed] = {}
    for p in sorted(points, key=lambda p: (math.isnan(p.low), TRUST.index(p.provenance))):
        found.setdefault((p.output, p.side, p.study, p.arm, p.time_h, p.n), p)
    return list(found.values())


def _points(study: Study, row: Row, mine: _Course, asked: Scenario, weight: float, start: float) -> Iterator[Observed]:
    if len(row.arm_keys) != 1 or row.among or row.estimand or not math.isfinite(row.time_h):
        return
    arm = study.arms[row.arm_keys[0]]
    theirs = _arm_course(arm, study, weight, asked.end_h)
    if theirs is None:
        return
    for name, low_high_value, how in _readings(study, row, arm, start):
        compared = name == "madrs.effect"
        side = _side(mine, theirs, row.time_h)
        if side is None or (compared and (side != "drug" or mine.control or not _against_control(study, row))):
            continue
        if output_register()[name].stage == "mood":
            if arm.setting != asked.setting or arm.masked != asked.masked or row.scale != SCALE:
                continue
            extra = (theirs.beside ^ mine.beside) - ({BESIDE} if compared else set())
            if extra or (arm.new_antidepressant and not compared and BESIDE not in mine.beside):
                continue
        elif theirs.beside != mine.beside or side != "drug":
            continue
        centre, low, high, bar = low_high_value
        yield Observed(
            output=name,
            side=side,
            time_h=row.time_h,
            value=centre,
            low=low,
            high=high,
            bar=bar,
            unit=output_register()[name].unit,
            n=row.n if math.isfinite(row.n) else arm.n,
            study=study.id,
            citation=study.citation,
            record=row.record,
            arm=f"{row.arm} against {row.versus}" if row.versus else row.arm,
            provenance=row.provenance,
            how=how,
        )


def _readings(
    study: Study, row: Row, arm: Arm, start: float
) -> Iterator[tuple[str, tuple[float, float, float, str], str]]:
    """Which outputs a row stands beside: (name, (value, low, high, where the bar comes from), what it is)."""
    interval = _interval(row)
    centre, low, high, bar = interval
    if row.endpoint.startswith(LEVELS) and row.endpoint in output_register() and row.statistic == PROFILE:
        if row.unit == output_register()[row.endpoint].unit:
            yield row.endpoint, interval, "mean level"
    elif row.endpoint != "madrs" or row.unit != "points":
        return
    elif row.statistic == "difference" and row.versus:
        yield "madrs.effect", interval, "difference from the comparator"
    elif row.statistic in ("mean", "change_mean") and not row.versus:
        own = _baseline(study, arm) if row.statistic == "mean" else 0.0
        if not math.isfinite(own):
            return
        change = (centre - own, low - own, high - own, bar)
        how = (
            "mean change"
            if row.statistic == "change_mean"
            else f"mean score {centre:g} less the published start {own:g}"
        )
        yield "madrs.change", change, how
        moved = (change[0] + start, change[1] + start, change[2] + start, bar)
        yield "madrs", moved, f"{how}, drawn from the typical person's start {start:g}"


def _baseline(study: Study, arm: Arm) -> float:
    """The mean score before treatment, only where it was reported on the same scale."""
    if math.isfinite(arm.baseline) and (arm.baseline_scale or str(study.baseline.get("scale", ""))) == SCALE:
        return arm.baseline
    if study.baseline.get("scale") == SCALE and study.baseline.get("reported"):
        return float(study.baseline.get("mean", math.nan))
    return math.nan


def _interval(row: Row) -> tuple[float, float, float, str]:
    """95 % interval: as printed, else value -+ 1.96 SE, else value -+ 1.96 SD / sqrt(n), else none."""
    if math.isfinite(row.low) and math.isfinite(row.high):
        return row.value, row.low, row.high, "95 % interval as published"
    error, words = row.se, "1.96 published standard errors"
    if not math.isfinite(error) and math.isfinite(row.sd) and row.n > 1:
        error, words = row.sd / math.sqrt(row.n), "1.96 SD / sqrt(n), from the published SD"
    if not math.isfinite(error):
        return row.value, math.nan, math.nan, "no error published"
    return row.value, row.value - Z95 * error, row.value + Z95 * error, words


def _side(mine: _Course, theirs: _Course, time_h: float) -> str | None:
    """`drug` for the same course up to a time, `control` for a placebo or comparator by the same route at the same times, None for anything else."""
    own, own_mg = mine.until(time_h)
    other, other_mg = theirs.until(time_h)
    if mine.route != theirs.route or len(own) != len(other):
        return None
    if any(abs(a - b) > NEAR_H for a, b in zip(own, other, strict=True)):
        return None
    if theirs.control:
        return "drug" if mine.control and mine.drug == theirs.drug else "control"
    if mine.control or mine.drug != theirs.drug or abs(other_mg - own_mg) > NEAR_MG * own_mg:
        return None
    return "drug"


def _against_control(study: Study, row: Row) -> bool:
    """Whether the other side of a difference is a placebo or comparator."""
    others = [_arm_course(study.arms[key], study, 0.0, row.time_h) for key in row.versus_keys]
    return bool(others) and all(other is not None and other.control for other in others)


def _arm_course(arm: Arm, study: Study, weight: float, end_h: float) -> _Course | None:
    if not arm.words or arm.no_words or arm.experiment:
        return None
    own = float(arm.people.get("weight", study.weight_kg if study.weight_kg > 0 else weight or 70.0))
    return _spoken(arm.words, arm.repeat, tuple(arm.with_), own, max(end_h, 1.0))


@lru_cache(maxsize=4096)
def _spoken(words: str, repeat: str, with_: tuple[str, ...], weight: float, end_h: float) -> _Course | None:
    try:
        return _course(parse(words, repeat=repeat, with_=with_), weight, end_h)
    except KetasimError:
        return None


def _course(regimen: Regimen, weight: float, end_h: float) -> _Course | None:
    main = list(regimen.main.times(end_h))
    if not main:
        return None
    first = main[0][2]
    return _Course(
        drug=str(first.drug),
        route=str(first.route),
        control=first.entry.role == "placebo" or first.drug == "midazolam",
        starts=tuple(time for time, _, _ in main),
        mg=tuple(0.0 if dose.amount is None else float(dose.base(weight)) for _, _, dose in main),
        beside=_others(regimen, end_h),
    )


def _others(regimen: Regimen, end_h: float) -> frozenset[str]:
    """Drugs given beside the main one."""
    main = {str(dose.drug) for _, _, dose in regimen.main.times(end_h)}
    return frozenset({str(d.dose.drug) for d in regimen.doses(end_h)} - main)
