"""What the ledger is made of: claims, what evidence says, predictions as specifications, and what they came to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ketasim.scenario.result import plain

from .measures import Term

VERDICTS = ("supported", "supported with limits", "disputed", "not supported", "unknown")
OUTSIDE = "outside the model"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One or two sentences with numbers, the evidence records they come from, and labels or rules (keys of knowledge/sources);
    `memory`: the records that nobody has seen again."""

    says: str
    records: tuple[str, ...]
    sources: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """A quantity that the model computes anew, and the interval that the verdict rests on.

    label : a few words for the table. says : the whole sentence. who : typical person, or mean, median or spread
    (95th over 5th percentile) of the people. how : with `versus`, "difference", "ratio" or "share lost".
    low, high : the interval; None is open. rests_on : where it comes from, with records. misfit : why the model is known to lie outside; the verdict then
    does not lean on this number, and a test fails when it comes inside.
    """

    label: str
    says: str
    unit: str
    first: Term
    versus: Term | None
    how: str
    who: str
    low: float | None
    high: float | None
    rests_on: str
    records: tuple[str, ...]
    misfit: str = ""

    def inside(self, value: float) -> bool:
        """True if the value lies in the interval; never for a value that does not exist."""
        return (
            not math.isnan(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A popular claim in our words, what the evidence says, what the model says, the verdict and why."""

    name: str
    group: str
    claim: str
    verdict: str
    why: str
    evidence: tuple[Evidence, ...]
    predictions: tuple[Prediction, ...]
    outside: str = ""
    as_of: str = ""

    @property
    def records(self) -> tuple[str, ...]:
        """Every evidence record of the claim, each once."""
        quoted = [r for item in self.evidence for r in item.records]
        return tuple(dict.fromkeys([*quoted, *(r for p in self.predictions for r in p.records)]))


@dataclass(frozen=True, slots=True)
class Found:
    """A prediction carried out. low, high: 5th to 95th percentile between people (`band` "people"); for shares of people, times of
    relapse and spreads the 90 % interval from having simulated only so many (`band` "sample"). model_low, model_high: over the posterior, None without one."""

    prediction: Prediction
    value: float
    low: float | None
    high: float | None
    band: str
    people: int
    model_low: float | None = None
    model_high: float | None = None

    @property
    def inside(self) -> bool:
        """True if the value lies in the interval that the verdict rests on."""
        return self.prediction.inside(self.value)

    @property
    def stands(self) -> bool:
        """True if the ledger's words about this number are true: inside, or outside as its known misfit says."""
        return self.inside != bool(self.prediction.misfit)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        p = self.prediction
        found: dict[str, Any] = {
            "label": p.label,
            "says": p.says,
            "unit": p.unit,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "band": self.band,
            "people": self.people,
            "model_low": self.model_low,
            "model_high": self.model_high,
            "who": p.who,
            "needs": {"low": p.low, "high": p.high, "rests_on": p.rests_on, "records": list(p.records)},
            "inside": self.inside,
            "stands": self.stands,
            "misfit": p.misfit or None,
            "first": _term(p.first),
            "versus": _term(p.versus) if p.versus else None,
            "how": p.how or None,
        }
        return dict(plain(found))


def _term(term: Term) -> dict[str, Any]:
    return {name: getattr(term, name) for name in Term.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A claim with its predictions carried out."""

    claim: Claim
    found: tuple[Found, ...]

    @property
    def stands(self) -> bool:
        """True if no prediction has left what the verdict needs."""
        return all(found.stands for found in self.found)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the claim, its evidence, its predictions, the verdict."""
        c = self.claim
        return {
            "name": c.name,
            "group": c.group,
            "claim": c.claim,
            "verdict": c.verdict,
            "why": c.why,
            "stands": self.stands,
            "outside_the_model": c.outside or None,
            "as_of": c.as_of or None,
            "evidence": [
                {"says": e.says, "records": list(e.records), "sources": list(e.sources), "from_memory": list(e.memory)}
                for e in c.evidence
            ],
            "predictions": [found.to_dict() for found in self.found],
        }
