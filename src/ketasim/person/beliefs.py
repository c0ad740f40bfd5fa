"""What is believed before a person is seen: hypotheses, their calibrated draws and the shipped posterior, as rows of numbers.

The weight of a hypothesis is the mean of three that answer different questions and do not agree: posterior chance by evidence, stacking,
and even. No single one is the truth (docs/hypotheses.md); the third keeps every explanation in play for a person whose data speak for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.chain.hypothesis import Hypothesis, hypotheses, posterior_path
from ketasim.core import KetasimError, knowledge_path, value
from ketasim.core.arrays import Array, IntArray
from ketasim.core.posterior import SPREAD, posterior
from ketasim.engine.code import store
from ketasim.people.drawn import LINK_CEILING, MEAN_ONE, TIED_SLOPE, tied_slope

SUFFIX = ".beliefs"
LEAST_SHARE = 0.5  # of the rows is spread evenly over hypotheses; their weights then correct for it
UNEQUAL = "the hypotheses count evenly: their calibrations do not rest on the same evidence at present"


@dataclass(frozen=True)
class Beliefs:
    """weights : hypothesis -> prior weight, sum 1. scores : hypothesis -> (z (K, p) of its free values, weights (K,)). note : "" or what went wrong."""

    weights: Mapping[str, float]
    scores: Mapping[str, tuple[Array, Array]]
    note: str = ""


@cache
def beliefs() -> Beliefs:
    """The shipped beliefs; the weights are kept in the cache folder under the hash of what they follow from (nothing of a person)."""
    entries = hypotheses()
    scores = {name: _scores(entry) for name, entry in entries.items()}
    weights, note = _weights(tuple(entries))
    return Beliefs(weights, scores, note)


def _scores(entry: Hypothesis) -> tuple[Array, Array]:
    """Calibrated draws of a hypothesis and their importance weights; the prior median alone where none ship."""
    path = posterior_path(entry.id)
    alone = (np.zeros((1, len(entry.free_keys))), np.ones(1))
    if not path.exists():
        return alone
    data = json.loads(path.read_text(encoding="utf-8"))
    if tuple(data["keys"]) != entry.free_keys or not data["z"]:
        return alone
    logs = np.array(data["log_ratio"]) + np.array(data["scores"]).sum(axis=1)
    weights = np.exp(logs - logs.max())
    weights = np.minimum(weights, weights.sum() / np.sqrt(len(weights)))  # truncated: no draw rules (Ionides 2008)
    return np.array(data["z"]), weights / weights.sum()


def _weights(names: tuple[str, ...]) -> tuple[dict[str, float], str]:
    key = _key()
    found = _read(key)
    if found is None:
        found = _weigh(names)
        _write(key, found)
    even = 1.0 / len(names)
    if not found:
        return dict.fromkeys(names, even), UNEQUAL
    return {n: (found.get(n, [0.0, 0.0])[0] + found.get(n, [0.0, 0.0])[1] + even) / 3.0 for n in names}, ""


def _weigh(names: tuple[str, ...]) -> dict[str, list[float]]:
    from ketasim.evidence.weigh.weighing import weigh

    try:
        table = weigh()
    except KetasimError:
        return {}
    return {row.entry.id: [row.weight, row.stacking] for row in table.rows if row.entry.id in names}


def _key() -> str:
    """Hash of everything that the weights follow from."""
    digest = hashlib.sha256(__version__.encode())
    place = str(knowledge_path())
    for folder in ("posterior", "hypotheses", "studies", "values"):
        for at, folders, files in os.walk(os.path.join(place, folder)):  # thrice as quick as pathlib's rglob
            folders.sort()
            for name in sorted(files):
                path = os.path.join(at, name)
                stat = os.stat(path)
                digest.update(f"{path[len(place) + 1 :]} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(key: str) -> dict[str, list[float]] | None:
    place = store.folder()
    if place is None:
        return None
    try:
        found: dict[str, Any] = json.loads((place / (key + SUFFIX)).read_text(encoding="utf-8"))
        return {str(name): [float(x) for x in pair] for name, pair in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _write(key: str, found: Mapping[str, list[float]]) -> None:
    place = store.folder()
    if place is None:
        return
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in place.glob("*" + SUFFIX):
            old.unlink(missing_ok=True)
        (place / (key + SUFFIX)).write_text(json.dumps(dict(found)), encoding="utf-8")
    except OSError:
        return


@dataclass(frozen=True)
class Rows:
    """J rows of numbers: each a hypothesis, one of its draws, and one draw of the shipped posterior.

    hypothesis (J,) index into `names`. log_weight (J,): of its hypothesis over how often it is there. numbers : value -> (J,), for values that some row replaces.
    spreads : value -> (J,) SD between people, for those that the posterior knows.
    """

    names: tuple[str, ...]
    hypothesis: IntArray
    log_weight: Array
    numbers: Mapping[str, Array]
    spreads: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.hypothesis)

    def only(self, rows: IntArray) -> Rows:
        """Some of the rows, in that order."""
        return Rows(
            self.names,
            self.hypothesis[rows],
            self.log_weight[rows],
            {key: number[rows] for key, number in self.numbers.items()},
            {key: number[rows] for key, number in self.spreads.items()},
        )


def rows(count: int, seed: int, only: Sequence[str] = ()) -> Rows:
    """`count` rows, half of them spread by weight over the hypotheses and half evenly. only : these hypotheses alone."""
    known = beliefs()
    entries = {name: entry for name, entry in hypotheses().items() if not only or name in only}
    names = tuple(entries)
    weight = np.array([known.weights[name] for name in names])
    share = (1 - LEAST_SHARE) * weight / weight.sum() + LEAST_SHARE / len(names)
    edges = (np.arange(count) + 0.5) / count
    which = np.minimum(np.searchsorted(np.cumsum(share), edges), len(names) - 1)
    present = np.bincount(which, minlength=len(names)) / count
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight / weight.sum())[which] - np.log(present[which])
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(count)
    numbers: dict[str, Array] = {}
    spreads: dict[str, Array] = {}
    shipped = posterior()
    if shipped is not None:
        even = shipped.even(count)
        mixed = np.random.Generator(np.random.Philox(key=seed + 1)).permutation(count)
        for name, column in zip(even.names, even.draws.T, strict=True):
            if name.endswith(SPREAD):
                spreads[name.removesuffix(SPREAD)] = column[mixed]
            else:
                numbers[name] = column[mixed]
    for key in MEAN_ONE:  # the median moves with the spread, so that the mean stays 1
        if key in spreads and key not in numbers:
            numbers[key] = np.exp(-(spreads[key] ** 2) / 2.0)
    if LINK_CEILING in numbers and TIED_SLOPE not in numbers:
        numbers[TIED_SLOPE] = np.array([tied_slope(u) for u in numbers[LINK_CEILING].tolist()])
    for place, (name, entry) in enumerate(entries.items()):
        here = np.flatnonzero(which == place)
        if not here.size:
            continue
        z, weights = known.scores[name]
        start = np.random.Generator(np.random.Philox(key=seed + 2 + place)).random()
        picks = np.searchsorted(np.cumsum(weights), (np.arange(here.size) + start) / here.size)
        picks = np.minimum(picks, len(z) - 1)
        fixed = dict(entry.values) | (entry.switched_off() if len(hypotheses()) > 1 else {})
        for key, number in fixed.items():
            _column(numbers, key, count)[here] = number
        for column, prior in enumerate(entry.free):
            _column(numbers, prior.key, count)[here] = prior.natural(z[picks, column])
    return Rows(
        names,
        which[order],
        log_weight[order],
        {k: v[order] for k, v in numbers.items()},
        {k: v[order] for k, v in spreads.items()},
    )


def _column(numbers: dict[str, Array], key: str, count: int) -> Array:
    if key not in numbers:
        numbers[key] = np.full(count, value(key).value)
    elif not numbers[key].flags.writeable:
        numbers[key] = numbers[key].copy()
    return numbers[key]
