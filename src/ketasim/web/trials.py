"""Trials as tasks with progress, to be cancelled; the designs that ship as text to start from. All calls go to `ketasim.trial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ketasim.report.trial_text import trial_text
from ketasim.trial.library import entries, library
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import trial

from .tasks import Told

MOST_SIMS = 400
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
