"""What is believed before a person is seen: hypotheses, their calibrated draws and the shipped posterior, as rows of numbers.

The weight of a hypothesis is the mean of three that answer different questions and do not agree: posterior chance by evidence, stacking,
and even. No single one is the truth (docs/hypotheses.md); the third keeps every explanation in play for a person whose data speak for it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.chain.hypothesis import Hypothesis, hypotheses, posterior_path, union_keys, union_variants
from ketasim.chain.hypothesis import __file__ as hypothesis_file
from ketasim.core import KetasimError, knowledge_path, value
from ketasim.core.arrays import Array, IntArray
from ketasim.core.kept import folder, keep, kept
from ketasim.core.own import KINDS, own_files
from ketasim.core.posterior import SPREAD, calibration_draws, posterior
from ketasim.core.posterior import __file__ as posterior_file
from ketasim.people.drawn import LINK_CEILING, MEAN_ONE, TIED_SLOPE, tied_slope
from ketasim.people.drawn import __file__ as drawn_file

SUFFIX = ".beliefs"
LEAST_SHARE = 0.5  # of the rows is spread evenly over hypotheses; their weights then correct for it
UNEQUAL = "the hypotheses count evenly: their calibrations do not rest on the same evidence at present"


@dataclass(frozen=True)
class Beliefs:
    """weights : hypothesis -> prior weight, sum 1. note : "" or what went wrong. variants, keys : of one model that serves every hypothesis
    (`chain.hypothesis.union_variants`, `union_keys`)."""

    weights: Mapping[str, float]
    note: str
    variants: Mapping[str, tuple[str, ...]]
    keys: frozenset[str]


@cache
def beliefs() -> Beliefs:
    """The shipped beliefs; kept in the cache folder under the hash of what they follow from (nothing of a person)."""
    found = _kept("joint")
    if found is None:
        found = {"names": list(hypotheses()), "variants": union_variants(), "keys": sorted(union_keys())}
        _keep("joint", found)
    names, known = tuple(found["names"]), _kept("weights")
    if known is None:
        known = _weigh(names)
        _keep("weights", known)
    even = 1.0 / len(names)
    shares = {n: (sum(known.get(n, (0.0, 0.0))) + even) / 3.0 if known else even for n in names}
    variants = {stage: tuple(chosen) for stage, chosen in found["variants"].items()}
    return Beliefs(shares, "" if known else UNEQUAL, variants, frozenset(found["keys"]))


def _scores(entry: Hypothesis) -> tuple[Array, Array]:
    """Calibrated draws z (K, p) of the free values of a hypothesis and their importance weights (K,); the prior median alone where none ship."""
    path = posterior_path(entry.id)
    alone = (np.zeros((1, len(entry.free_keys))), np.ones(1))
    if not path.exists():
        return alone
    found = calibration_draws(path)
    if found.keys != entry.free_keys or not len(found.z):
        return alone
    weights = np.exp(found.log_weights - found.log_weights.max())
    weights = np.minimum(weights, weights.sum() / np.sqrt(len(weights)))  # truncated: no draw rules (Ionides 2008)
    return found.z, weights / weights.sum()


def _weigh(names: tuple[str, ...]) -> dict[str, list[float]]:
    from ketasim.evidence.weigh.weighing import weigh

    try:
        table = weigh()
    except KetasimError:
        return {}
    return {row.entry.id: [row.weight, row.stacking] for row in table.rows if row.entry.id in names}


# on disk, as JSON


@cache
def _key() -> str:
    """Hash of everything that the beliefs follow from: the knowledge and parts of one's own."""
    digest = hashlib.sha256(__version__.encode())
    place = str(knowledge_path().parent)
    for part in ("knowledge/posterior", "knowledge/hypotheses", "knowledge/studies", "knowledge/values"):
        for at, folders, files in os.walk(os.path.join(place, part)):  # thrice as quick as pathlib's rglob
            folders[:] = sorted(name for name in folders if not name.startswith("__"))
            for name in sorted(files):
                _mark(digest, os.path.join(at, name), len(place) + 1)
    for kind in KINDS:
        for path in own_files(kind):
            _mark(digest, str(path), 0)
    return digest.hexdigest()


def _stages() -> list[str]:
    """What says which variants there are, and in which order."""
    return [str(path) for path in sorted((knowledge_path().parent / "stages").glob("*/stage.py"))]


@cache
def _code() -> str:
    """Hash of how rows are made of it; weights, which take seconds, go by the version."""
    digest = hashlib.sha256()
    for source in (__file__, hypothesis_file, posterior_file, drawn_file, *_stages()):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:16]


def _name(what: str) -> str:
    return f"{_key()}-{what}{'' if what == 'weights' else '-' + _code()}{SUFFIX}"


def _mark(digest: Any, path: str, skip: int) -> None:
    stat = os.stat(path)
    digest.update(f"{path[skip:]} {stat.st_size} {stat.st_mtime_ns}\n".encode())


def _kept(what: str) -> Any:
    body = kept(_name(what))
    return None if body is None else json.loads(body)


def _keep(what: str, found: Any) -> None:
    place = folder()
    if place is not None:
        with contextlib.suppress(OSError):
            for old in place.glob("*" + SUFFIX):
                if not old.name.startswith(_key()):
                    old.unlink(missing_ok=True)
    keep(_name(what), json.dumps(found).encode())


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

    def plain(self) -> dict[str, Any]:
        """As JSON, numbers as the bytes that they are."""
        tables = {name: {key: _text(v) for key, v in getattr(self, name).items()} for name in ("numbers", "spreads")}
        return {
            "names": self.names,
            "hypothesis": self.hypothesis.tolist(),
            "log_weight": _text(self.log_weight),
        } | tables

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Rows:
        """From `plain`."""
        numbers, spreads = ({k: _array(v) for k, v in plain[name].items()} for name in ("numbers", "spreads"))
        which = np.array(plain["hypothesis"], dtype=np.int64)
        return Rows(tuple(plain["names"]), which, _array(plain["log_weight"]), numbers, spreads)

    def only(self, rows: IntArray) -> Rows:
        """Some of the rows, in that order."""
        return Rows(
            self.names,
            self.hypothesis[rows],
            self.log_weight[rows],
            {key: number[rows] for key, number in self.numbers.items()},
            {key: number[rows] for key, number in self.spreads.items()},
        )


def _text(numbers: Array) -> str:
    return base64.b64encode(np.asarray(numbers, dtype="<f8").tobytes()).decode()


def _array(text: str) -> Array:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


def rows(count: int, seed: int, only: Sequence[str] = ()) -> Rows:
    """`count` rows, half of them spread by weight over the hypotheses and half evenly. only : these hypotheses alone. Those of all are kept."""
    if only:
        return _rows(count, seed, only)
    what = f"rows-{count}-{seed}"
    plain = _kept(what)
    if plain is not None:
        return Rows.of(plain)
    found = _rows(count, seed)
    _keep(what, found.plain())
    return found


def _rows(count: int, seed: int, only: Sequence[str] = ()) -> Rows:
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
    for place, entry in enumerate(entries.values()):
        here = np.flatnonzero(which == place)
        if not here.size:
            continue
        z, weights = _scores(entry)
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
