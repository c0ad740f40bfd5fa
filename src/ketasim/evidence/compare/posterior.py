"""The shipped posterior in use: numbers at its mode, variance of every prediction."""

from __future__ import annotations

import numpy as np

from ..fit.ship import prediction_sd, row_key
from .predict import Evidence, all_evidence
from .scorecard import Scorecard, scorecard


def shipped_scorecard(evidence: Evidence | None = None) -> Scorecard:
    """The scorecard of all studies at the mode of the posterior, with its uncertainty."""
    evidence = evidence or all_evidence()
    known = prediction_sd()
    variance = [np.array([known.get(row_key(r.row), 0.0) ** 2 for r in block.rows]) for block in evidence.blocks]
    return scorecard(evidence, model_variance=variance)
