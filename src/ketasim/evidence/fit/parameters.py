"""What is fitted: keys of values with their priors, in units of prior SDs.

z = (T(value) - T(start)) / sd with T = log (lognormal), logit (logitnormal) or identity (normal); start and sd are those of
knowledge/values before any fit (sd: knowledge/fits/evidence.toml where it says so). A key `x.spread` is the SD between people of the value x, log-normal around its start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ketasim.core import KetasimError, knowledge_path, read_toml
from ketasim.core.arrays import Array
from ketasim.core.values import starting_value

from ..arms.numbers import SPREAD

MARGIN = 1e-6


@lru_cache(maxsize=1)
def settings() -> Mapping[str, Any]:
    """knowledge/fits/evidence.toml."""
    return read_toml(knowledge_path() / "fits" / "evidence.toml")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One fitted number. kind : log | logit | plain; start in the value's unit; sd on the scale of `kind`."""

    key: str
    kind: str
    start: float
    sd: float
    low: float
    high: float

    def value(self, z: float) -> float:
        """The number for z prior SDs from the start, held inside the bounds of the value."""
        if self.kind == "log":
            found = self.start * math.exp(self.sd * z)
        elif self.kind == "logit":
            found = 1.0 / (1.0 + (1.0 / self.start - 1.0) * math.exp(-self.sd * z))
        else:
            found = self.start + self.sd * z
        return min(max(found, self.low), self.high)

    def z(self, number: float) -> float:
        """Prior SDs between the start and a number."""
        if self.kind == "log":
            return math.log(number / self.start) / self.sd
        if self.kind == "logit":
            p, q = (min(max(x, MARGIN), 1 - MARGIN) for x in (number, self.start))
            return (math.log(p / (1 - p)) - math.log(q / (1 - q))) / self.sd
        return (number - self.start) / self.sd


def parameter(key: str) -> Parameter:
    """The prior of one key."""
    name = key.removesuffix(SPREAD)
    start = starting_value(name)
    if key.endswith(SPREAD):
        if start.between is None:
            raise KetasimError(
                f"'{name}' does not differ between people", where="knowledge/fits/evidence.toml, [spreads]"
            )
        return Parameter(key, "log", start.between.sd, float(settings()["spreads"][name]), MARGIN, math.inf)
    own = settings().get("prior_sd", {}).get(key)
    if start.uncertain is None and own is None:
        raise KetasimError(
            f"'{key}' has no prior",
            where="knowledge/fits/evidence.toml, free",
            fix="uncertain = { kind = 'lognormal', sd = 0.3 }",
        )
    kind = {"lognormal": "log", "logitnormal": "logit", "normal": "plain"}[
        start.uncertain.kind if start.uncertain else "lognormal"
    ]
    low, high = start.bounds or (-math.inf, math.inf)
    if kind == "log":
        low = max(low, MARGIN)
    return Parameter(key, kind, start.value, float(own if own is not None else start.uncertain.sd), low, high)  # type: ignore[union-attr]


def free_parameters() -> tuple[Parameter, ...]:
    """Everything that is fitted, in the order of knowledge/fits/evidence.toml."""
    table = settings()
    return tuple(parameter(key) for key in (*table["free"], *(f"{name}{SPREAD}" for name in table["spreads"])))


def numbers_at(parameters: Sequence[Parameter], z: Array) -> dict[str, float]:
    """Value key -> number at z (p,)."""
    return {p.key: p.value(float(x)) for p, x in zip(parameters, z, strict=True)}
