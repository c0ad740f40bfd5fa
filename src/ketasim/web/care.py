"""What has to stand beside a course on the page: the words of `report.care`, the parts of the effect, placebo, harm."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from ketasim.person.exposure import beside, plan_of
from ketasim.person.session import sessions
from ketasim.report import care as words
from ketasim.report.guide import book
from ketasim.report.guide_numbers import number
from ketasim.report.harm_text import harm_dict
from ketasim.report.parts import masked, parts, under_placebo
from ketasim.scenario.plan import Scenario
from ketasim.scenario.result import plain
from ketasim.scenario.run import run

from .facts import links_of

REPORTED = {
    "detached": "felt detached",
    "dizzy": "were dizzy",
    "sick": "felt sick",
    "drowsy": "were drowsy",
    "pressure": "had a rise of 40 mmHg or more",
}


def care(asked: Scenario) -> dict[str, Any]:
    """As `answers.Care` says; every number is that of `ketasim run` and `ketasim harm` with the same words and seed."""
    doses = [dose for _, dose in words.main_doses(asked)]
    way = doses[0].way if doses else None
    given = bool(doses) and doses[0].entry.is_main
    result = run(asked.but(draws=0))
    placebo = under_placebo(result)
    found: dict[str, Any] = {
        "anaesthetic": words.anaesthetic(asked) if given else "",
        "not_known": words.not_known(asked) if given else "",
        "long_use": words.long_use(asked) if given else "",
        "clinic_rule": words.clinic_rule() if given else "",
        "approval": [asdict(a) for a in way.approval] if way and given else [],
        "monitoring": way.monitoring if way and given else "",
        "looks": [],
        "placebo": placebo.summary["mood"] if placebo is not None else None,
    }
    if not found["not_known"]:
        typical = run(asked.but(people=0))
        alone = masked(typical)
        for look in ("24 h", "7 d"):
            split = parts(typical, alone, look)
            if split is not None:
                found["looks"].append({"look": look, **asdict(split)})
    harmed = plan_of(asked.regimen, asked.end_h, asked.traits.weight) if given else None
    found["harm"] = (
        harm_dict(harmed, beside(harmed), sessions(result) if asked.people else ()) if harmed is not None else {}
    )
    found["reported"] = [dict(entry) for entry in reported()] if given else []
    found["links"] = links_of(asked)
    return dict(plain(found))


@cache
def reported() -> tuple[dict[str, Any], ...]:
    """What was counted over four weeks of spray beside a dummy spray: the rows behind the guide's picture."""
    table = book()
    found = []
    for name, what in REPORTED.items():
        spray, dummy = (number(key, table["numbers"][key], table) for key in (name, f"{name}-dummy"))
        found.append({"what": what, "spray": spray.value, "dummy": dummy.value, "source": spray.shown})
    return tuple(found)
