"""Predictions of every published number: all studies, one set of numbers, the same even people everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.arrays import Array

from ..arms.context import Context
from ..arms.endpoints import family
from ..arms.mood_arm import NO_EFFECTS, StudyEffects
from ..arms.numbers import Numbers
from ..arms.quantities import predict_row
from ..published.studies import SCALE_RANGES, Row, Study, studies
from .likelihood import Observed, StudyBlock, observed

# Steps of the finite differences by study effect: small against the spread between studies, large against rounding.
EFFECTS = {
    "setting": StudyEffects(setting=0.04),
    "late": StudyEffects(late=0.04),
    "drug": StudyEffects(drug=0.08),
    "felt": StudyEffects(felt=0.08),
    "vital": StudyEffects(vital=0.5),
}
STEPS = {"setting": 0.04, "late": 0.04, "drug": 0.08, "felt": 0.08, "vital": 0.5}
# Kinds of rows that an effect can touch; all others are not predicted again for it.
TOUCHES = {
    "setting": ("mood", "correlation"),
    "late": ("mood", "correlation"),
    "drug": ("mood", "correlation"),
    "felt": ("mood", "correlation", "dissociation", "report"),
    "vital": ("vital",),
}


@dataclass(frozen=True)
class Skipped:
    """A row that is not predicted, and why."""

    row: Row
    why: str


@dataclass(frozen=True)
class Evidence:
    """Studies whose rows the model can predict, with what is left out. Shapes: R rows of a study."""

    blocks: tuple[StudyBlock, ...]
    skipped: tuple[Skipped, ...] = ()
    shared: dict[str, Mapping[str, Array]] = field(default_factory=dict, repr=False)

    def only(self, keep: Callable[[Study], bool]) -> Evidence:
        """The studies for which `keep` is true."""
        return Evidence(tuple(b for b in self.blocks if keep(b.study)), self.skipped)

    def natural(self, numbers: Numbers, effects: StudyEffects = NO_EFFECTS) -> list[Array]:
        """Predictions in the rows' units, one array (R,) per study."""
        shared: dict[str, Mapping[str, Array]] = {}
        return [_predict(block, numbers, effects, shared) for block in self.blocks]

    def compared(self, numbers: Numbers, effects: StudyEffects = NO_EFFECTS) -> list[Array]:
        """Predictions on the scale of comparison, one array (R,) per study."""
        return [_forward(block, p) for block, p in zip(self.blocks, self.natural(numbers, effects), strict=True)]

    def some(
        self, numbers: Numbers, wanted: Sequence[bool], otherwise: list[Array], effects: StudyEffects = NO_EFFECTS
    ) -> list[Array]:
        """As `compared`, for the studies that are wanted; the others keep what they had."""
        shared: dict[str, Mapping[str, Array]] = {}
        return [
            _forward(block, _predict(block, numbers, effects, shared)) if want else old
            for block, want, old in zip(self.blocks, wanted, otherwise, strict=True)
        ]

    def slopes(self, numbers: Numbers, base: list[Array] | None = None) -> list[dict[str, Array]]:
        """Derivative of every prediction (scale of comparison) in the effects of its study."""
        base = base if base is not None else self.compared(numbers)
        moved = {}
        for name, effects in EFFECTS.items():
            wanted = [any(family(r.row) in TOUCHES[name] for r in block.rows) for block in self.blocks]
            moved[name] = self.some(numbers, wanted, base, effects)
        return [{name: (moved[name][i] - base[i]) / STEPS[name] for name in EFFECTS} for i in range(len(self.blocks))]


def _predict(
    block: StudyBlock, numbers: Numbers, effects: StudyEffects, shared: dict[str, Mapping[str, Array]]
) -> Array:
    contexts = {study.id: Context(study, numbers, effects, shared) for study in block.studies}
    return np.array([predict_row(contexts[block.study_of(r).id], r.row) for r in block.rows])


def _forward(block: StudyBlock, natural: Array) -> Array:
    return np.array([r.forward(p) for r, p in zip(block.rows, natural, strict=True)])


def gather(some: Iterable[Study] | None = None) -> Evidence:
    """All predictable rows of the studies (of the package unless given), with reasons for the others."""
    blocks, skipped = [], []
    shared: dict[str, Mapping[str, Array]] = {}
    start = Numbers()
    for study in some if some is not None else studies().values():
        context = Context(study, start, shared=shared)
        rows: list[Observed] = []
        for row in study.predicted:
            try:
                predict_row(context, row)
                rows.append(observed(study, row, _points(context, row)))
            except KetasimError as error:
                skipped.append(Skipped(row, error.what))
        if rows:
            blocks.append(StudyBlock(study, tuple(rows)))
    return Evidence(same_people(blocks), tuple(skipped))


def _points(context: Context, row: Row) -> float:
    """MADRS points per point of the row's scale, for an assumed SD; scales of suicidal thoughts by their width."""
    if row.endpoint == "ideation" and row.scale in SCALE_RANGES:
        low, high = SCALE_RANGES[row.scale]
        return (SCALE_RANGES["MADRS"][1] - SCALE_RANGES["MADRS"][0]) / (high - low)
    return context.per_point(row.scale) if row.endpoint == "madrs" else 1.0


def same_people(blocks: Sequence[StudyBlock]) -> tuple[StudyBlock, ...]:
    """Studies of the same patients and role as one block with one set of study effects, at the place of the first."""
    found: dict[tuple[str, str], StudyBlock] = {}
    for block in blocks:
        key = (block.study.people_key, block.study.role)
        first = found.get(key)
        if first is None:
            found[key] = block
        else:
            others = (*first.others, *block.studies)
            found[key] = StudyBlock(first.study, (*first.rows, *block.rows), others)
    return tuple(found.values())


@lru_cache(maxsize=1)
def all_evidence() -> Evidence:
    """`gather` of the package's studies, once."""
    return gather()


__all__ = ["Evidence", "Observed", "Skipped", "all_evidence", "gather"]
