"""One study under one set of numbers: its arms integrated, its people with the reported baseline, its scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ketasim.core import KetasimError, unknown_name, values
from ketasim.core.arrays import Array
from ketasim.forward import Held, Sudden
from ketasim.ratings.mood import believed
from ketasim.ratings.scales import CROSSWALKS, REMISSION, SELF_RATED, scale_family
from ketasim.ratings.setting import age_factor
from ketasim.scenario.experiments import experiments
from ketasim.scenario.plan import read_times

from ..published.studies import SCALE_RANGES, Arm, Study
from ..published.study import trials
from .courses import ArmSpec, Course, course
from .mood_arm import NO_EFFECTS, ArmMood, StudyEffects, arm_mood, drives_of, rated
from .numbers import Numbers
from .quasi import EvenPeople
from .thoughts import thoughts_before
from .times import Needs, needs

BLINDED = ("double-blind",)


class Unpredictable(KetasimError):
    """The model has no quantity for this row; the scorecard lists it with the reason."""


def _spec(study: Study, key: str) -> ArmSpec:
    arm = study.arms[key]
    wanted = needs(study, key)
    if arm.experiment:
        return _experiment(arm.experiment, wanted)
    people = dict(arm.people)
    weight = people.get("weight", study.weight_kg if study.weight_kg > 0 else None)
    age = people.get("age", None if math.isnan(study.age) else study.age)
    old = age if age is not None and age > values("plasma")["hepatic_flow_age_start"].value - 15.0 else None
    return ArmSpec(
        words=arm.words,
        repeat=arm.repeat,
        with_=tuple(arm.with_),
        genotype=people.get("genotype", "val/val"),
        ethnicity=people.get("ethnicity", "unspecified"),
        mean_weight=None if weight is None else float(weight),
        mean_age=None if old is None else float(old),
        times=wanted.times,
        dense=wanted.dense,
        ports=wanted.ports,
    )


def _experiment(name: str, wanted: Needs) -> ArmSpec:
    """An arm of knowledge/experiments.toml, `name:arm`, in the even people."""
    plan, _, arm = name.partition(":")
    if plan not in experiments() or arm not in experiments()[plan].arms:
        raise unknown_name("arm of an experiment", name, [f"{p}:{a}" for p, e in experiments().items() for a in e.arms])
    table = experiments()[plan].arms[arm]
    return ArmSpec(
        words=table["words"],
        repeat=table.get("repeat", ""),
        with_=tuple(table.get("with", ())),
        genotype=table.get("genotype", "val/val"),
        times=wanted.times,
        dense=wanted.dense,
        ports=wanted.ports,
        variants=tuple((s, (n,) if isinstance(n, str) else tuple(n)) for s, n in table.get("variants", {}).items()),
        scaled=tuple((key, float(factor)) for key, factor in table.get("scale", {}).items()),
        sudden=tuple(
            Sudden(read_times(j["at"])[0], j["state"], scale=float(j.get("scale", 1.0)), add=float(j.get("add", 0.0)))
            for j in table.get("jumps", ())
        ),
        held=tuple(
            Held(h["input"], float(h["level"]), read_times(h["from"])[0], read_times(h["to"])[0])
            for h in table.get("held", ())
        ),
    )


@dataclass
class Context:
    """A study with numbers and study effects. `shared` keeps the setting numbers of the even people between studies."""

    study: Study
    numbers: Numbers
    effects: StudyEffects = NO_EFFECTS
    shared: dict[str, Mapping[str, Array]] = field(default_factory=dict)

    def course(self, key: str) -> Course:
        """The integrated arm. Raises `Unpredictable` where the arm cannot be said in words, with the declared reason."""
        arm = self.study.arms[key]
        if arm.no_words:
            what = f"no words for its {arm.no_words}" + (f" ({arm.formulation})" if arm.formulation else "")
            raise Unpredictable(f"the arm '{key}' has {what}", where=self.study.id)
        return self.numbers.integrated(self.numbers.arm(_cached_spec(self.study.id, key, self.study)), course)

    def people(self, key: str, scale_baseline: bool = True) -> EvenPeople:
        """The even people with the arm's baseline in MADRS points."""
        mean, sd = self.baseline(key)
        return self.course(key).spec.everybody(mean, sd)

    def rated(self, key: str, name: str) -> Array:
        """An output port of the last stages of an arm, (P, T): cadss, moaas, sbp_rise, nausea, mood_drive, ..."""
        if (key, name) not in self._rated:
            self._rated[key, name] = rated(self.course(key), self.people(key), self.numbers, name, self.effects)
        return self._rated[key, name]

    @cached_property
    def _rated(self) -> dict[tuple[str, str], Array]:
        return {}

    def baseline(self, key: str) -> tuple[float, float]:
        """Mean and SD of the baseline in MADRS points; NaN where the study says nothing."""
        arm, table = self.study.arms[key], self.study.baseline
        per_point = self.per_point(str(table.get("scale", "MADRS")))
        sd = float(table.get("sd", math.nan)) * per_point
        if math.isnan(arm.baseline):
            return float(table.get("mean", math.nan)) * per_point, sd
        own = self.per_point(arm.baseline_scale) if arm.baseline_scale else per_point
        return arm.baseline * own, sd

    def per_point(self, scale: str) -> float:
        """MADRS points per point of a scale; a scale without crosswalk is stretched so that the baselines agree."""
        family = scale_family(scale)
        if family == "MADRS" or not scale:
            return 1.0
        if family in CROSSWALKS:
            return self.numbers(CROSSWALKS[family])
        table = self.study.baseline
        mean = float(table.get("mean", math.nan)) if str(table.get("scale", "")) == scale else math.nan
        if math.isnan(mean):
            low, high = SCALE_RANGES.get(scale, (0, 60))
            return 60.0 / (high - low)
        return self.numbers("typical_madrs") / mean

    def rater_factor(self, scale: str) -> float:
        """Factor on the drive for self-rated scales."""
        own = scale in SELF_RATED or (self.study.rater == "self" and scale_family(scale) != "MADRS")
        return self.numbers("self_rated_factor") if own else 1.0

    def mood(self, key: str, scale: str = "MADRS", ideation: bool = False) -> ArmMood:
        """Mood of an arm in MADRS points, or suicidal thoughts in points of `scale`."""
        name = f"{key}|{self.rater_factor(scale)}|{scale if ideation else 'mood'}"
        if name not in self._moods:
            self._moods[name] = self._mood(key, scale, ideation)
        return self._moods[name]

    @cached_property
    def _moods(self) -> dict[str, ArmMood]:
        return {}

    def believed(self, key: str) -> Array:
        """Belief of having received the drug in every person of an arm, (P, T)."""
        arm, people = self.course(key), self.people(key)
        drives = drives_of(arm, people, self.numbers, self.effects)
        table = self.study.arms[key]
        p = self._setting(people)
        return believed(table.setting, arm.noticed, arm.times, drives, p, unfelt=table.masked)

    def _setting(self, people: EvenPeople) -> Mapping[str, Array]:
        """Setting and observation numbers of an arm's people."""
        p = self.shared.get("p")
        if p is None or len(p["rating_sd"]) != len(people):
            p = self.numbers.setting(people)
            self.shared["p"] = p
        return dict(p) | {
            "age_factor": age_factor(people.age, p)
        }  # the one number here that the arm's own people decide

    @cached_property
    def published(self) -> StudyEffects:
        """The study's effects with what its size brings: blinded trials of few people are published with larger drug effects and smaller placebo
        effects than trials of many (small-study effects; Sterne 2011, doi:10.1136/bmj.d4002).

        Per unit of log10(n / n0), n people a trial, n0 those of a trial as `run` and `trial` mean it: -gamma on the logarithm of the drug part, +delta
        on the drive of the setting.
        """
        n = self.study.n / trials(self.study) if self.study.n > 0 else math.nan
        if self.study.blinding not in BLINDED or math.isnan(n):
            return self.effects
        smallest, largest = self.numbers("small_study_smallest"), self.numbers("small_study_largest")
        decades = math.log10(min(max(n, smallest), largest) / self.numbers("small_study_reference"))
        return replace(
            self.effects,
            drug=self.effects.drug - self.numbers("small_study_drug") * decades,
            setting=self.effects.setting + self.numbers("small_study_placebo") * decades,
        )

    def _mood(self, key: str, scale: str, ideation: bool) -> ArmMood:
        arm, people = self.course(key), self.people(key)
        p = self._setting(people)
        found = arm_mood(
            arm,
            people,
            self.study.arms[key].setting,
            self.numbers,
            p,
            self.published,
            rater_factor=self.rater_factor(scale),
            ideation=ideation,
            unfelt=self.study.arms[key].masked,
        )
        if not ideation:
            return found
        before, top = thoughts_before(scale, self.study.arms[key], self.study.ideation_baseline, people, p)
        return replace(found, baseline=before, p=dict(p) | {"madrs_maximum": np.full(len(people), top)})

    @property
    def response_share(self) -> float:
        """Share of the baseline at or below which the study counts a response (cuts.response is the fall that is needed)."""
        cut = float(self.study.cuts.get("response", math.nan))
        return 1.0 - cut if 0 < cut < 1 else self.numbers("response_share")

    def cut(self, key: str, scale: str) -> float:
        """The study's own cut (`remission`, `ideation`) in points of a scale; NaN where it has none for that scale.

        A single number is one of the scale of the baseline; it says nothing of another scale.
        """
        stated = self.study.cuts.get(key, math.nan)
        if isinstance(stated, Mapping):
            return float(stated.get(scale, math.nan))
        table = self.study.ideation_baseline if key == "ideation" else self.study.baseline
        own = str(table.get("scale", scale))
        return float(stated) if scale_family(scale) == scale_family(own) else math.nan

    def remission_points(self, scale: str) -> float:
        """MADRS points at or below which the study counts remission on a scale: its own cut for that scale, else the usual one."""
        own = self.cut("remission", scale or "MADRS")
        if not math.isnan(own):
            return own * self.per_point(scale)
        return self.numbers(REMISSION.get(scale_family(scale or "MADRS"), "remission_madrs"))

    def arm(self, key: str) -> Arm:
        """The arm."""
        return self.study.arms[key]


_SPECS: dict[tuple[str, str], tuple[Study, ArmSpec]] = {}


def _cached_spec(study_id: str, key: str, study: Study) -> ArmSpec:
    found = _SPECS.get((study_id, key))
    if found is None or found[0] is not study:
        found = (study, _spec(study, key))
        _SPECS[(study_id, key)] = found
    return found[1]
