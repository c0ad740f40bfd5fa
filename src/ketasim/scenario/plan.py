"""A scenario: everything that is asked for, as one frozen value, and the times at which answers are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.chain.hypothesis import hypothesis as named_hypothesis
from ketasim.core import Drug, FrozenMapping, UsageError, read_drug, unknown_name
from ketasim.dose import Regimen, parse
from ketasim.people import Traits
from ketasim.ratings.setting import setting

Array = NDArray[np.float64]

HOURS_PER_DAY = 24.0
DEFAULT_PEOPLE = 200
DEFAULT_SEED = 1
DEFAULT_DRAWS = 64  # of the posterior, for the uncertainty of the typical course
LAST_LOOK_H = 7 * HOURS_PER_DAY  # the summary speaks of 24 h and of 7 days
DEFAULT_AT_H = (0.0, 1 / 6, 2 / 3, 1.0, 2.0, 4.0, 24.0, 48.0, 72.0, 168.0)
LONGEST_DAYS = 3 * 366.0
MOST_TIMES = 5000
_SAME_TIME_H = 1e-9


@dataclass(frozen=True, slots=True)
class Sudden:
    """A sudden change of a state for everybody at `time_h`: y <- scale * y + add (an experiment, not a dose)."""

    time_h: float
    state: str
    scale: float = 1.0
    add: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """An input of the model held at `level` (its own unit) from `start_h` to `end_h` (an experiment: a slice in a bath)."""

    input: str
    level: float
    start_h: float
    end_h: float


@dataclass(frozen=True)
class Scenario:
    """What is simulated, in whom, where, and when answers are wanted.

    words, repeat, with_ : the regimen in the words of the command line. setting : open | saline | midazolam | nasal-placebo |
    inpatient | routine. masked : nobody can tell drug from placebo, whatever is felt. days : length of the run (None: until a week after the last dose). at : output times in h
    (None: the usual ones). people, seed, traits : who. draws : of the posterior, for the uncertainty of the model (0: none). compounds : drugs of the user's own.
    values : chain or setting values replaced by a number. variants : stage -> mechanisms that replace the default ones.
    sudden, held : changes of states at a time, inputs held at a level (virtual experiments). parts : parts of the chain beside those
    the doses need. hypothesis : whose mechanisms and numbers these are; optional : values that count only where the chain has them.
    """

    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    setting: str = "saline"
    masked: bool = False
    days: float | None = None
    at: tuple[float, ...] | None = None
    people: int = DEFAULT_PEOPLE
    seed: int = DEFAULT_SEED
    draws: int = DEFAULT_DRAWS
    traits: Traits = field(default_factory=Traits)
    compounds: tuple[Drug, ...] = ()
    values: Mapping[str, float] = field(default_factory=FrozenMapping)
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=FrozenMapping)
    sudden: tuple[Sudden, ...] = ()
    held: tuple[Held, ...] = ()
    name: str = ""
    parts: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    hypothesis: str = ""

    def __post_init__(self) -> None:
        setting(self.setting)
        if self.days is not None and not 0 < self.days <= LONGEST_DAYS:
            raise UsageError(
                f"{self.days:g} days cannot be simulated",
                where=f"--days {self.days:g}",
                allowed=f"above 0, up to {LONGEST_DAYS:g}",
                fix="--days 28",
            )
        if self.at is not None:
            _check_times(self.at)

    @cached_property
    def regimen(self) -> Regimen:
        """The doses in order; raises a UsageError that teaches for words that cannot be read."""
        return parse(self.words, repeat=self.repeat, with_=self.with_, compounds=self.compounds)

    @cached_property
    def end_h(self) -> float:
        """The end of the run in h: what was asked for, or a week after the last main dose (a day after a longer one); never before the last output time."""
        last_asked = max(self.at) if self.at else 0.0
        if self.days is not None:
            return max(self.days * HOURS_PER_DAY, last_asked)
        if self.regimen.main.endless:
            return max(8 * LAST_LOOK_H, last_asked)
        doses = [(time, time + dose.duration_h) for time, _, dose in self.regimen.main.times()]
        return max(max(begin + LAST_LOOK_H, end + HOURS_PER_DAY, last_asked) for begin, end in doses)

    @cached_property
    def times_h(self) -> Array:
        """The output times in h, ascending, each once."""
        if self.at is not None:
            return np.unique(np.asarray(self.at, dtype=np.float64))
        times = [t for t in DEFAULT_AT_H if t <= self.end_h]
        times += list(np.arange(2 * LAST_LOOK_H, self.end_h + _SAME_TIME_H, LAST_LOOK_H))
        return np.unique([*times, self.end_h])

    @property
    def title(self) -> str:
        """One line that names the scenario."""
        if self.name:
            return self.name
        notes = [
            word for word in (self.setting if self.setting != "saline" else "", "masked" if self.masked else "") if word
        ]
        return str(self.regimen) + (f" [{', '.join(notes)}]" if notes else "")

    def settings(self) -> dict[str, Any]:
        """What was asked for, as plain data for the run record and the JSON."""
        found: dict[str, Any] = {
            "words": self.words,
            "repeat": self.repeat,
            "with": list(self.with_),
            "setting": self.setting,
        }
        found["regimen"] = str(self.regimen)
        found["masked"] = self.masked
        found["days"] = self.end_h / HOURS_PER_DAY
        found["traits"] = {
            name: getattr(self.traits, name) for name in ("weight", "age", "sex", "baseline", "genotype", "ethnicity")
        }
        if self.compounds:
            found["compounds"] = [drug.name for drug in self.compounds]
        if self.values:
            found["values"] = dict(self.values)
        if self.variants:
            found["variants"] = {stage: list(names) for stage, names in self.variants.items()}
        if self.sudden:
            found["sudden"] = [
                {"time_h": s.time_h, "state": s.state, "scale": s.scale, "add": s.add} for s in self.sudden
            ]
        if self.held:
            found["held"] = [
                {"input": h.input, "level": h.level, "start_h": h.start_h, "end_h": h.end_h} for h in self.held
            ]
        if self.hypothesis:
            found["hypothesis"] = self.hypothesis
        if self.name:
            found["name"] = self.name
        return found

    def but(self, **changes: Any) -> Scenario:
        """The same scenario with something changed."""
        return replace(self, **changes)


def scenario(
    words: str,
    *,
    repeat: str = "",
    with_: str | Sequence[str] = (),
    setting: str = "saline",
    masked: bool = False,
    days: float | None = None,
    at: str | Sequence[float] | None = None,
    people: int = DEFAULT_PEOPLE,
    seed: int = DEFAULT_SEED,
    draws: int = DEFAULT_DRAWS,
    compound: str | Path | Drug | Sequence[str | Path | Drug] = (),
    values: Mapping[str, float] | None = None,
    variants: Mapping[str, str | Sequence[str]] | None = None,
    sudden: Sequence[Sudden] = (),
    held: Sequence[Held] = (),
    name: str = "",
    parts: Sequence[str] = (),
    hypothesis: str | None = None,
    optional: Sequence[str] = (),
    **traits: Any,
) -> Scenario:
    """A `Scenario` from plain arguments; traits: weight, age, sex, baseline, genotype, ethnicity.

    hypothesis : its mechanisms and its calibrated numbers; `variants` and `values` given beside it come first.
    """
    if hypothesis:
        believed = named_hypothesis(hypothesis)
        numbers = believed.calibrated()
        variants = dict(believed.variants) | dict(variants or {})
        values, optional = (
            numbers | dict(values or {}),
            (*optional, *(key for key in numbers if key not in (values or {}))),
        )
    known = Traits.__dataclass_fields__
    for key in traits:
        if key not in known:
            raise unknown_name("option", key, known)
    compounds = [compound] if isinstance(compound, str | Path | Drug) else list(compound)
    return Scenario(
        words=words,
        repeat=repeat,
        with_=(with_,) if isinstance(with_, str) and with_ else tuple(with_),
        setting=setting,
        masked=masked,
        days=days,
        at=read_times(at) if isinstance(at, str) else None if at is None else tuple(float(t) for t in at),
        people=people,
        seed=seed,
        draws=draws,
        traits=Traits(**{key: value for key, value in traits.items() if value is not None}),
        compounds=tuple(item if isinstance(item, Drug) else read_drug(item) for item in compounds),
        values=FrozenMapping(dict(values or {})),
        variants=FrozenMapping(
            {stage: (names,) if isinstance(names, str) else tuple(names) for stage, names in (variants or {}).items()}
        ),
        sudden=tuple(sudden),
        held=tuple(held),
        name=name,
        parts=tuple(parts),
        optional=frozenset(optional),
        hypothesis=hypothesis or "",
    )


_UNIT_HOURS = {"": 1.0, "h": 1.0, "min": 1 / 60, "d": HOURS_PER_DAY}
_UNIT_WORDS = {
    "": "",
    "h": "h",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "min": "min",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "d": "d",
    "day": "d",
    "days": "d",
}


def read_times(text: str) -> tuple[float, ...]:
    """Times such as "0,0.67,2,24,168" (hours) or "40 min, 24 h, 7 d", in hours."""
    import re

    times: list[float] = []
    for item in text.replace(";", ",").split(","):
        found = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)\s*", item.lower())
        if not found or found.group(2) not in _UNIT_WORDS:
            raise UsageError(
                f"cannot read the time '{item.strip()}'",
                where=f"--at {text}",
                allowed="numbers in hours, or with min, h, d; commas between them",
                fix='--at "40 min, 2 h, 24 h, 7 d"',
            )
        times.append(float(found.group(1)) * _UNIT_HOURS[_UNIT_WORDS[found.group(2)]])
    _check_times(times)
    return tuple(times)


def _check_times(times: Sequence[float]) -> None:
    if not times or len(times) > MOST_TIMES:
        raise UsageError(
            f"{len(times)} output times", where="--at", allowed=f"1 to {MOST_TIMES}", fix="--at 0,2,24,168"
        )
    for time in times:
        if not -LONGEST_DAYS * HOURS_PER_DAY <= time <= LONGEST_DAYS * HOURS_PER_DAY:
            raise UsageError(
                f"{time:g} h is not a time to look at",
                where="--at",
                allowed=f"up to {LONGEST_DAYS:g} days",
                fix="--at 0,2,24,168",
            )
