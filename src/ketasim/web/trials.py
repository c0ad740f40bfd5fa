"""Trials as jobs: one at a time, with progress, to be cancelled; the designs that ship as text to start from. All calls go to `ketasim.trial`."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ketasim.core import KetasimError, UsageError
from ketasim.report.trial_text import trial_text
from ketasim.trial.library import entries, library
from ketasim.trial.read import design_from_text
from ketasim.trial.simulate import trial

from .jobs import Busy

MOST_SIMS = 400
MOST_WAITING = 4
KEPT = 16
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


class Cancelled(Exception):
    """The asker has called it off."""


@dataclass
class Job:
    """A trial under way or done. state : waiting, running, done, failed, cancelled."""

    number: int
    state: str = "waiting"
    share: float = 0.0
    text: str = ""
    result: dict[str, Any] | None = None
    problem: dict[str, str] | None = None
    cancel: bool = field(default=False, repr=False)

    def told(self, share: float) -> None:
        """Progress of the simulation; ends it where it was called off."""
        self.share = max(self.share, min(share, 1.0))
        if self.cancel:
            raise Cancelled

    def to_dict(self) -> dict[str, Any]:
        """As the page reads it."""
        return {key: getattr(self, key) for key in ("number", "state", "share", "text", "result", "problem")}


class Trials:
    """A bounded line of trials; the last few answers are kept."""

    def __init__(self, simulate: Callable[..., Any] = trial) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="ketasim-trial")
        self.jobs: OrderedDict[int, Job] = OrderedDict()
        self.count = itertools.count(1)
        self.simulate = simulate

    def ask(self, question: TrialQuestion) -> Job:
        """A new job. Raises UsageError for a design that cannot be read (every problem at once), Busy if too many wait."""
        chosen = design_from_text(question.design)
        if sum(job.state in ("waiting", "running") for job in self.jobs.values()) >= MOST_WAITING:
            raise Busy(MOST_WAITING, 5.0)
        job = Job(next(self.count))
        self.jobs[job.number] = job
        while len(self.jobs) > KEPT:
            self.jobs.popitem(last=False)
        self.pool.submit(self._work, job, chosen, question)
        return job

    def find(self, number: int) -> Job:
        """The job of that number; raises UsageError for one that is not (or no longer) known."""
        if number not in self.jobs:
            raise UsageError(
                f"there is no trial {number}", where="job", allowed="a number that this server gave", fix="ask again"
            )
        return self.jobs[number]

    def _work(self, job: Job, chosen: Any, question: TrialQuestion) -> None:
        if job.cancel:
            job.state = "cancelled"
            return
        job.state = "running"
        try:
            found = self.simulate(
                chosen, tuple(question.n) or None, question.sims, question.seed, question.null, progress=job.told
            )
            job.text, job.result = trial_text(found), found.to_dict()
            job.state, job.share = "done", 1.0
        except Cancelled:
            job.state = "cancelled"
        except KetasimError as error:
            job.problem = {"what": error.what, "where": error.where, "allowed": error.allowed, "try": error.fix}
            job.state = "failed"
        except Exception as error:
            job.problem = {
                "what": f"the simulation ended: {type(error).__name__}",
                "where": "",
                "allowed": "",
                "try": "",
            }
            job.state = "failed"

    def close(self) -> None:
        """Call off what runs, start no more."""
        for job in self.jobs.values():
            job.cancel = True
        self.pool.shutdown(wait=False, cancel_futures=True)


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
