"""What became of one analysis of one replicate: a status with its reason, so that a missing number is never silent."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ketasim.core.arrays import IntArray


class Status(IntEnum):
    """0 is a result; every other value says why there is none (its numbers are then nan)."""

    OK = 0
    EMPTY_CELL = 1
    RANK = 2
    TOO_FEW = 3
    PAIR = 4
    NOT_CONVERGED = 5
    SINGULAR = 6
    NO_EVENTS = 7
    SEPARATED = 8
    NO_SPREAD = 9
    BEYOND_FOLLOW_UP = 10
    UNCERTAIN = 11

    @property
    def reason(self) -> str:
        """One sentence."""
        return REASONS[self]


REASONS = {
    Status.OK: "analysed",
    Status.EMPTY_CELL: "an arm has nobody with a score (at one of the visits)",
    Status.RANK: "the covariates and arms cannot be told apart (the design has not full rank)",
    Status.TOO_FEW: "too few people with a score for the number of coefficients and visits",
    Status.PAIR: "two visits were never scored in the same person, so their covariance cannot be estimated",
    Status.NOT_CONVERGED: "the estimation did not settle within the allowed number of steps",
    Status.SINGULAR: "the covariance of the visits is singular: some scores follow from others",
    Status.NO_EVENTS: "no event, or none that both arms were at risk for",
    Status.SEPARATED: "the estimate is infinite: every event falls on one side",
    Status.NO_SPREAD: "the scores do not vary",
    Status.UNCERTAIN: "the covariance of the visits is hardly known: less than one degree of freedom is left",
    Status.BEYOND_FOLLOW_UP: "an arm was not followed up to the asked time",
}


def counts(status: IntArray) -> dict[str, int]:
    """Reason -> how many replicates, the most frequent first; replicates with a result are left out."""
    codes, numbers = np.unique(status[status != Status.OK], return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    return {Status(int(codes[i])).reason: int(numbers[i]) for i in order}
