"""The scorecard at the shipped posterior: of the package, of one study, or with studies of a user's own.

Posterior SD of a prediction: over the shipped draws where it ships with them; for numbers that came later, over the same draws made
anew (a few studies, such as one's own) or from the curvature of the fit (many). Never 0 without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ketasim.core import KetasimError, all_values, unknown_name
from ketasim.core.arrays import Array
from ketasim.core.posterior import posterior

from ..arms.numbers import SPREAD, Numbers
from ..compare.left_out import left_out
from ..compare.likelihood import StudyBlock
from ..compare.predict import Evidence, all_evidence, gather
from ..compare.scorecard import Scorecard, scorecard
from ..compare.shipped import prediction_sd, row_key
from ..kinetics.fit_plasma import priors
from ..published.studies import own_studies
from .leave_out import Linear, linear
from .parameters import free_parameters

Progress = Callable[[str], None]
WORDS = re.compile(r"[\w-]+")
DRAWS = 48  # of the shipped ones, evenly picked, for numbers that came later
FEW_STUDIES = 8  # with numbers that came later: predicted for each draw; more: by the curvature of the fit


def drawn_variance(blocks: Sequence[StudyBlock], count: int = DRAWS) -> list[Array]:
    """Variance of every prediction of these studies over the shipped draws, scale of comparison, (R,) per study."""
    known = posterior()
    if known is None:
        raise KetasimError(
            "no posterior ships", where="knowledge/posterior", fix="python -m ketasim.evidence.fit.calibrate --ship"
        )
    some, picked = Evidence(tuple(blocks)), known.even(min(count, len(known)))
    found = [some.compared(Numbers(picked.one(i))) for i in range(len(picked))]
    return [np.var([f[b] for f in found], axis=0, ddof=1) for b in range(len(blocks))]


def posterior_variance(evidence: Evidence, around: Linear | None = None) -> list[Array]:
    """Variance of every prediction over the posterior, (R,) per study."""
    known = prediction_sd()
    found = [np.array([known.get(row_key(r.row), np.nan) ** 2 for r in block.rows]) for block in evidence.blocks]
    late = [i for i, variance in enumerate(found) if np.isnan(variance).any()]
    if not late:
        return found
    if len(late) <= FEW_STUDIES:
        anew = drawn_variance([evidence.blocks[i] for i in late])
    else:
        everywhere = (around or linear(evidence)).variance()
        anew = [everywhere[i] for i in late]
    for i, variance in zip(late, anew, strict=True):
        found[i] = np.where(np.isnan(found[i]), variance, found[i])
    return found


def own_variance(evidence: Evidence) -> list[Array]:
    """Variance of every prediction of a user's studies over the posterior that ships, (R,) per study: it never saw them, so that what they
    are and how many stand beside each other changes nothing. A few are predicted for each draw; more by the curvature of the fit to the package's studies."""
    if len(evidence.blocks) <= FEW_STUDIES:
        return drawn_variance(evidence.blocks)
    return linear(evidence).variance(linear(all_evidence()).curvature())


def held_sources(evidence: Evidence) -> frozenset[str]:
    """Records of the evidence that a value rests on which is in force as it was read: neither this fit nor that of the plasma stage frees it."""
    known = {item.row.record for block in evidence.blocks for item in block.rows}
    freed = {p.key.removesuffix(SPREAD) for p in free_parameters()} | {prior.name for prior in priors()}
    found: set[str] = set()
    for one in all_values():
        if one.key not in freed:
            found |= known & {*one.records, *WORDS.findall(f"{one.place} {one.note}")}
    return frozenset(found)


def shipped_scorecard(evidence: Evidence | None = None) -> Scorecard:
    """The scorecard at the mode of the posterior, with its uncertainty; nothing left out."""
    evidence = evidence or all_evidence()
    return scorecard(evidence, model_variance=posterior_variance(evidence))


def full_scorecard(evidence: Evidence | None = None, tell: Progress | None = None) -> Scorecard:
    """The same with leave-one-study-out and leave-one-cluster-out of model, baseline and rival."""
    evidence = evidence or all_evidence()
    around = linear(evidence, tell)
    # predicted anew, not read from `around`: the values that ship are the mode rounded to six digits, and counts of simulated people
    # (relapses of Daly 2019) step by 1 % between the two; the rows are those of `shipped_scorecard` to the last digit
    card = scorecard(evidence, model_variance=posterior_variance(evidence, around))
    left, sources = {}, held_sources(evidence)
    for name in ("study", "cluster"):
        found = around.left_out(name == "cluster")
        left[name] = left_out(evidence, found.mean, found.variance, around.between, name == "cluster", sources)
    return replace(card, left_out=left)


def card_of(
    study: str = "", directory: Path | None = None, tell: Progress | None = None, leave_out: bool = False
) -> Scorecard:
    """The scorecard of the package, of one of its studies, or of the studies in a user's directory beside it.

    A user's studies are predicted by the shipped posterior, which never saw them, whatever their role; baseline and rival are those of the package.

    study : the id of one study alone. directory : a folder of studies of one's own. tell : told the share done. leave_out : predict every study, and every
    programme, without itself too.

    Returns a `Scorecard` whose rows hold published and predicted values in the unit of their scale. Raises UsageError for an unknown study or a folder with problems.
    """
    if directory is not None:
        mine = gather(own_studies(directory).values())
        card = scorecard(mine, model_variance=own_variance(mine), helpers=all_evidence().blocks)
    else:
        card = full_scorecard(tell=tell) if leave_out else shipped_scorecard()
    if study:
        known = {r.study for r in card.rows} | {s.row.study for s in card.skipped}
        if study not in known:
            raise unknown_name("study", study, known, where="--study")
        card = card.only({study})
    return card
