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


_SCORED = "all randomised people with at least one score after baseline"
_SEEN = "all randomised people with a score at {time}"
_EVERYBODY = "all randomised people"
_CHANGE = "change of {endpoint} from baseline at {time}"
_AT_RANDOM = "hypothetical: as if nobody had left or missed a visit, missing scores at random given"
_LEFT_OUT = "people without the score are left out: unbiased only if who is seen does not depend on the change"
_MEANS = "difference of adjusted means to the comparator"
_TIME = "time from randomisation to {endpoint}, followed to {time}"
_WHILE = "leaving before the event ends the time at risk (censored): hypothetical, unbiased only if leaving tells nothing of the event"


def _analysis(name: str, label: str, population: str, variable: str, intercurrent: str, summary: str) -> Analysis:
    return Analysis(name, label, Estimand(population, variable, intercurrent, summary))


_ROWS = (
    _analysis(
        "mmrm",
        "mixed model for repeated measures (unstructured covariance, REML)",
        _SCORED,
        _CHANGE,
        f"{_AT_RANDOM} the earlier scores, arm and covariates",
        _MEANS,
    ),
    _analysis(
        "ancova",
        "analysis of covariance of the people seen at that visit",
        _SEEN,
        _CHANGE,
        f"{_LEFT_OUT}, given arm and covariates",
        _MEANS,
    ),
    _analysis(
        "t-test",
        "two-sample t test of the people seen at that visit",
        _SEEN,
        _CHANGE,
        _LEFT_OUT,
        "difference of means to the comparator",
    ),
    _analysis(
        "imputation-mar",
        "multiple imputation at random, analysis of covariance",
        _EVERYBODY,
        _CHANGE,
        f"{_AT_RANDOM} the other scores, arm and covariates",
        _MEANS,
    ),
    _analysis(
        "imputation-jump-to-reference",
        "multiple imputation, jump to reference, analysis of covariance",
        _EVERYBODY,
        _CHANGE,
        "treatment policy, under the assumption that who leaves has from then on the mean course of the comparator",
        _MEANS,
    ),
    _analysis(
        "imputation-copy-reference",
        "multiple imputation, copy reference, analysis of covariance",
        _EVERYBODY,
        _CHANGE,
        "treatment policy, under the assumption that who leaves had belonged to the comparator all the time",
        _MEANS,
    ),
    _analysis(
        "imputation-copy-increments",
        "multiple imputation, copy increments in reference, analysis of covariance",
        _EVERYBODY,
        _CHANGE,
        "treatment policy, under the assumption that who leaves keeps the gain so far and then changes as the comparator does",
        _MEANS,
    ),
    _analysis(
        "proportions",
        "difference of shares (Newcombe, Fisher; Mantel-Haenszel with strata)",
        _EVERYBODY,
        "{endpoint} at {time}, yes or no",
        "composite: who has no score has no success",
        "difference of shares to the comparator",
    ),
    _analysis(
        "proportions-seen",
        "difference of shares of the people seen",
        _SEEN,
        "{endpoint} at {time}, yes or no",
        "people without the score are left out: unbiased only if who is seen does not depend on the success",
        "difference of shares to the comparator",
    ),
    _analysis(
        "logistic",
        "logistic regression",
        _EVERYBODY,
        "{endpoint} at {time}, yes or no",
        "composite: who has no score has no success",
        "odds ratio to the comparator at the same covariates",
    ),
    _analysis(
        "logistic-seen",
        "logistic regression of the people seen",
        _SEEN,
        "{endpoint} at {time}, yes or no",
        "people without the score are left out: unbiased only if who is seen does not depend on the success, given covariates",
        "odds ratio to the comparator at the same covariates",
    ),
    _analysis(
        "log-rank", "log-rank test", _EVERYBODY, _TIME, _WHILE, "hazard over the follow-up against the comparator's"
    ),
    _analysis(
        "withdrawal",
        "log-rank test after randomised withdrawal",
        "people who had responded and were then randomised to go on or to stop",
        "time from that randomisation to {endpoint}, followed to {time}",
        _WHILE,
        "hazard over the follow-up against the comparator's",
    ),
    _analysis(
        "cox", "proportional hazards", _EVERYBODY, _TIME, _WHILE, "hazard ratio to the comparator, taken as constant"
    ),
    _analysis(
        "rmst",
        "restricted mean time",
        _EVERYBODY,
        _TIME,
        _WHILE,
        "difference of the mean time without the event up to the horizon",
    ),
    _analysis(
        "cumulative-incidence",
        "cumulative incidence (Aalen-Johansen)",
        _EVERYBODY,
        "{endpoint} by {time}",
        "while at risk: leaving before the event counts as an end of its own kind, without the event",
        "difference of the share with the event to the comparator",
    ),
    _analysis(
        "cause-specific",
        "log-rank test of the cause-specific hazard",
        _EVERYBODY,
        _TIME,
        "other ends close the time at risk",
        "cause-specific hazard over the follow-up against the comparator's",
    ),
    _analysis(
        "gray",
        "Gray's test of the cumulative incidence",
        _EVERYBODY,
        _TIME,
        "leaving before the event counts as an end of its own kind, without the event",
        "share with the event over the follow-up against the comparator's",
    ),
)

ANALYSES = {row.name: row for row in _ROWS}
