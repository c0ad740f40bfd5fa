"""A comparison in plain sentences: arms as columns, what differs, what is approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.core import values
from ketasim.core.records import NOTICE
from ketasim.scenario.compare import Comparison
from ketasim.scenario.result import Result

from .care import anaesthetic, clinic_rule, long_use, not_known
from .crisis import crisis_text
from .parts import Parts, opioid_drug, over_hypotheses, parts, under_placebo
from .tables import ABOUT, about, cell, csv_text
from .text import range_text, shared_people, what_was_run
from .words import DASH, at_least, clock, not_by_most, number, percent, points, table

LETTERS = "ABCDEF"


OF_MOOD = ("madrs", "masked_effect", "response", "onset", "duration", "lowest_effect")
OF_THE_BODY = ("cadss", "sbp", "time_above_cadss", "time_in_clinic", "nausea")
UNKNOWN = "not known"
LOOKS = ("24 h", "7 d")
NUMBERS = ("typical", "median", "low", "high", "model_low", "model_high")  # of a table; model: over the posterior


def compare_text(found: Comparison) -> str:
    """The whole comparison as text: warnings first, then the table with drug and expectancy apart, differences, approval."""
    first = found.results[0]
    people = len(first.people)
    unknown = [not_known(result.scenario) for result in found.results]
    without = [None if why else alone for why, alone in zip(unknown, found.masked, strict=True)]
    lines = [
        f"Ketasim {first.record.version}, seed {first.record.seed}, "
        + (f"the same {people} people in every arm" if people else "the typical person alone"),
        *_what_was_run(found),
        *([shared_people(first.record.seed)] if people else []),
        NOTICE,
        "",
    ]
    lines += [f"  {LETTERS[i]}  {arm}" for i, arm in enumerate(found.arms)]
    lines += _warnings(found, unknown)
    lines += ["", "Typical person; in brackets 5th to 95th percentile between people"]
    head = ["", *LETTERS[: len(found.arms)]]
    lines += [f"  {line}" for line in table(head, _body(found, unknown, without))]
    lines += _differences(found, unknown) + _hypotheses(found)
    lines += ["", crisis_text(), "", "Approval and monitoring"]
    for i, arm in enumerate(found.standing):
        text = "; ".join(f"{s['jurisdiction']}: {s['status']}" + (f" ({s['use']})" if s["use"] else "") for s in arm)
        lines += [f"  {LETTERS[i]}  {text}", f"     Watch: {found.monitoring[i]}"]
    lines.append(f"  Time in clinic: {clinic_rule()}.")
    return "\n".join(lines)


def _what_was_run(found: Comparison) -> list[str]:
    """Once for all arms where they agree, per arm where they do not."""
    told = [what_was_run(result.scenario) for result in found.results]
    if all(one == told[0] for one in told):
        return told[0]
    settings = {result.scenario.setting for result in found.results}
    lines = [f"{LETTERS[i]}  {line}" for i, one in enumerate(told) for line in one if not line.startswith("Hypothesis")]
    lines += [line for line in told[0] if line.startswith("Hypothesis")]
    if len(settings) > 1:
        lines.append(
            "The arms stand in different settings, so placebo and expectancy differ; --setting NAME puts all in one."
        )
    return lines


def _warnings(found: Comparison, unknown: Sequence[str]) -> list[str]:
    said = []
    for i, result in enumerate(found.results):
        asked = result.scenario
        own = [anaesthetic(asked), *result.warnings, long_use(asked)]
        if unknown[i] and not own[0]:
            own.append(f"what this does for mood is not known: {unknown[i]}; no benefit is stated")
        if found.untested and found.untested[i]:
            own.append(found.untested[i])
        if result.failures:
            own.append(f"{len(result.failures)} runs failed and are left out")
        said += [f"  {LETTERS[i]}  {text}" for text in own if text]
    return ["", "Warnings", *said] if said else []


def _body(found: Comparison, unknown: Sequence[str], without: Sequence[Result | None]) -> list[list[str]]:
    rows = []
    placebo = [None if why else under_placebo(r) for why, r in zip(unknown, found.results, strict=True)]
    for row in found.rows:
        if row.name.startswith("masked_effect@"):  # stands below the effect it is a part of
            continue
        cells = [
            _withheld(row.name, found.results[i], unknown[i])
            or _own_form(row.name, found.results[i], arm)
            or _arm(arm, row.unit)
            for i, arm in enumerate(row.arms)
        ]
        rows.append([f"{row.label} [{row.unit}]" if row.unit != "1" and row.name != "onset" else row.label, *cells])
        look = row.name.partition("@")[2]
        if row.name.startswith("madrs.effect@"):
            split = [None if w is None else parts(r, w, look) for r, w in zip(found.results, without, strict=True)]
            for label, key in (("by the drug (masked)", "drug"), ("by noticing it (expectancy)", "belief")):
                own = [
                    UNKNOWN if unknown[i] else DASH if one is None else points(getattr(one, key)) + _interval(one, key)
                    for i, one in enumerate(split)
                ]
                rows.append([f"  of it {label} [points]", *own])
        if row.name.startswith("response@"):
            shown = [p.summary["mood"].get(look) if p is not None else None for p in placebo]
            rows.append(
                [
                    "  the same under placebo",
                    *(percent(look_of["response"]["share"]) if look_of else DASH for look_of in shown),
                ]
            )
    return rows


def _interval(one: Parts, key: str) -> str:
    """The 90 % credible interval of the drug's own part, where a posterior ships."""
    if key != "drug" or one.low is None or one.high is None:
        return ""
    return f" (model {points(one.high)} to {points(one.low)})"


