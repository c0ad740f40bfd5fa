"""What each analysis estimates, in the words of ICH E9(R1): population, variable, intercurrent events, summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimand:
    """The quantity that an analysis aims at.

    population : who. variable : what is measured. intercurrent : how events after randomisation enter. summary : how the
    arms are compared. `about` fills in `{endpoint}` and `{time}`.
    """

    population: str
    variable: str
    intercurrent: str
    summary: str

    def about(self, endpoint: str, time: str) -> Estimand:
        """With endpoint and time in place."""
        words = (self.population, self.variable, self.intercurrent, self.summary)
        return Estimand(*(text.format(endpoint=endpoint, time=time) for text in words))

    def __str__(self) -> str:
        return (
            f"Population: {self.population}. Variable: {self.variable}. Intercurrent events: {self.intercurrent}. "
            f"Summary: {self.summary}."
        )


@dataclass(frozen=True, slots=True)
class Analysis:
    """One kind of analysis: name (as in a design file), label, estimand."""

    name: str
    label: str
    estimand: Estimand


_ALL = "all randomised people with at least one score after baseline"
_EVERYBODY = "all randomised people"

ANALYSES = {
    a.name: a
    for a in (
        Analysis(
            "mmrm",
            "mixed model for repeated measures (unstructured covariance, REML)",
            Estimand(
                _ALL,
                "change of {endpoint} from baseline at {time}",
                "hypothetical: what would have been seen had nobody left or missed a visit, with missing scores at random given "
                "the earlier scores, arm and covariates",
                "difference of adjusted means to the comparator",
            ),
        ),
        Analysis(
            "ancova",
            "analysis of covariance of the people seen at that visit",
            Estimand(
                "all randomised people with a score at {time}",
                "change of {endpoint} from baseline at {time}",
                "people without the score are left out: unbiased only if who is seen does not depend on the change, given arm and "
                "covariates",
                "difference of adjusted means to the comparator",
            ),
        ),
        Analysis(
            "t-test",
            "two-sample t test of the people seen at that visit",
            Estimand(
                "all randomised people with a score at {time}",
                "change of {endpoint} from baseline at {time}",
                "people without the score are left out: unbiased only if who is seen does not depend on the change",
                "difference of means to the comparator",
            ),
        ),
    )
}
