"""The shipped posterior in use: numbers at its mode, spreads between studies, variance of every prediction."""

from __future__ import annotations

from .predict import all_evidence
from .scorecard import Scorecard, scorecard


def shipped_scorecard() -> Scorecard:
    """The scorecard of all studies."""
    return scorecard(all_evidence())
