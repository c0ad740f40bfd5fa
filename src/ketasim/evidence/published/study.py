"""What a study is: its arms in the words of the command line, its rows, its declared fields. No free text steers a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.core import value

from .vocabulary import CONTRASTS, POOLS, SHARE_CONTRASTS


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment arm, in the words of the command line.

    words : empty where `no_words` says why the arm cannot be said. experiment : "name:arm" of knowledge/experiments.toml, for animals
    and tissue. people : age, weight, sex, baseline, genotype, ethnicity. n : people who started. background : what other antidepressant
    (`new_oral_ad` was begun with the first dose). masked : nobody can feel the drug. inpatient : in hospital. midazolam_dose : mg/kg of the
    comparator. baseline, baseline_sd : points of `baseline_scale` (of the study's scale where that is empty). dropout : by_h with n or share.
    """

    key: str
    words: str
    repeat: str = ""
    with_: tuple[str, ...] = ()
    setting: str = "saline"
    n: float = math.nan
    baseline: float = math.nan
    baseline_sd: float = math.nan
    baseline_scale: str = ""
    ideation_baseline: float = math.nan
    ideation_baseline_sd: float = math.nan
    people: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = ""
    days: float = math.nan
    background: str = ""
    masked: bool = False
    inpatient: bool = False
    midazolam_dose: float = math.nan
    dropout: tuple[Mapping[str, float], ...] = ()
    formulation: str = ""
    no_words: str = ""

    @property
    def new_antidepressant(self) -> bool:
        """Whether a new oral antidepressant was begun with the first dose."""
        return self.background == "new_oral_ad"


@dataclass(frozen=True, slots=True)
class Row:
    """One published number. Shares are fractions; negative changes mean fewer symptoms; time from the first dose.

    arm, versus : keys of arms; several arms of the study pooled are joined by +. n : denominator of this very statistic (of `arm` where
    n_versus is given). versus_h : time of `versus` where it is another. cut : criterion of a share. of : which share a contrast of shares compares. among : of which people only. from_h :
    start of a window that ends at time_h. over : denominator of a ratio within one arm. estimand : where it is not the study's.
    """

    study: str
    record: str
    arm: str
    versus: str
    endpoint: str
    scale: str
    statistic: str
    time_h: float
    value: float
    unit: str
    low: float
    high: float
    se: float
    sd: float
    n: float
    provenance: str
    use: str
    note: str
    line: int
    cut: str = ""
    of: str = ""
    among: str = ""
    from_h: float = math.nan
    estimand: str = ""
    n_versus: float = math.nan
    versus_h: float = math.nan
    over: str = ""

    @property
    def is_sign(self) -> bool:
        """Only the direction is published: no number to be covered by an interval."""
        return self.provenance == "sign"

    @property
    def is_contrast(self) -> bool:
        """Two arms are compared."""
        return self.statistic in CONTRASTS and bool(self.versus)

    @property
    def is_share_contrast(self) -> bool:
        """Two shares are compared: by statistic and unit alone."""
        return self.statistic in SHARE_CONTRASTS or (self.statistic == "difference" and self.unit == "fraction")

    @property
    def arm_keys(self) -> tuple[str, ...]:
        """Keys of the arms on the first side."""
        return tuple(key for key in self.arm.split("+") if key)

    @property
    def versus_keys(self) -> tuple[str, ...]:
        """Keys of the arms on the second side, none if there is none."""
        return tuple(key for key in self.versus.split("+") if key)

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes a published number the same number."""
        time, start = (None if math.isnan(t) else t for t in (self.time_h, self.from_h))
        which = (self.cut, self.of, self.among, start, self.estimand, self.over)
        return (self.record, self.arm, self.versus, self.endpoint, self.scale, self.statistic, time, which)


@dataclass(frozen=True, slots=True)
class Study:
    """One published study with its design, arms and rows.

    design : one word (vocabulary.DESIGNS); design_text, population : sentences for people. place : where in the source the numbers
    stand. one_model : the values come out of one published model. overlaps : studies with some of the same patients; family : the same
    patients altogether, with one set of study effects; cluster : the same programme or clinic, left out together. pooled : whose people
    are pooled here, of pooled_trials trials. estimand, background, raters, region, population_flags: vocabulary.
    """

    id: str
    role: str
    citation: str
    doi: str
    group: str
    design: str
    blinding: str
    rater: str
    population: str
    n: float
    arms: Mapping[str, Arm]
    rows: tuple[Row, ...]
    baseline: Mapping[str, Any] = field(default_factory=dict)
    ideation_baseline: Mapping[str, Any] = field(default_factory=dict)
    age: float = math.nan
    age_sd: float = math.nan
    percent_women: float = math.nan
    weight_kg: float = math.nan
    overlaps: tuple[str, ...] = ()
    cuts: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    one_model: bool = False
    note: str = ""
    design_text: str = ""
    population_flags: tuple[str, ...] = ()
    estimand: str = ""
    background: str = ""
    raters: str = ""
    region: str = ""
    pooled: tuple[str, ...] = ()
    pooled_trials: float = math.nan
    family: str = ""
    cluster: str = ""

    @property
    def people_key(self) -> str:
        """The patients: `family`, or the study itself."""
        return self.family or self.id

    @property
    def cluster_key(self) -> str:
        """What is left out together: `cluster`, or the patients."""
        return self.cluster or self.people_key

    @property
    def predicted(self) -> tuple[Row, ...]:
        """The rows that enter the scorecard, directions included."""
        return tuple(row for row in self.rows if row.use == "predict")

    @property
    def numbers(self) -> tuple[Row, ...]:
        """The predicted rows that are published numbers (no mere directions)."""
        return tuple(row for row in self.predicted if not row.is_sign)


def trials(study: Study) -> float:
    """How many trials stand behind a study: 1, or those of a pool (`pooled_trials` of its file, else those it names, else the usual number)."""
    if study.design not in POOLS:
        return 1.0
    if study.pooled_trials > 0:
        return study.pooled_trials
    return float(len(study.pooled)) or value("evidence.pooled_trials").value
