"""People: who is simulated. Everything random belongs to a person and a purpose, so adding people changes nobody.

Person -1 is the typical one (weight 70 kg, age 45, MADRS 33, every random effect zero); persons 0, 1, ... are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ketasim.core import FrozenMapping, UsageError, Value, normal_cdf, normals, stream, unknown_name, values
from ketasim.core.arrays import Array, BoolArray, IntArray

Sex = Literal["woman", "man"]

TYPICAL = -1
SEXES = {"woman": "woman", "female": "woman", "f": "woman", "man": "man", "male": "man", "m": "man"}
GENOTYPES = ("val/val", "val/met", "met/met")
ETHNICITIES = ("unspecified", "asian", "japanese")
# What can be asked for; beyond it a number is a typing error or outside everything the model knows.
RANGES = {
    "weight": (30.0, 250.0, "kg", "70"),
    "age": (18.0, 100.0, "years", "45"),
    "baseline": (1.0, 59.0, "points", "33"),
}
MOST_PEOPLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Traits:
    """What is fixed for everybody (None = drawn; the typical person has his conventions).

    weight kg, age years, baseline MADRS points, sex, genotype of BDNF Val66Met, ethnicity (covariates of Perez-Ruixo 2021).
    """

    weight: float | None = None
    age: float | None = None
    sex: str | None = None
    baseline: float | None = None
    genotype: str = "val/val"
    ethnicity: str = "unspecified"

    def __post_init__(self) -> None:
        for name, (low, high, unit, example) in RANGES.items():
            number = getattr(self, name)
            if number is not None and not low <= number <= high:
                raise UsageError(
                    f"{name} {number:g} is outside what can be simulated",
                    where=f"--{name} {number:g}",
                    allowed=f"{low:g} to {high:g} {unit}",
                    fix=f"--{name} {example}",
                )
        if self.sex is not None:
            if self.sex.lower() not in SEXES:
                raise unknown_name("sex", self.sex, SEXES, where="--sex", fix="--sex woman")
            object.__setattr__(self, "sex", SEXES[self.sex.lower()])
        for name, choices in (("genotype", GENOTYPES), ("ethnicity", ETHNICITIES)):
            word = getattr(self, name).lower()
            if word not in choices:
                raise unknown_name(name, getattr(self, name), choices, where=f"--{name}", fix=f"--{name} {choices[0]}")
            object.__setattr__(self, name, word)


@dataclass(frozen=True)
class People:
    """A group of people, P of them. Arrays are (P,).

    person : index of each (-1 = the typical one); weight kg; age years; women true or false; madrs points before
    treatment; resting blood pressure mmHg and heart rate bpm. session : which of their sessions this is (0 = the first);
    session_shares : value -> share of its variance that belongs to the session (`occasions`).
    """

    seed: int
    person: IntArray
    traits: Traits = field(default_factory=Traits)
    session: int = field(default=0, kw_only=True)
    session_shares: Mapping[str, float] = field(default_factory=FrozenMapping, kw_only=True)

    def __len__(self) -> int:
        return len(self.person)

    @cached_property
    def weight(self) -> Array:
        """Body weight, kg."""
        return self._trait("weight", "typical_weight", "population_weight")

    @cached_property
    def age(self) -> Array:
        """Age, years."""
        return self._trait("age", "typical_age", "population_age")

    @cached_property
    def madrs(self) -> Array:
        """MADRS before treatment, points."""
        return self._trait("baseline", "typical_madrs", "typical_madrs")

    @cached_property
    def women(self) -> BoolArray:
        """True for women. The typical person has no sex (False; nothing in the model depends on it)."""
        if self.traits.sex is not None:
            return np.full(len(self), self.traits.sex == "woman")
        drawn = self._uniform("population_women") < values("people")["population_women"].value
        return np.where(self.person == TYPICAL, False, drawn)

    def resting(self, name: str) -> Array:
        """A resting vital sign: `sbp`, `dbp` (mmHg) or `heart_rate` (bpm)."""
        return self.draw(values("people")[f"resting_{name}"])

    def draw(self, value: Value, centre: float | Array | None = None) -> Array:
        """One number per person: the value, spread between people as its `between` says; the typical person gets the value.

        centre : replaces the value, one number for all or one per person; the spread stays.
        """
        if value.between is None:
            return np.full(len(self), value.value if centre is None else centre, dtype=np.float64)
        return spread_values(value, self.effect(value.key), centre)

    def effect(self, key: str) -> Array:
        """The standard normal random effect of each person for the value `key`; 0 for the typical person.

        The two enantiomers share one effect (`s_clearance`, `r_clearance`): the same liver clears both.
        """
        shared = key[2:] if key[:2] in ("s_", "r_") else key
        first = self._normal(f"people.{shared}")
        share = self.session_shares.get(key, 0.0)
        if not self.session or not share:
            return first
        old, new = np.sqrt(1 - share), np.sqrt(share)
        lasting = old * first + new * self._normal(f"people.{shared} lasting")
        return np.asarray(old * lasting + new * self._normal(f"people.{shared} session {self.session}"))

    def status(self, name: str) -> tuple[Array, float] | None:
        """A yes or no of each person by the name of its line in a Table 1, 1.0 or 0.0, (P,), and the printed share; None without such a line."""
        return None

    def _normal(self, purpose: str) -> Array:
        return self._drawn(lambda who: normals(self.seed, purpose, who))

    def _uniform(self, key: str) -> Array:
        return self._drawn(lambda who: stream(self.seed, f"people.{key}", who))

    def _drawn(self, source) -> Array:  # type: ignore[no-untyped-def]
        out = np.zeros(len(self))
        real = self.person != TYPICAL
        if real.any():
            out[real] = source(self.person[real])
        return out

    def _trait(self, name: str, typical_key: str, population_key: str) -> Array:
        fixed = getattr(self.traits, name)
        if fixed is not None:
            return np.full(len(self), float(fixed))
        numbers = values("people")
        return np.where(self.person == TYPICAL, numbers[typical_key].value, self.draw(numbers[population_key]))


def spread_values(value: Value, z: Array, centre: float | Array | None = None) -> Array:
    """Value (or `centre` in its place) and standard normal effects (P,) -> one number per person.

    lognormal v exp(sd z); normal v + sd z; logitnormal 1 / (1 + exp(-(logit v + sd z))); loguniform
    low (high/low)^Phi(z), but v where z is 0. Results are held within the bounds of the value.
    """
    spread, v = value.between, value.value if centre is None else centre
    if spread is None:
        return np.array(np.broadcast_to(v, len(z)), dtype=np.float64)
    if spread.kind == "lognormal":
        out = v * np.exp(spread.sd * z)
    elif spread.kind == "normal":
        out = v + spread.sd * z
    elif spread.kind == "logitnormal":
        out = 1.0 / (1.0 + (1.0 / v - 1.0) * np.exp(-spread.sd * z))
    else:
        out = np.where(z == 0.0, v, spread.low * (spread.high / spread.low) ** normal_cdf(z))
    if value.bounds is not None:
        out = np.clip(out, *value.bounds)
    return np.asarray(out, dtype=np.float64)


def typical(traits: Traits | None = None) -> People:
    """The typical person alone."""
    return People(0, np.array([TYPICAL]), traits or Traits())


def draw_people(count: int, seed: int = 1, traits: Traits | None = None, with_typical: bool = False) -> People:
    """`count` people of the random stream `seed`, after the typical one if asked."""
    if not 0 <= count <= MOST_PEOPLE:
        raise UsageError(
            f"{count} people cannot be simulated",
            where=f"--people {count}",
            allowed=f"0 to {MOST_PEOPLE}",
            fix="--people 200",
        )
    if seed < 0:
        raise UsageError("a seed is a whole number from 0 on", where=f"--seed {seed}", fix="--seed 1")
    first = TYPICAL if with_typical else 0
    return People(seed, np.arange(first, count), traits or Traits())


def varying(numbers: Iterable[Value]) -> Mapping[str, Value]:
    """Those of the values that differ between people, by key."""
    return {v.key: v for v in numbers if v.between is not None}
