"""Published outcomes of crossover trials under each explanation: how often a trial of that size, with and without the mechanism, gives what was published."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ketasim.core import UsageError
from ketasim.core.arrays import Array
from ketasim.core.numbers import whole
from ketasim.scenario.result import plain
from ketasim.trial.library import find_design
from ketasim.trial.methods import crossover_outcomes
from ketasim.trial.simulate import Trial

from ..published.studies import studies
from .design_files import published
from .replay import CROSSED, place_of

TRIALS = ("Williams2018", "Jelen2025")
COMPARED = ("opioid-gate", "disinhibition")  # with the gate, and without any
SIMS, WORLDS, PEOPLE = 400, 8, 64
NEAR = 0.1  # of a ratio: so near counts as what was published


@dataclass(frozen=True, slots=True)
class Outcome:
    """One published outcome under one explanation, over simulated trials of that size.

    measure : again (share of the comparator's responders who respond under the other treatment) | ratio (of mean changes). like : share of trials that give
    the published outcome (again: that very share; ratio: within 0.1), se its Monte Carlo error; at_most : share that gives so much or less, ties half; mean, low, high :
    of the simulated outcome, 5th and 95th percentile. counted : trials in which the outcome exists (somebody responds).
    """

    design: str
    n: int
    hypothesis: str
    measure: str
    published: float
    like: float
    se: float
    at_most: float
    mean: float
    low: float
    high: float
    counted: int
    records: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        found = plain(asdict(self))
        assert isinstance(found, dict)
        return found


def crossover_chances(
    names: Sequence[str] = TRIALS,
    hypotheses: Sequence[str] = COMPARED,
    sims: int = SIMS,
    worlds: int = WORLDS,
    people: int = PEOPLE,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> tuple[Outcome, ...]:
    """Every published outcome of these crossover trials under every one of these explanations, at the published size.

    Raises UsageError for a design without such an outcome. The numbers of a world are a draw of its hypothesis, so that uncertain sizes count.
    """
    sims, worlds = whole("sims", sims), min(whole("worlds", worlds), max(sims, 1))
    found = []
    for i, name in enumerate(names):
        design = find_design(name)
        stated = published(studies()[design.study]) if design.study in studies() else None
        if design.kind != "crossover" or stated is None or stated.measure not in CROSSED:
            raise UsageError(
                f"{name} published no outcome of a crossover",
                where="ketasim trial --outcomes",
                allowed=", ".join(TRIALS),
                fix=f"ketasim trial {TRIALS[0]} --outcomes",
            )
        for k, hypothesis in enumerate(hypotheses):
            trial = Trial(replace(design, hypotheses=(hypothesis,)), seed, count=worlds, people=people)
            begin = i * len(hypotheses) + k

            def told(share: float, begin: int = begin) -> None:
                if progress:
                    progress((begin + share) / (len(names) * len(hypotheses)))

            rows = crossover_outcomes(design, trial.replicates(sims, design.n, told), design.n)[stated.measure]
            found.append(_outcome(name, design.n, hypothesis, stated.measure, stated.value, rows, stated.rows))
    return tuple(found)


def _outcome(
    name: str, n: int, hypothesis: str, measure: str, value: float, simulated: Array, rows: Sequence[Any]
) -> Outcome:
    made = simulated[np.isfinite(simulated)]
    like = float((np.abs(made - value) <= (1e-9 if measure == "again" else NEAR)).mean()) if made.size else math.nan
    return Outcome(
        design=name,
        n=n,
        hypothesis=hypothesis,
        measure=measure,
        published=value,
        like=like,
        se=math.sqrt(like * (1 - like) / made.size) if made.size else math.nan,
        at_most=place_of(made, value),
        mean=float(made.mean()) if made.size else math.nan,
        low=float(np.percentile(made, 5)) if made.size else math.nan,
        high=float(np.percentile(made, 95)) if made.size else math.nan,
        counted=int(made.size),
        records=tuple(row.record for row in rows),
    )
