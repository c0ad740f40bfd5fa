"""The posterior that ships: what the fit to the evidence says about values, read from knowledge/posterior.

`knowledge/posterior/values.toml` holds one table per fitted value (start, mode, spread) and, in [about], the figures of the fit; `knowledge/posterior/draws.csv` holds weighted
draws, one column per value, in the value's unit. A column `key.spread` is the SD between people of that value.
`knowledge/posterior/hypotheses/<name>.json` holds the calibration of one hypothesis, with draws of its own (`calibration_draws`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Array
from .frozen import FrozenMapping
from .kept import read_toml

SPREAD = ".spread"
ROUNDING = 1e-12  # of a sum of weights, so that 5 draws of 100 alike are 5 %
FEW_DRAWS = 8.0  # fewer effective draws than this: the figure is not to be trusted


@dataclass(frozen=True)
class Posterior:
    """Weighted draws of the fitted values.

    names : keys of values (`mood_late_size`, `mood_gain.spread`). draws (N, p) in the units of the values; weights (N,) sum to 1.
    mode : the draw of greatest posterior density, which is what the shipped values are.
    """

    names: tuple[str, ...]
    draws: Array
    weights: Array
    mode: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.draws)

    def one(self, index: int) -> dict[str, float]:
        """A draw as value key -> number."""
        return {name: float(number) for name, number in zip(self.names, self.draws[index], strict=True)}

    def values_only(self, index: int) -> dict[str, float]:
        """A draw without spreads between people: what can be passed as `values` of a scenario (the typical person has none)."""
        return {name: number for name, number in self.one(index).items() if not name.endswith(SPREAD)}

    def even(self, count: int) -> Posterior:
        """`count` equally weighted draws: systematic resampling, the same every time."""
        edges = np.cumsum(self.weights)
        picks = np.searchsorted(edges, (np.arange(count) + 0.5) / count * edges[-1])
        picks = np.minimum(picks, len(self.draws) - 1)
        return Posterior(self.names, self.draws[picks], np.full(count, 1.0 / count), self.mode)


def weighted_interval(values: Array, weights: Array, share: float = 0.9) -> tuple[float, float]:
    """The ends between which the middle `share` of weighted draws lies: least x with sum of weights of the draws up to x >= (1 -+ share) / 2.

    values (N,) in any unit; weights (N,), of any sum above 0.
    """
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    at = np.searchsorted(sums / sums[-1] + ROUNDING, [(1.0 - share) / 2.0, (1.0 + share) / 2.0])
    low, high = values[order][np.minimum(at, len(values) - 1)]
    return float(low), float(high)


def folder() -> Path:
    """Where the posterior ships."""
    return Path(__file__).resolve().parent.parent / "knowledge" / "posterior"


@cache
def fitted() -> Mapping[str, Mapping[str, Any]]:
    """Table of every fitted value by key; empty until a posterior ships."""
    path = folder() / "values.toml"
    if not path.exists():
        return FrozenMapping()
    return FrozenMapping(read_toml(path).get("values", {}))


@cache
def about() -> Mapping[str, Any]:
    """Figures of the shipped fit: values, studies, draws and how far they can be trusted; empty until a posterior ships."""
    path = folder() / "values.toml"
    if not path.exists():
        return FrozenMapping()
    return FrozenMapping(read_toml(path).get("about", {}))


@cache
def posterior() -> Posterior | None:
    """The shipped draws; None until a posterior ships."""
    path = folder() / "draws.csv"
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    names = tuple(rows[0][1:])
    table = np.array([[float(cell) for cell in row] for row in rows[1:]])
    mode = {name: float(entry["mode"]) for name, entry in fitted().items() if name in names}
    return Posterior(names, table[:, 1:], table[:, 0] / table[:, 0].sum(), FrozenMapping(mode))


@dataclass(frozen=True)
class CalibrationDraws:
    """Draws of the free values of one hypothesis. keys (p,); z (K, p) standard normal scores; log_weights (K,): importance ratio times likelihood, not normalised."""

    keys: tuple[str, ...]
    z: Array
    log_weights: Array

    @property
    def weights(self) -> Array:
        """Weights of the draws, (K,); their sum is 1."""
        found = np.exp(self.log_weights - self.log_weights.max())
        return np.asarray(found / found.sum())

    @property
    def effective(self) -> float:
        """Effective number of draws, 1 / sum w^2 (Kish)."""
        return float(1.0 / (self.weights**2).sum())


def calibration_draws(path: Path) -> CalibrationDraws:
    """The draws of a calibration (`chain.hypothesis.posterior_path`); none, (0, p), where the file holds the mode alone."""
    data = json.loads(path.read_text(encoding="utf-8"))
    keys = tuple(data["keys"])
    if not data["z"]:
        return CalibrationDraws(keys, np.zeros((0, len(keys))), np.zeros(0))
    scores = np.array(data["scores"], dtype=np.float64).sum(axis=1)
    return CalibrationDraws(
        keys, np.array(data["z"], dtype=np.float64), np.array(data["log_ratio"], dtype=np.float64) + scores
    )
