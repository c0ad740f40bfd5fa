"""Concentrations predicted by a fit of the plasma stage that has not seen their study.

The values of the plasma stage are fitted before and apart from those of mood (kinetics/fit_plasma.py), mostly to the same concentrations that the
scorecard compares. One step away from the mode of the second fit leaves those studies in the first one; so the plasma stage is fitted once more without each
study, and without each study and whoever shares its clinic or programme. With x the values of such a fit and C their covariance (Laplace),

    mean = f(x),    covariance = D D',    D_k = f(x + l_k / 2) - f(x - l_k / 2),    C = sum_k l_k l_k',

f : concentrations of the study on the scale of comparison. Concentrations of a study that no value of the plasma stage was fitted to are predicted by the
fit to all studies, with its covariance. knowledge/posterior/plasma_left_out.csv holds them (ship_levels.py writes it).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.arrays import Array
from ketasim.core.posterior import folder

from ..arms.endpoints import family
from ..arms.numbers import Numbers
from ..compare.design import left_out_with
from ..compare.likelihood import StudyBlock
from ..compare.predict import Evidence
from ..compare.shipped import row_key
from ..kinetics.leave_out import Refits
from ..kinetics.pk_table import study_of, targets

Progress = Callable[[str], None]
SCHEMES = ("study", "cluster")
STALE = 5e-3  # of a logarithm: how far the shipped prediction of a row may lie from the one that was written beside it
FIX = "python -m ketasim.evidence.fit.ship_levels"


@dataclass(frozen=True)
class Unseen:
    """Concentrations of one study, predicted without it. rows (R,) : which of the study's; shipped, mean (R,); root (R, K): covariance = root root'."""

    rows: tuple[int, ...]
    shipped: Array
    mean: Array
    root: Array

    @property
    def covariance(self) -> Array:
        """(R, R), without sampling error and spread between studies."""
        return np.asarray(self.root @ self.root.T)


Table = Mapping[tuple[str, str], Unseen]  # (study | cluster, first study of a block)


def levels_of(block: StudyBlock) -> tuple[int, ...]:
    """Which rows of a block are concentrations or ratios of them."""
    return tuple(i for i, row in enumerate(block.rows) if family(row.row) == "plasma")


def goes_with(block: StudyBlock, other: StudyBlock, cluster: bool) -> bool:
    """Whether `other` is left out with `block`."""
    return any(left_out_with(a, b, cluster) for a in block.studies for b in other.studies)


def companions(block: StudyBlock, blocks: Sequence[StudyBlock], cluster: bool) -> frozenset[str]:
    """The studies that are left out with a block, its own among them."""
    return frozenset(study.id for other in blocks if goes_with(block, other, cluster) for study in other.studies)


def unseen(refits: Refits, block: StudyBlock, without: frozenset[str]) -> Unseen:
    """The concentrations of a block under the fit without some studies."""
    rows = levels_of(block)
    alone = Evidence((StudyBlock(block.study, tuple(block.rows[i] for i in rows), block.others),))

    def at(x: Array) -> Array:
        return alone.compared(Numbers(refits.values(x)))[0]

    x, covariance = refits.without(without)
    sides = np.linalg.cholesky(covariance) / 2.0
    root = np.stack([at(x + side) - at(x - side) for side in sides.T], axis=1)
    return Unseen(rows, alone.compared(Numbers())[0], at(x), root)


def all_unseen(evidence: Evidence, tell: Progress | None = None) -> Table:
    """Every block that has concentrations, left out by study and by cluster. Minutes."""
    refits = Refits()
    found: dict[tuple[str, str], Unseen] = {}
    blocks = [block for block in evidence.blocks if levels_of(block)]
    for done, block in enumerate(blocks):
        before: dict[frozenset[str], Unseen] = {}
        for scheme in SCHEMES:
            without = companions(block, evidence.blocks, scheme == "cluster") & refits.studies
            if without not in before:
                before[without] = unseen(refits, block, without)
            found[scheme, block.study.id] = before[without]
        if tell:
            tell(f"{block.study.id} ({done + 1} of {len(blocks)})")
    return found


# what ships -------------------------------------------------------------------------------------------------------


def path_of() -> Path:
    """knowledge/posterior/plasma_left_out.csv."""
    return folder() / "plasma_left_out.csv"


def write(table: Table, evidence: Evidence) -> Path:
    """One line per scheme and row: shipped prediction, mean without the study, root of the covariance; scale of comparison."""
    blocks = {block.study.id: block for block in evidence.blocks}
    width = max(found.root.shape[1] for found in table.values())
    with path_of().open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["left_out", "row", "shipped", "mean", *(f"root{k + 1}" for k in range(width))])
        for (scheme, name), found in table.items():
            for place, shipped, mean, root in zip(found.rows, found.shipped, found.mean, found.root, strict=True):
                key = row_key(blocks[name].rows[place].row)
                writer.writerow([scheme, key, f"{shipped:.5g}", f"{mean:.5g}", *(f"{x:.3g}" for x in root)])
    _lines.cache_clear()
    return path_of()


@lru_cache(maxsize=1)
def _lines() -> Mapping[tuple[str, str], Array]:
    if not path_of().exists():
        return {}
    with path_of().open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return {(line[0], line[1]): np.array([float(x) for x in line[2:]]) for line in lines}


@cache
def fitted_studies() -> frozenset[str]:
    """The studies whose numbers the plasma stage is fitted to."""
    return frozenset(study_of(item) for item in targets() if item.error > 0)


def read(evidence: Evidence, base: Sequence[Array]) -> Table:
    """What ships, for the blocks of `evidence`. base : their predictions with the shipped values, to see that they belong together.

    A study that came later and that the plasma stage was not fitted to has no lines. Raises KetasimError where what ships belongs to other values, or
    lacks a concentration of a study that was fitted to: it would be scored as left out by values that have seen it.
    """
    known, fitted = _lines(), fitted_studies()
    found: dict[tuple[str, str], Unseen] = {}
    for block, shipped in zip(evidence.blocks, base, strict=True):
        for scheme in SCHEMES:
            places = tuple(i for i in levels_of(block) if (scheme, row_key(block.rows[i].row)) in known)
            lent = bool(places) or any(study.id in fitted for study in block.studies)
            if len(places) < len(levels_of(block)) and lent:
                raise KetasimError(
                    f"concentrations of {block.study.id} are missing among those left out",
                    where=path_of().name,
                    fix=FIX,
                )
            if not places:
                continue
            table = np.stack([known[scheme, row_key(block.rows[i].row)] for i in places])
            if np.abs(table[:, 0] - shipped[list(places)]).max() > STALE:
                raise KetasimError(
                    f"the concentrations of {block.study.id} left out belong to other values than those that ship",
                    where=path_of().name,
                    fix=FIX,
                )
            found[scheme, block.study.id] = Unseen(places, table[:, 0], table[:, 1], table[:, 2:])
    return found
