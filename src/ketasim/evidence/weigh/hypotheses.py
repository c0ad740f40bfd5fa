"""A hypothesis against the evidence: predictions of the human studies, findings of animals and probes, score per study.

Human studies of mood: the multivariate normal of `ketasim.evidence.compare.likelihood`, predicted with the variants of the hypothesis in a
smaller set of even people. Findings (animals, slices, imaging): `ketasim.evidence.weigh.findings`. A study that gives both a mood result and a
finding (Jelen 2025: mood, and glutamate by spectroscopy) is one study: its scores are added, and it is left out as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np

from ketasim.chain.hypothesis import Hypothesis
from ketasim.core.arrays import Array
from ketasim.core.posterior import fitted

from ..arms.courses import ArmSpec
from ..arms.numbers import Numbers
from ..compare.likelihood import TAUS, StudyBlock, log_density, taus_of
from ..compare.predict import Evidence, gather
from ..fit.calibrate import covariance
from ..published.studies import Study, studies
from .findings import FindingSet, finding_sets

# Groups of studies that speak about mood; concentrations, side effects and ideation do not depend on the hypothesis.
MOOD_GROUPS = ("single IV", "dose response", "repeated IV", "nasal", "crisis", "co-medication", "predictor")
MOOD_ENDPOINTS = ("madrs",)
PLAIN_STATISTICS = (
    "change_mean",
    "mean",
    "response",
    "remission",
    "difference",
    "smd",
    "odds_ratio",
    "risk_ratio",
    "ratio",
    "change_sd",
    "response_again",
)


@dataclass(frozen=True)
class HypothesisNumbers(Numbers):
    """Numbers that also say which mechanisms are integrated, and in how many even people."""

    variants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    people: int = 16

    def arm[T](self, spec: T) -> T:
        """The arm with the mechanisms of the hypothesis; those of a virtual experiment come first."""
        assert isinstance(spec, ArmSpec)
        chosen = dict(self.variants) | dict(spec.variants)
        return replace(spec, variants=tuple(sorted(chosen.items())), people=self.people)


def numbers_of(entry: Hypothesis, z: Sequence[float] | Array | None, people: int) -> HypothesisNumbers:
    """The numbers of a hypothesis at the scores z of its free values."""
    return HypothesisNumbers(entry.numbers(z), variants=tuple(sorted(entry.variants.items())), people=people)


def is_mood(study: Study) -> bool:
    """True for a human study of mood that a hypothesis has to answer for."""
    return study.group in MOOD_GROUPS


@lru_cache(maxsize=2)
def mood_evidence(role: str) -> Evidence:
    """The mood rows of human studies of one role, predictable."""
    return gather(mood_studies(role))


@lru_cache(maxsize=2)
def mood_studies(role: str) -> tuple[Study, ...]:
    """Human studies of mood of one role, with their mood rows; a study without such a row is left out."""
    chosen = []
    for study in studies().values():
        rows = tuple(r for r in study.rows if r.endpoint in MOOD_ENDPOINTS and r.statistic in PLAIN_STATISTICS)
        if study.role == role and is_mood(study) and any(r.use == "predict" for r in rows):
            chosen.append(replace(study, rows=rows))
    return tuple(chosen)


@dataclass(frozen=True)
class Scores:
    """Log score per study at each of N parameter vectors: table (N, S), names (S,)."""

    names: tuple[str, ...]
    table: Array


@dataclass(frozen=True)
class Judge:
    """A hypothesis with its evidence. covariances: fixed at a reference point, as the spread between studies is."""

    entry: Hypothesis
    fit: Evidence
    held_out: Evidence
    findings: FindingSet
    people: int = 16
    taus: Mapping[str, float] = field(default_factory=lambda: shipped_taus())

    def numbers(self, z: Array) -> HypothesisNumbers:
        """The numbers at z."""
        return numbers_of(self.entry, z, self.people)

    def human(self, z: Array, evidence: Evidence | None = None) -> list[Array]:
        """Predictions of the human studies, scale of comparison, one (R,) per study."""
        return (evidence or self.fit).compared(self.numbers(z))

    def covariances(self, z: Array, base: list[Array], evidence: Evidence | None = None) -> list[Array]:
        """Sampling error and spread between studies around z."""
        chosen = evidence or self.fit
        slopes = chosen.slopes(self.numbers(z), base)
        return [covariance(b, s, dict(self.taus)) for b, s in zip(chosen.blocks, slopes, strict=True)]

    def outcomes(self, z: Array) -> Array:
        """Predicted outcomes of the findings, (N, F) for z (N, p); NaN where the hypothesis has none."""
        return self.findings.predict(self.entry, np.atleast_2d(z))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of everything scored, each once: human studies of role fit, then the other studies behind the findings."""
        return tuple(dict.fromkeys((*(b.study.id for b in self.fit.blocks), *self.findings.names)))

    def groups(self) -> dict[str, str]:
        """Group of evidence of every name; that of its mood result where a study has both."""
        return dict(self.findings.groups) | {b.study.id: b.study.group for b in self.fit.blocks}


def joined(names: Sequence[str], human: Array, findings: FindingSet, told: Array) -> Array:
    """Log scores of every name, (N, S): human (N, B) of the first B names, told (N, F) of the studies behind the findings, added where a study has both."""
    found = np.zeros((len(human), len(names)))
    found[:, : human.shape[1]] = human
    for name, column in zip(findings.names, told.T, strict=True):
        found[:, list(names).index(name)] += column
    return found


def shipped_taus() -> dict[str, float]:
    """Spreads between studies: those estimated with the shipped posterior, else their starting values."""
    known = fitted()
    return taus_of({key: float(known[key]["mode"]) for key in known if key in TAUS})


def judge(entry: Hypothesis, people: int = 16) -> Judge:
    """A hypothesis before the package's evidence."""
    fit, held = mood_evidence("fit"), mood_evidence("validate")
    return Judge(entry, fit, held, finding_sets(), people)


def block_scores(blocks: Sequence[StudyBlock], predicted: Sequence[Array], covariances: Sequence[Array]) -> Array:
    """Log density of every study, (S,)."""
    return np.array([log_density(b.y - f, c) for b, f, c in zip(blocks, predicted, covariances, strict=True)])
