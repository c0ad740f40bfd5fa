"""One simulated trial as plain data: a row per person and visit, and the flow of people as CONSORT draws it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from .design import HOURS_PER_DAY, Design
from .dropout import reasons
from .methods import analysed
from .plan import IDEATION
from .replicate import Replicates

MOST_IN_JSON = 2000  # people whose courses a JSON answer holds; the counts are always of everybody


@dataclass(frozen=True)
class Participant:
    """One person of one replicate. number : from 1, in the order of joining. scores : at `OneTrial.days`, None = not seen.

    left_day : first visit missed for good, None if they stayed; reason : what the hazard of leaving was due to, "" if they stayed (see
    `dropout.reasons`). guess : whether they guess that they had the drug. analysed : whether the primary analysis uses them.
    """

    number: int
    arm: str
    site: int
    baseline: float
    scores: tuple[float | None, ...]
    left_day: float | None
    reason: str
    guess: bool
    analysed: bool


@dataclass(frozen=True)
class ArmFlow:
    """One arm: people allocated, who left and why, single visits missed by people who stayed on, who was seen at the endpoint's visit (of a
    crossover in the second period), who is analysed."""

    arm: str
    allocated: int
    left: int
    left_for: dict[str, int]
    missed_visits: int
    seen_at_endpoint: int
    analysed: int


@dataclass(frozen=True)
class Flow:
    """screened : people who began; not_randomised : of those, who did not meet `condition` (withdrawal designs; without one nobody is turned away,
    because people before inclusion are not simulated); randomised; arms."""

    screened: int
    not_randomised: int
    condition: str
    randomised: int
    arms: tuple[ArmFlow, ...]


@dataclass(frozen=True, repr=False)
class OneTrial:
    """One replicate. replicate, seed : make it again; hypothesis : that it was simulated under; days : of the visits; scale : of the scores."""

    design: str
    replicate: int
    seed: int
    hypothesis: str
    scale: str
    days: tuple[float, ...]
    people: tuple[Participant, ...]
    flow: Flow

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row per person and visit, baseline (day 0) first: person, arm, site, day, score, change (None = not seen), left, analysed."""
        found = []
        for p in self.people:
            for day, score in zip((0.0, *self.days), (p.baseline, *p.scores), strict=True):
                found.append(
                    {
                        "person": p.number,
                        "arm": p.arm,
                        "site": p.site,
                        "day": day,
                        "score": score,
                        "change": None if score is None else score - p.baseline,
                        "left": p.left_day is not None and day >= p.left_day,
                        "analysed": p.analysed,
                    }
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """The value of `one_trial` in `trial --json`; the courses of at most `MOST_IN_JSON` people, the counts of all."""
        keys = ("design", "replicate", "seed", "hypothesis", "scale")
        return {key: getattr(self, key) for key in keys} | {
            "days": list(self.days),
            "people": [
                {
                    "person": p.number,
                    "arm": p.arm,
                    "site": p.site,
                    "baseline": p.baseline,
                    "scores": list(p.scores),
                    "left_day": p.left_day,
                    "reason": p.reason or None,
                    "guess_drug": p.guess,
                    "analysed": p.analysed,
                }
                for p in self.people[:MOST_IN_JSON]
            ],
            "people_left_out": max(len(self.people) - MOST_IN_JSON, 0),
            "flow": {
                "screened": self.flow.screened,
                "not_randomised": self.flow.not_randomised,
                "condition": self.flow.condition or None,
                "randomised": self.flow.randomised,
                "arms": [{key: getattr(a, key) for key in ArmFlow.__dataclass_fields__} for a in self.flow.arms],
            },
        }

    def to_csv(self) -> str:
        """`rows` as CSV; an empty score is a visit that was not seen."""
        head = ("person", "arm", "site", "day", "score", "change", "left", "analysed")
        lines = [",".join(head)]
        for row in self.rows:
            cells = ["" if row[k] is None else int(row[k]) if isinstance(row[k], bool) else row[k] for k in head]
            lines.append(",".join(_cell(c) for c in cells))
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"<OneTrial of {self.design!r}: {len(self.people)} people, replicate {self.replicate}, {self.hypothesis}, seed {self.seed}>"


def _cell(item: object) -> str:
    text = f"{item:.10g}" if isinstance(item, float) else str(item)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def one_of(design: Design, found: Replicates, place: int, seed: int, hypothesis: str) -> OneTrial:
    """Replicate number `place` of those that were found, person by person."""
    visits = np.array(design.readings_h)
    days = tuple(float(t) / HOURS_PER_DAY for t in visits)
    arm, gone, seen = found.arm[place], found.gone[place], found.seen[place]
    change = found.score[place] - found.baseline[place][:, None]
    why = reasons(design.dropout, visits, change, found.felt[place], gone)
    used = analysed(design, found)[place]
    people = tuple(
        Participant(
            i + 1,
            design.names[int(arm[i])],
            int(found.site[place, i]) + 1,
            float(found.baseline[place, i]),
            tuple(float(x) if ok else None for x, ok in zip(found.score[place, i], seen[i], strict=True)),
            days[int(gone[i])] if gone[i] < len(days) else None,
            why[i],
            bool(found.guess[place, i]),
            bool(used[i]),
        )
        for i in range(arm.size)
    )
    asked = int(found.asked[place])
    read_h = design.endpoint.at_h + (design.period_h if design.kind == "crossover" else 0.0)
    at = int(np.argmin(np.abs(visits - read_h)))
    arms = tuple(_arm(name, [p for p in people if p.arm == name], at, days) for name in design.names)
    flow = Flow(asked, asked - arm.size, design.stable, int(arm.size), arms)
    scale = "MADRS item 10" if design.endpoint.measure in IDEATION else design.scale
    return OneTrial(design.title, found.numbers[place], seed, hypothesis, scale, days, people, flow)


def _arm(name: str, people: list[Participant], at: int, days: tuple[float, ...]) -> ArmFlow:
    left = [p for p in people if p.left_day is not None]
    unseen = sum(score is None for p in people for score in p.scores)
    after = sum(day >= p.left_day for p in left for day in days if p.left_day is not None)
    return ArmFlow(
        arm=name,
        allocated=len(people),
        left=len(left),
        left_for=dict(Counter(p.reason for p in left).most_common()),
        missed_visits=unseen - after,
        seen_at_endpoint=sum(p.scores[at] is not None for p in people),
        analysed=sum(p.analysed for p in people),
    )
