"""A simulated population as a table with the variable names of CDISC's ADPPK (ADaM, population pharmacokinetics).

One row per dose (EVID 1) and per level (EVID 0) of each person. The names and their meaning follow the ADaM implementation guide for
popPK data; no CDISC rules engine has judged the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ketasim.core import UsageError
from ketasim.people import draw_people
from ketasim.scenario.plan import Scenario
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

from .tables import table_text

COLUMNS = (
    "STUDYID",
    "USUBJID",
    "SUBJID",
    "ASEQ",
    "EVID",
    "MDV",
    "AFRLT",
    "NFRLT",
    "APRLT",
    "NPRLT",
    "PARAMCD",
    "PARAM",
    "DVID",
    "CMT",
    "DV",
    "DVL",
    "AVAL",
    "AVALU",
    "BLQFL",
    "BLQFN",
    "AMT",
    "AMTU",
    "DOSEA",
    "RATE",
    "DUR",
    "II",
    "ADDL",
    "SS",
    "TRTA",
    "ROUTE",
    "WTBL",
    "AGE",
    "SEX",
)
LONGEST_CODE = 8


def lost(asked: Scenario) -> list[str]:
    """What the table loses or changes."""
    return [
        "a table of doses and levels: no equation is exported",
        f"{asked.people or 'no'} drawn people{'' if asked.people else ', the typical one alone'}; levels are the model's own, without residual error and without a limit of quantification",
        "only plasma levels and doses: receptors, mood scores and side effects are not part of ADPPK",
        "amounts are mg of free base, whatever salt was asked for; devices of one nasal dose are one row",
        "actual and nominal times are equal; times before the first main dose are negative",
        "AMTU, DUR and TRTA stand beside the usual variables; no CDISC rules engine has checked the table",
    ]


def adppk_text(asked: Scenario) -> str:
    """The table (CSV) of the drawn people of a scenario (the typical person where none are drawn)."""
    result = run(asked.but(draws=0))
    outputs = _levels(result)
    codes = _codes(outputs)
    rows: list[dict[str, Any]] = []
    drawn = len(result.people)
    for person in range(drawn or 1):
        position = person + 1 if drawn else 0
        weight = (
            float(result.people.weight[person])
            if drawn
            else float(draw_people(0, asked.seed, asked.traits, with_typical=True).weight[0])
        )
        who = {
            "STUDYID": "KETASIM",
            "USUBJID": f"KETASIM-{person + 1:04d}",
            "SUBJID": person + 1,
            "WTBL": weight,
            "AGE": float(result.people.age[person]) if drawn else "",
            "SEX": ("F" if result.people.women[person] else "M") if drawn else "",
        }
        rows += _person(result, outputs, codes, position, weight, who)
    return table_text(COLUMNS, rows)


def _person(
    result: Result, outputs: Sequence[str], codes: dict[str, str], position: int, weight: float, who: dict[str, Any]
) -> list[dict[str, Any]]:
    doses = result.scenario.regimen.ledger(weight, result.scenario.end_h)
    events: list[tuple[float, int, dict[str, Any]]] = []
    for dose in doses:
        events.append(
            (
                dose.time_h,
                1,
                {
                    "EVID": 1,
                    "MDV": 1,
                    "CMT": dose.route,
                    "AMT": dose.asked_mg,
                    "AMTU": dose.unit,
                    "DOSEA": dose.asked_mg,
                    "RATE": dose.rate or 0.0,
                    "DUR": dose.duration_h,
                    "II": 0,
                    "ADDL": 0,
                    "SS": 0,
                    "TRTA": dose.drug,
                    "ROUTE": dose.route,
                },
            )
        )
    for number, name in enumerate(outputs, start=1):
        for time, level in zip(result.time_h, result.values[name][position], strict=True):
            events.append(
                (
                    float(time),
                    0,
                    {
                        "EVID": 0,
                        "MDV": 0 if math.isfinite(level) else 1,
                        "PARAMCD": codes[name],
                        "PARAM": f"{result[name].label} ({name})",
                        "DVID": number,
                        "CMT": name,
                        "DV": float(level),
                        "DVL": math.log(level) if level > 0 else "",
                        "AVAL": float(level),
                        "AVALU": result[name].unit,
                        "BLQFL": "N",
                        "BLQFN": 0,
                    },
                )
            )
    events.sort(key=lambda event: (event[0], event[1]))  # a level at the time of a dose is the one before it
    rows, last = [], math.nan
    for sequence, (time, kind, row) in enumerate(events, start=1):
        if kind == 1:
            last = time
        since = time - last if math.isfinite(last) else ""
        rows.append({**who, "ASEQ": sequence, "AFRLT": time, "NFRLT": time, "APRLT": since, "NPRLT": since, **row})
    return rows


def _levels(result: Result) -> tuple[str, ...]:
    return tuple(
        name for name, course in result.outputs.items() if name.startswith("plasma.") and course.unit == "ng/mL"
    )


def _codes(outputs: Sequence[str]) -> dict[str, str]:
    """PARAMCD of each output: at most 8 letters, each once."""
    found: dict[str, str] = {}
    for name in outputs:
        code = name.partition(".")[2].replace("_", "").upper()[:LONGEST_CODE]
        if code in found.values():
            raise UsageError(f"two levels would share the code {code}", where="export --to adppk")
        found[name] = code
    return found
