"""A scenario: everything that is asked for, as one frozen value, and the times at which answers are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import hypothesis as named_hypothesis
from ketasim.core import Drug, FrozenMapping, UsageError, read_drug, unknown_name
from ketasim.core.arrays import Array
from ketasim.core.numbers import real, whole
from ketasim.core.numbers import text as text_of
from ketasim.dose import Regimen, parse
from ketasim.dose.quantities import comma_readings
from ketasim.forward import Held, Sudden
from ketasim.people import Traits
from ketasim.people.cohort import RANGES
from ketasim.people.occasions import USUAL as USUAL_OCCASIONS
from ketasim.people.occasions import occasion_shares
from ketasim.ratings.add_ons import AddOn, add_ons, is_add_on
from ketasim.ratings.setting import SETTING_OF_ROUTE, USUAL_SETTING
from ketasim.ratings.setting import setting as setting_of

from .spray import spray_note

HOURS_PER_DAY = 24.0
DEFAULT_PEOPLE = 200
DEFAULT_SEED = 1
DEFAULT_DRAWS = 64  # of the posterior, for the uncertainty of the typical course
LAST_LOOK_H = 7 * HOURS_PER_DAY  # the summary speaks of 24 h and of 7 days
DEFAULT_AT_H = (0.0, 1 / 6, 2 / 3, 1.0, 2.0, 4.0, 24.0, 48.0, 72.0, 168.0)
LONGEST_DAYS = 3 * 366.0
MOST_TIMES = 5000
_SAME_TIME_H = 1e-9


@dataclass(frozen=True)
class Scenario:
    """What is simulated, in whom, where, and when answers are wanted.

    words, repeat, with_ : the regimen in the words of the command line; with_ also names add-ons (`ratings.add_ons`). setting : open | saline | midazolam | nasal-placebo |
    inpatient | routine; without one that of the first dose's route (`setting_by_route`). masked : nobody can tell drug from placebo, whatever is felt. days : length of the run (None: until a week after the last dose). at : output times in h
    (None: the usual ones). people, seed, traits : who. draws : of the posterior, for the uncertainty of the model (0: none). compounds : drugs of the user's own.
    values : chain or setting values replaced by a number. variants : stage -> mechanisms that replace the default ones.
    sudden, held : changes of states at a time, inputs held at a level (virtual experiments). parts : parts of the chain beside those
    the doses need. hypothesis : whose mechanisms and numbers these are; optional : values that count only where the chain has them.
    occasions : what differs between the sessions of one person: sourced | all | none (`people.occasions`).
    """

    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    setting: str = ""
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
    occasions: str = USUAL_OCCASIONS

    def __post_init__(self) -> None:
        """Numbers become plain ones (a numpy integer is an int), and what is no number is refused by name."""
        text_of("the scenario", self.words, '"ketamine iv 0.5 mg/kg over 40 min"')
        text_of("repeat", self.repeat, 'repeat="twice weekly x 6"')
        object.__setattr__(self, "setting", text_of("setting", self.setting or "", 'setting="saline"'))
        for name, example in (("people", 200), ("seed", 1), ("draws", 64)):
            object.__setattr__(self, name, whole(name, getattr(self, name), f"{name}={example}"))
        if self.draws < 0:
            raise UsageError(f"{self.draws} draws", where="draws", allowed="0 (none) or more", fix="draws=64")
        if self.days is not None:
            object.__setattr__(self, "days", real("days", self.days, "days=28", finite=False))
        object.__setattr__(self, "values", _numbers(self.values))
        if not self.setting:
            object.__setattr__(self, "setting", self.setting_by_route)
        setting_of(self.setting)
        occasion_shares(text_of("occasions", self.occasions, 'occasions="all"'))
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
        """The doses in order; raises a UsageError that teaches for words that cannot be read.

        `days` is the length of the run: where later times are asked for (`at`), the run goes on to them without doses.
        """
        return self.planned if self.dosed_h is None else self.planned.until(self.dosed_h)

    @cached_property
    def planned(self) -> Regimen:
        """The doses as the words have them, whether or not the run goes on for so long."""
        doses = tuple(words for words in self.with_ if not is_add_on(words))
        return parse(self.words, repeat=self.repeat, with_=doses, compounds=self.compounds)

    @cached_property
    def add_ons(self) -> tuple[AddOn, ...]:
        """Treatments beside the drug that the chain has no mechanism for, by their words among `with_`."""
        return add_ons(self.with_)

    @property
    def dosed_h(self) -> float | None:
        """The end of `days` in h, where the run goes on without doses to times that were asked for; None where it does not."""
        if self.days is None or not self.at or max(self.at) <= self.days * HOURS_PER_DAY:
            return None
        return self.days * HOURS_PER_DAY

    @property
    def warnings(self) -> tuple[str, ...]:
        """What runs but should be known: doses beside what was studied, and every dose of the words that is not given in this run."""
        end = self.end_h if self.dosed_h is None else self.dosed_h
        found = tuple(str(warning) for warning in self.planned.warnings(end))
        found += tuple(f"assumption: {one.known}; the spread is part of the band of the model" for one in self.add_ons)
        found += spray_note(self.regimen, self.values, self.hypothesis)
        if self.dosed_h is None or not self.planned.endless:
            return found
        return (*found, f"no doses after {self.days:g} d (days); the run goes on to the times asked for (at)")

    @property
    def setting_by_route(self) -> str:
        """The setting that belongs to the route of the first main dose: a spray is compared with a spray, all else with a saline infusion."""
        try:
            route = self.regimen.main.blocks[0].dose.way.name
        except UsageError:
            route = ""  # `regimen` says what is wrong with the words
        return SETTING_OF_ROUTE.get(route, USUAL_SETTING)

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
            word
            for word in (self.setting if self.setting != USUAL_SETTING else "", "masked" if self.masked else "")
            if word
        ]
        notes = [*(f"with {one.kind}" for one in self.add_ons), *notes]
        return str(self.regimen) + (f" [{', '.join(notes)}]" if notes else "")

    def changed(self) -> tuple[str, ...]:
        """What differs from the defaults beside the words, as short phrases: two runs that differ can be told apart by them."""
        usual = Traits()
        found = [f"hypothesis {self.hypothesis}"] if self.hypothesis else []
        taken = named_hypothesis(self.hypothesis).variants if self.hypothesis else {}
        found += [
            f"{stage}: {' + '.join(names) or 'none'}"
            for stage, names in self.variants.items()
            if tuple(taken.get(stage, ())) != tuple(names)
        ]
        found += [f"{key} = {new:g}" for key, new in self.values.items() if key not in self.optional]
        for name, unit in (("weight", " kg"), ("age", " years"), ("baseline", " MADRS points"), ("sex", "")):
            own = getattr(self.traits, name)
            if own is not None:
                found.append(f"{name} {own:g}{unit}" if unit else f"{name} {own}")
        found += [
            f"{name} {getattr(self.traits, name)}"
            for name in ("genotype", "ethnicity")
            if getattr(self.traits, name) != getattr(usual, name)
        ]
        found += [f"compound {drug.name}" for drug in self.compounds]
        found += [f"{s.state} times {s.scale:g} plus {s.add:g} at {s.time_h:g} h" for s in self.sudden]
        found += [f"{h.input} = {h.level:g} from {h.start_h:g} to {h.end_h:g} h" for h in self.held]
        if self.draws != DEFAULT_DRAWS:
            found.append(f"{self.draws} draws of the posterior")
        if self.occasions != USUAL_OCCASIONS:
            found.append(f"occasions {self.occasions}")
        return tuple(found)

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
        found["at"] = self.times_h.tolist()
        found["draws"] = self.draws
        found["traits"] = {
            name: getattr(self.traits, name) for name in ("weight", "age", "sex", "baseline", "genotype", "ethnicity")
        }
        if self.compounds:
            found["compounds"] = [drug.name for drug in self.compounds]
            found["compound_values"] = {
                drug.name: {key: {"value": v.value, "unit": v.unit} for key, v in drug.values.items()}
                for drug in self.compounds
            }
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
        if self.occasions != USUAL_OCCASIONS:
            found["occasions"] = self.occasions
        return found

    def but(self, **changes: Any) -> Scenario:
        """The same scenario with something changed."""
        return replace(self, **changes)


def scenario(
    words: str,
    *,
    repeat: str = "",
    with_: str | Sequence[str] = (),
    setting: str | None = None,
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
    occasions: str = USUAL_OCCASIONS,
    **traits: Any,
) -> Scenario:
    """A `Scenario` from plain arguments; traits: weight [kg], age [years], sex, baseline [MADRS points], genotype, ethnicity.

    words : DRUG ROUTE AMOUNT [over DURATION]. repeat : "twice weekly x 6". with_ : co-medication in the same words. masked : nobody can tell drug from
    placebo. days : length of the run (a week after the last dose unless given). at : output times, hours or "40 min, 24 h". people : drawn beside the typical
    person. seed : of the people. draws : of the posterior for the uncertainty of the typical course. compound : files or drugs of one's own. values, variants :
    numbers and mechanisms replaced. sudden, held : states changed at a time, inputs held at a level. name : a title. parts : parts of the chain beside those
    the doses need. optional : values that count only where the chain has them. occasions : what differs between the sessions of one person.

    setting : None takes that of the route (nasal: nasal-placebo, else saline).
    hypothesis : its mechanisms and its calibrated numbers; `variants` and `values` given beside it come first.

    Raises UsageError for words, options or numbers that cannot be carried out, with the line that can.
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
    who: dict[str, Any] = {
        key: real(key, item, f"{key}={RANGES[key][3]}", finite=False) if key in RANGES else text_of(key, item)
        for key, item in traits.items()
        if item is not None
    }
    compounds = [compound] if isinstance(compound, str | Path | Drug) else _several("compound", compound)
    return Scenario(
        words=words,
        repeat=repeat,
        with_=_all_words(with_),
        setting=setting or "",
        masked=masked,
        days=days,
        at=_times(at),
        people=people,
        seed=seed,
        draws=draws,
        traits=Traits(**who),
        compounds=tuple(item if isinstance(item, Drug) else read_drug(item) for item in compounds),
        values=_numbers(values or {}),
        variants=_variants(variants or {}),
        sudden=tuple(sudden),
        held=tuple(held),
        name=name,
        parts=tuple(parts),
        optional=frozenset(optional),
        hypothesis=hypothesis or "",
        occasions=occasions,
    )


