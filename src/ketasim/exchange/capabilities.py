"""The capability list: questions of interest with limits and figures, and the CURE checklist; as text and as data, nothing typed in but the wording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ketasim.core.records import NOTICE
from ketasim.decide.credibility import to_dict as questions

from .cure import PARTS
from .cure import to_dict as cure

ANSWERS = {True: "yes", False: "no", None: "cannot tell here"}


def to_dict(scorecard: bool = False) -> dict[str, Any]:
    """Questions (capability, limits, risk, evidence, figures), `cure`, and with scorecard=True the summary of `ketasim check` (a minute or more)."""
    found = {**questions(), "notice": NOTICE, "cure": cure()}
    if scorecard:
        from ketasim.evidence.fit.check import card_of

        found["scorecard"] = json.loads(card_of().to_json())["summary"]
    return found


def capabilities_text(found: Mapping[str, Any]) -> str:
    """The same in plain sentences."""
    lines = [f"Ketasim {found['ketasim']}", found["notice"]]
    for one in found["questions"]:
        lines += ["", one["question"], f"  can: {one['capability']}", f"  model risk: {one['risk']}"]
        lines += [f"  rests on: {one['fit'][1]} published numbers of {one['fit'][0]} studies"]
        lines += [f"  limit: {limit}" for limit in one["limits"]]
        lines += [f"  {figure}" for figure in one["figures"]]
    lines += ["", "CURE checklist (credible, understandable, reproducible, extensible), computed now:"]
    for part in PARTS:
        lines += [f"  {i['asks']} {ANSWERS[i['held']]}: {i['found']}" for i in found["cure"] if i["part"] == part]
    if "scorecard" in found:
        lines += ["", "Scorecard (`ketasim check`):", json.dumps(found["scorecard"], indent=1)]
    return "\n".join(lines)
