"""What is made before anybody asks: the guide with its numbers, and the first picture (the default course), each with the hash of its model.

    python -m ketasim.web.shipped          # writes src/ketasim/web/shipped_answers/; a test says when it is due

A stored answer is used only while model, numbers and text are those it was made with; otherwise the answer is made anew.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ketasim.report.guide import book, fingerprint, guide
from ketasim.report.guide_numbers import PEOPLE, SEED, looks
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.run import record_of, run

from .facts import FIRST_WORDS
from .packed import pack
from .what_if import matters

FOLDER = Path(__file__).parent / "shipped_answers"
GUIDE, FIRST = FOLDER / "guide.json", FOLDER / "first.bin"
FORWARD = FOLDER / "forward.json"
MATTERS = FOLDER / "matters.json"
HEAD = FOLDER / "made_with.json"
FIRST_PEOPLE, FIRST_DAYS = 100, 28.0
FIRST_AT = "0 min,10 min,40 min,2 h,4 h,24 h,72 h,168 h,672 h"
FIRST_OUTPUTS = (
    "plasma.s_ketamine",
    "plasma.r_ketamine",
    "plasma.norketamine",
    "plasma.hnk",
    "nmda.occupancy",
    "glutamate",
    "bdnf",
    "spines",
    "madrs",
    "madrs.change",
    "madrs.effect",
    "cadss",
    "sbp",
    "sedation",
    "nausea",
)


def first_scenario() -> Scenario:
    """The course that the page shows before anything is asked."""
    return scenario(FIRST_WORDS, people=FIRST_PEOPLE, days=FIRST_DAYS, seed=1, at=FIRST_AT)


def made_with() -> dict[str, str]:
    """Model, numbers and text of now: what a stored answer must have been made with to be shown."""
    found = record_of(first_scenario())
    guide_runs = [
        record_of(
            scenario(
                r["words"],
                setting=r.get("setting") or None,
                days=float(r["days"]),
                people=PEOPLE,
                seed=SEED,
                at=",".join(looks(book(), name)),
            )
        )
        for name, r in book()["runs"].items()
    ]
    return {
        "version": found.version,
        "model": found.model,
        "numbers": found.numbers,
        "guide": " ".join([*(f"{r.model}:{r.numbers}" for r in guide_runs), fingerprint()]),
    }


@cache
def current() -> bool:
    """True if what is stored was made by this model, with these numbers and this text."""
    try:
        return bool(json.loads(HEAD.read_text(encoding="utf-8")) == made_with())
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=1)
def guide_now() -> dict[str, Any]:
    """The stored guide if it is current; else it is made now (some seconds, once)."""
    if current() and GUIDE.exists():
        return {**json.loads(GUIDE.read_text(encoding="utf-8")), "stored": True}
    return guide() | {"stored": False}


def first_now() -> bytes | None:
    """The stored first picture, packed as the slider's answer; None if it is not that of this model."""
    return FIRST.read_bytes() if current() and FIRST.exists() else None


def matters_now() -> dict[str, Any]:
    """The numbers that matter most for each output, as stored if that is current; else worked out now (some seconds, once)."""
    if current() and MATTERS.exists():
        return dict(json.loads(MATTERS.read_text(encoding="utf-8")))
    return matters()


DOCS = Path(__file__).resolve().parents[3] / "docs" / "forward-predictions.md"  # in the source folder alone


def forward_page() -> dict[str, Any]:
    """The dated page of the docs as data: day, hash, predictions."""
    text = DOCS.read_text(encoding="utf-8")
    made, sha = re.search(r"Made on (\S+)", text), re.search(r"`([0-9a-f]{64})`", text)
    data = re.search(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert made and sha and data, "docs/forward-predictions.md has another form"
    return {"made": made.group(1), "sha256": sha.group(1), "predictions": json.loads(data.group(1))}


def forward_now() -> dict[str, Any]:
    """The dated predictions as shipped: they are of their day, whatever the model says since."""
    return dict(json.loads(FORWARD.read_text(encoding="utf-8")))


def write() -> None:
    """Make both anew."""
    FOLDER.mkdir(exist_ok=True)
    GUIDE.write_text(json.dumps(guide(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    FIRST.write_bytes(pack(run(first_scenario()), list(FIRST_OUTPUTS)))
    MATTERS.write_text(json.dumps(matters(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    FORWARD.write_text(json.dumps(forward_page(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    HEAD.write_text(json.dumps(made_with(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