def _several(name: str, items: Any) -> list[Any]:
    """A list of things (none for None), or a `UsageError` for what is no list (5, bytes)."""
    if items is None:
        return []
    if isinstance(items, bytes) or not isinstance(items, Iterable):
        raise UsageError(f"{name} is one or a list of them, not {items!r:.60}", where=name, allowed="a list or a tuple")
    return list(items)


def _all_words(with_: Any) -> tuple[str, ...]:
    """The words of --with: one text or several; empty ones are none."""
    words = [with_] if isinstance(with_, str) else _several("with_", with_)
    return tuple(
        word for word in (text_of("with_", item, 'with_="naltrexone oral 50 mg at -45 min"') for item in words) if word
    )


def _times(at: Any) -> tuple[float, ...] | None:
    """Output times in h from a text, a number, or a list of numbers and texts ("40 min")."""
    if at is None or isinstance(at, str):
        return None if at is None else read_times(at)
    items = [at] if np.ndim(at) == 0 and not isinstance(at, Iterable) else _several("at", at)
    found: list[float] = []
    for item in items:
        found += read_times(item) if isinstance(item, str) else (real("at", item, 'at="0, 2, 24 h"', finite=False),)
    return tuple(found)


def _numbers(values: Any) -> FrozenMapping[str, float]:
    """Values of the chain replaced by numbers: name -> one number."""
    if not isinstance(values, Mapping):
        raise UsageError(
            f"values is a mapping of names to numbers, not {values!r:.60}",
            where="values",
            fix='values={"clearance": 60}',
        )
    return FrozenMapping(
        {text_of("values", key): real(f"values, {key}", item, f'values={{"{key}": 1}}') for key, item in values.items()}
    )