def _own_form(name: str, result: Result, arm: Mapping[str, Any]) -> str:
    """Quantities that need more than a number: lengths cut off by the run, times from minutes to weeks."""
    if name == "duration":
        return _duration(result, arm)
    if name.startswith("time_") and arm.get("cut") and arm.get("typical") is not None:
        text = at_least(number(arm["typical"]), True)
        return text + (f" ({number(arm['low'])} to {number(arm['high'])})" if arm.get("low") is not None else "")
    if name != "onset":
        return ""
    few = not_by_most(arm, len(result.people))
    if few or arm.get("typical") is None:
        return few
    last = "never" if arm.get("high") is None else clock(arm["high"])
    return clock(arm["typical"]) + (f" ({clock(arm['low'])} to {last})" if arm.get("low") is not None else "")


def _withheld(name: str, result: Result, unknown: str) -> str:
    """ "not known" for a benefit without a trial behind it, and for the body under anaesthesia."""
    if unknown and name.startswith(OF_MOOD):
        return UNKNOWN
    return UNKNOWN if name.startswith(OF_THE_BODY) and anaesthetic(result.scenario) else ""


def _reason(name: str, result: Result, untested: str) -> str:
    """Why a quantity is withheld, for a table, with what is said of an untested way that comes out above the infusion; empty where it is not."""
    key = "madrs" if name.startswith(OF_MOOD) else "cadss" if name.startswith(OF_THE_BODY) else ""
    reason = result.withheld.get(key, "")
    return f"{reason}; {untested}" if reason and untested and key == "madrs" else reason


def _duration(result: Result, arm: Mapping[str, Any]) -> str:
    """Days with an effect; ">=" where the run ends before the effect does, of the typical person or of that percentile."""
    limit = -values("clinic")["onset_points"].value
    lasts = bool(result.grid_values["madrs.effect"][0, -1] <= limit)
    text = at_least(number(arm["typical"]), lasts)
    still = arm.get("share_still")
    if arm.get("low") is None or still is None:
        return text
    return text + f" ({at_least(number(arm['low']), still > 0.95)} to {at_least(number(arm['high']), still > 0.05)})"


def _differences(found: Comparison, unknown: Sequence[str]) -> list[str]:
    shown = [
        d for d in found.differences if not any(_withheld(d.name, found.results[i], unknown[i]) for i in (0, d.arm))
    ]
    if not shown:
        return []
    lines = ["", "Differences to A, person by person (median; 5th to 95th percentile)"]
    for d in shown:
        span = f" ({number(d.low)} to {number(d.high)})" if d.low is not None else ""
        middle = number(d.median if d.median is not None else d.typical)
        lines.append(f"  {LETTERS[d.arm]} - A  {d.label}: {middle}{span} {d.unit}")
    return [
        *lines,
        "  This is a simulation, not a head-to-head trial: no trial in the evidence compared these arms unless docs/claims.md says so.",
    ]


def _hypotheses(found: Comparison) -> list[str]:
    """Where an opioid drug is given: what the hypotheses disagree about."""
    lines = []
    for i, result in enumerate(found.results):
        if not_known(result.scenario):
            continue
        over = over_hypotheses(result)
        lines += (
            [f"  {LETTERS[i]}  {line.strip()}" for line in range_text(over, opioid_drug(result.scenario))]
            if over
            else []
        )
    return ["", "What rests on the hypothesis", *lines] if lines else []


def _arm(arm: Mapping[str, Any], unit: str) -> str:
    form = points if unit in ("points", "mmHg") else percent if unit == "1" else number
    middle = arm.get("typical") if arm.get("typical") is not None else arm.get("median")
    if middle is None:
        return DASH
    return form(middle) + (f" ({form(arm['low'])} to {form(arm['high'])})" if arm.get("low") is not None else "")


def compare_csv(found: Comparison) -> str:
    """One row per quantity and arm."""
    rows = []
    for row in found.rows:
        for i, arm in enumerate(row.arms):
            rows.append(
                [
                    row.name,
                    row.unit,
                    found.arms[i],
                    *(cell(arm.get(k)) for k in NUMBERS),
                    _reason(row.name, found.results[i], found.untested[i] if found.untested else ""),
                    *about(found.results[i])[1:],
                ]
            )
    return csv_text(("quantity", "unit", "arm", *NUMBERS, "caution", *ABOUT[1:]), rows)
