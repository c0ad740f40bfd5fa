"""What is measured and how it is analysed, as frozen values: the `[endpoint]`, `[analysis]` and `[reestimation]` of a design file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ketasim.core import knowledge_path, read_toml, value

SCORES = ("change", "ideation")
SHARES = ("response", "remission", "ideation_remission")
IDEATION = ("ideation", "ideation_remission")  # scores are points of the item
REPORTS = ("nausea", "dizziness", "sedation", "dissociation")
PRESSURES = ("sbp_180", "dbp_110", "sbp_rise_40", "dbp_rise_25")
FELT = ("cadss", "cadss_share")
MEASURES = (*SCORES, *SHARES, "relapse", *FELT, *REPORTS, *PRESSURES)
OF_SCORES = ("mmrm", "ancova", "t-test", "imputation")
OF_SHARES = ("proportions", "logistic")
OF_TIMES = ("log-rank", "cox", "rmst", "cumulative-incidence", "cause-specific")
METHODS: Mapping[str, tuple[str, ...]] = {
    "change": OF_SCORES,
    "ideation": ("ancova", "t-test", "mmrm", "imputation"),
    "relapse": OF_TIMES,
    "cadss": ("t-test",),
} | dict.fromkeys((*SHARES, "cadss_share", *REPORTS, *PRESSURES), OF_SHARES)
FREEDOMS = ("kenward-roger", "satterthwaite")
COVARIATES = ("baseline", "age", "weight", "severity", "sex")
STRATA = ("site", "severity", "sex")
OF_STRATA = ("ancova", "proportions", "log-rank", "cox", "cause-specific")
MISSING = ("failure", "left out")
Freedom = Literal["kenward-roger", "satterthwaite"]


@cache
def pressure_limits() -> Mapping[str, tuple[str, str, float, str]]:
    """Limit of a pressure -> (output, level or rise, mmHg, label); knowledge/harm.toml."""
    table = read_toml(knowledge_path() / "harm.toml")["pressure"]
    return {key: (str(e["output"]), str(e["kind"]), float(e["limit"]), str(e["label"])) for key, e in table.items()}


def is_harm(measure: str) -> bool:
    """Whether it is what a treatment does beside its purpose: read from the sessions, not from a score of mood."""
    return measure in (*FELT, *REPORTS, *PRESSURES)


def is_share(measure: str) -> bool:
    """Whether a person either has it or not at the visit."""
    return METHODS[measure] == OF_SHARES


def label_of(measure: str, scale: str, cut: float = 0.0) -> str:
    """The endpoint in the words of an estimand."""
    fixed = {
        "change": scale,
        "ideation": "suicidal thoughts (MADRS item 10)",
        "ideation_remission": f"suicidal thoughts at or below {cut:g} (MADRS item 10)",
        "cadss": "strongest dissociation so far (CADSS points)",
        "cadss_share": f"dissociation above {cut:g} CADSS points in some session so far",
    }
    if measure in PRESSURES:
        return f"{pressure_limits()[measure][3]} in some session so far"
    if measure in REPORTS:
        return f"{measure} reported so far"
    return fixed.get(measure, f"{measure} on the {scale}")


def default_cut(measure: str, remission: float) -> float:
    """The cut where the design file says none. remission : of the scale."""
    if measure == "cadss_share":
        return value("clinic_cadss_limit").value
    return {"relapse": 22.0, "ideation_remission": 1.0}.get(measure, remission)


def better(measure: str, method: str) -> float:
    """Sign of an estimate that favours the arm: more response, remission and time without relapse; fewer points, relapses and harms."""
    return 1.0 if measure in SHARES or method == "rmst" else -1.0


@dataclass(frozen=True, slots=True)
class Looks:
    """Group-sequential looks. fractions : share of the people at each look, ending in 1. spending : kind of bounds. exponent : of "spend-power".
    futility : bound on z at each look but the last (empty: none), non-binding."""

    fractions: tuple[float, ...]
    spending: str = "spend-obrien-fleming"
    exponent: float = 1.0
    futility: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Reestimation:
    """Sample size looked at again. kind : "blinded" (from the spread of all scores) or "promising" (from the conditional power). at : share of the
    people at the look. most : largest size as a multiple of the planned one. effect, power : what the planned size was for (blinded). least, wanted :
    edges of the promising zone."""

    kind: str
    at: float = 0.5
    most: float = 2.0
    effect: float = 0.0
    power: float = 0.8
    least: float = 0.36
    wanted: float = 0.8


@dataclass(frozen=True, slots=True)
class Analysis:
    """method with its degrees of freedom, covariates, and two-sided level alpha.

    imputation : strategy of multiple imputation, imputations : how many data sets, shift : points added after leaving in every arm but the reference,
    reference : arm that the strategy copies (the comparator, if empty). horizon_h : of restricted means, from the randomisation (0: to the
    endpoint). missing : of shares, "failure" or "left out". strata : people are compared within these, for the methods of `OF_STRATA`. looks, reestimation : None where the trial has one analysis at its end.
    """

    method: str = "mmrm"
    df: Freedom = "kenward-roger"
    covariates: tuple[str, ...] = ("baseline",)
    alpha: float = 0.05
    imputation: str = "mar"
    imputations: int = 20
    shift: float = 0.0
    reference: str = ""
    horizon_h: float = 0.0
    missing: str = "failure"
    looks: Looks | None = None
    reestimation: Reestimation | None = None
    strata: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The method in words, with what it was told."""
        words = f"multiple imputation ({self.imputation})" if self.method == "imputation" else self.method
        if self.strata:
            words += f", stratified by {' and '.join(self.strata)}"
        if self.looks:
            words += f", {len(self.looks.fractions)} looks ({self.looks.spending})"
        return words + (f", size re-estimated ({self.reestimation.kind})" if self.reestimation else "")