def _variants(variants: Any) -> FrozenMapping[str, tuple[str, ...]]:
    """Stage -> its mechanisms: one name or several."""
    if not isinstance(variants, Mapping):
        raise UsageError(
            f"variants is a mapping of stages to mechanisms, not {variants!r:.60}",
            where="variants",
            fix='variants={"plasticity": "none"}',
        )
    return FrozenMapping(
        {
            text_of("variants", stage): (names,)
            if isinstance(names, str)
            else tuple(text_of(f"variants, {stage}", name) for name in _several(f"variants, {stage}", names))
            for stage, names in variants.items()
        }
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
    for tight in re.finditer(r"(?<![\w.,])[+-]?\d[\d.]*(?:,[+-]?\d[\d.]*)+", text):
        readings = comma_readings(
            tight.group(), many=True, alone=tight.group().count(",") == len(re.findall("[,;]", text))
        )
        if readings:
            raise UsageError(
                f"'{tight.group()}' can be read in more than one way: which is meant?"
                if len(readings) > 1
                else "a decimal point is written as a point",
                where=f"--at {text}",
                allowed=" or ".join(readings) + " (a list has a space behind each comma)",
                fix=f'--at "{text.replace(tight.group(), readings[0])}"' if len(readings) == 1 else "",
            )
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
