"""What each analysis estimates, in the words of ICH E9(R1): population, variable, intercurrent events, summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimand:
    """The quantity that an analysis aims at.

    population : who. variable : what is measured (`{endpoint}` and `{time}` are filled in). intercurrent : how events
    after randomisation enter. summary : how the arms are compared.
    """

    population: str
    variable: str
    intercurrent: str
    summary: str

    def about(self, endpoint: str, time: str) -> Estimand:
        """With endpoint and time in place."""
        return Estimand(
            self.population, self.variable.format(endpoint=endpoint, time=time), self.intercurrent, self.summary
        )

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
    )
}
