"""The naive baseline: the pooled mean of the fit studies of the same kind of number, with the spread between them.

Kind: endpoint and statistic, time window, drug or control or contrast, comparator, route. A kind without fit studies falls back to a
coarser one (route, then comparator, then window dropped). A fit study never helps to predict itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ketasim.dose import parse

from ..published.studies import Study
from .likelihood import Observed, StudyBlock

# Upper ends of the time windows, h: first hour, hours, day 1, days 2-4, about a week, two weeks, a month, three months.
WINDOWS_H = (1.5, 8.0, 36.0, 100.0, 220.0, 440.0, 800.0, 2400.0)
ENOUGH_STUDIES = 3
LEAST_STUDIES = 2  # a spread between studies needs two


_KINDS: dict[tuple[str, int], tuple[Observed, tuple[str, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Naive:
    """Mean and SD (without the row's own sampling error) on the scale of comparison; how many levels were dropped."""

    mean: float
    sd: float
    dropped: int
    studies: int


@lru_cache(maxsize=4096)
def main_dose(words: str, repeat: str, with_: tuple[str, ...]) -> tuple[bool, str]:
    """Whether the main dose is a control, and its route."""
    dose = parse(words, repeat=repeat, with_=with_).main.blocks[0].dose
    return dose.entry.role == "placebo" or dose.drug == "midazolam", str(dose.route)


def _kind(study: Study, row: Observed) -> tuple[str, ...]:
    """The cell of a row, from coarse to fine."""
    r = row.row
    arm = study.arms[r.arm]
    control, route = main_dose(arm.words, arm.repeat, tuple(arm.with_))
    role = "contrast" if r.versus else "control" if control else "drug"
    window = 0 if math.isnan(r.time_h) else int(np.searchsorted(WINDOWS_H, r.time_h)) + 1
    return (f"{r.endpoint}|{r.statistic}|{row.kind}", role, f"window {window}", arm.setting, route)


def _kind_of(study: Study, row: Observed) -> tuple[str, ...]:
    """`_kind`, kept for the row object it was made for."""
    key = (study.id, row.row.line)
    found = _KINDS.get(key)
    if found is None or found[0] is not row:
        found = (row, _kind(study, row))
        _KINDS[key] = found
    return found[1]


def naive(blocks: Sequence[StudyBlock], block: StudyBlock, index: int, least_sd: float = 0.0) -> Naive | None:
    """The baseline for one row; None if the fit studies have no number of this endpoint and statistic, or know no spread.

    The mean comes from the finest kind with a study, the spread from the finest one with at least three (else two) studies,
    but never less than `least_sd`, the spread between studies that the model grants the same row.
    """
    mine = block.rows[index]
    want = _kind_of(block.study, mine)
    pool = [
        (other.study.id, row, _kind_of(other.study, row))
        for other in blocks
        if other.study.role == "fit" and other.study.id != block.study.id
        for row in other.rows
        if not row.row.is_sign
    ]
    levels = []
    for dropped in range(len(want)):
        keep = len(want) - dropped
        cell = [(name, row) for name, row, kind in pool if kind[:keep] == want[:keep]]
        if cell:
            levels.append((dropped, len({name for name, _ in cell}), *_pooled(cell)))
    spreads = [level for least in (ENOUGH_STUDIES, LEAST_STUDIES) for level in levels if level[1] >= least]
    if not spreads:
        return None
    dropped, count, mean, error, _ = levels[0]
    unit = _unit(mine)
    sd = math.hypot(error, max(spreads[0][4], least_sd * unit))
    return Naive(mean / unit, sd / unit, dropped, count)


def _pooled(cell: Sequence[tuple[str, Observed]]) -> tuple[float, float, float]:
    """Mean over studies (each study counts once), its error, and the spread between studies (DerSimonian-Laird)."""
    names = sorted({name for name, _ in cell})
    y = np.array([np.mean([row.y * _unit(row) for n, row in cell if n == name]) for name in names])
    v = np.array([np.mean([(row.se * _unit(row)) ** 2 for n, row in cell if n == name]) for name in names])
    w = 1.0 / v
    fixed = float((w * y).sum() / w.sum())
    q = float((w * (y - fixed) ** 2).sum())
    c = float(w.sum() - (w**2).sum() / w.sum())
    tau2 = max((q - (len(y) - 1)) / c, 0.0) if len(y) > 1 and c > 0 else 0.0
    w = 1.0 / (v + tau2)
    return float((w * y).sum() / w.sum()), float(math.sqrt(1.0 / w.sum())), math.sqrt(tau2)


def _unit(row: Observed) -> float:
    """Points of different scales are pooled as MADRS points."""
    return row.points if row.kind == "plain" and row.row.statistic != "smd" else 1.0
