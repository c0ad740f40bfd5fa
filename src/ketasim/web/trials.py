"""Trials as tasks with progress, to be cancelled; the designs that ship as text to start from. All calls go to `ketasim.trial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ketasim.dose import parse
from ketasim.ratings.scales import SCALES
from ketasim.ratings.setting import SETTINGS
from ketasim.report.trial_text import trial_text
from ketasim.scenario.result import plain
from ketasim.trial.design import HOURS_PER_DAY, KINDS, Design, TrialArm
from ketasim.trial.dropout import equation
from ketasim.trial.library import entries, library
from ketasim.trial.plan import COVARIATES, FREEDOMS, MEASURES, METHODS
from ketasim.trial.read import MOST_ARMS, MOST_PEOPLE, design_from_text
from ketasim.trial.simulate import one_trial, trial

from .tasks import Told

MOST_SIMS = 400
MOST_DOSES_SHOWN = 200
LONGEST_DESIGN = 20_000


class TrialQuestion(BaseModel):
    """The words of `ketasim trial`: the design as the text of its file, sizes, replicates, seed."""

    model_config = ConfigDict(extra="forbid")

    design: str = Field(..., max_length=LONGEST_DESIGN, description="the content of a design file (TOML)")
    n: list[int] = Field(
        default_factory=list, max_length=6, description="people randomised in all; none: the design's own"
    )
    sims: int = Field(100, ge=1, le=MOST_SIMS)
    seed: int = Field(1, ge=0, le=2**31 - 1)
    null: bool = Field(
        False, description="every arm gets the comparator's placebo: what is counted is the type I error"
    )


class DesignQuestion(BaseModel):
    """The text of a design file, to be read and nothing more."""

    model_config = ConfigDict(extra="forbid")

    design: str = Field(..., max_length=LONGEST_DESIGN, description="the content of a design file (TOML)")


class OneTrialQuestion(DesignQuestion):
    """One replicate of a design, person by person."""

    n: int | None = Field(None, ge=2, le=MOST_PEOPLE, description="people randomised in all; none: the design's own")
    seed: int = Field(1, ge=0, le=2**31 - 1)
    replicate: int = Field(0, ge=0, le=100_000, description="which of the simulated trials, from 0")
    null: bool = False


def understood(question: DesignQuestion) -> dict[str, Any]:
    """What a design file means, what it leaves out filled in. Raises UsageError that lists every problem with its line."""
    design = design_from_text(question.design)
    return {
        "title": design.title,
        "kind": design.kind,
        "setting": design.setting,
        "scale": design.scale,
        "n": design.n,
        "arms": [{"name": arm.name, "doses_day": _doses(design, arm)} for arm in design.arms],
        "comparator": design.comparator,
        "visits_day": [t / HOURS_PER_DAY for t in design.readings_h],
        "measure": design.endpoint.measure,
        "arm": design.endpoint.arm,
        "at_day": design.endpoint.at_h / HOURS_PER_DAY,
        "method": design.analysis.method,
        "dropout": equation(design.dropout),
    }


def _doses(design: Design, arm: TrialArm) -> list[float]:
    """Days of the doses of an arm up to the last visit, a comparator such as midazolam too, not what is given beside; of very many the first ones."""
    every = parse(arm.words, repeat=arm.repeat).doses(design.end_h)
    return [dose.time_h / HOURS_PER_DAY for dose in every][:MOST_DOSES_SHOWN]


def words() -> dict[str, Any]:
    """What the fields of a design may hold, for the form."""
    return {
        "kinds": list(KINDS),
        "settings": list(SETTINGS),
        "scales": list(SCALES),
        "measures": list(MEASURES),
        "methods": {measure: list(methods) for measure, methods in METHODS.items()},
        "freedoms": list(FREEDOMS),
        "covariates": list(COVARIATES),
        "most_arms": MOST_ARMS,
        "most_people": MOST_PEOPLE,
        "most_sims": MOST_SIMS,
    }


def one_simulated(question: OneTrialQuestion) -> Callable[[Told], tuple[str, dict[str, Any]]]:
    """The work behind one trial: what stands under `one_trial` in `ketasim trial --json`, for any replicate."""
    chosen = design_from_text(question.design)

    def work(told: Told) -> tuple[str, dict[str, Any]]:
        told(0.1)
        found = one_trial(chosen, question.n, question.seed, question.replicate, question.null)
        return "", {"one_trial": plain(found.to_dict())}

    return work


def simulated(question: TrialQuestion) -> Callable[[Told], tuple[str, dict[str, Any]]]:
    """The work behind a trial: what `ketasim trial` prints, and its object. Raises UsageError that lists every problem of the design."""
    chosen = design_from_text(question.design)

    def work(told: Told) -> tuple[str, dict[str, Any]]:
        found = trial(chosen, tuple(question.n) or None, question.sims, question.seed, question.null, progress=told)
        return trial_text(found), found.to_dict()

    return work


def designs() -> list[dict[str, Any]]:
    """The designs that ship, each with the text of its file."""
    return [
        {
            "id": e.id,
            "study": e.study,
            "title": e.title,
            "arms": e.arms,
            "text": library()[e.id].read_text(encoding="utf-8"),
        }
        for e in entries()
    ]
