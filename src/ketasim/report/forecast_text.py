"""A forecast in plain sentences: options side by side, benefit beside its placebo figure and beside harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.person.option_harm import reported

from .care import LONG_USE
from .crisis import EMERGENCY
from .words import percent, points, table

MOST_NOTES = 12
SCALE_WORDS = {
    "IDEATION": "item of the MADRS, 0 to 6",
    "SSI": "Scale for Suicide Ideation, 0 to 38",
    "C-SSRS": "C-SSRS severity, 0 to 5",
}


def forecast_text(found: Mapping[str, Any]) -> str:
    """Everything a forecast says."""
    return "\n".join(
        [
            *([EMERGENCY, found["crisis"], ""] if found.get("emergency") else []),
            *_head(found),
            "",
            *_options(found),
            "",
            *_thoughts(found),
            *_harm(found),
            "",
            *_learned(found),
            "",
            *_would_help(found),
            *_notes(found),
            "",
            found["crisis"],
            found["notice"],
        ]
    )


def _head(found: Mapping[str, Any]) -> list[str]:
    status = found["status"]
    how = {
        "prior": "nothing was observed after the first dose: this is what the evidence says of people like this one",
        "importance": f"{status['members']} simulated people weighted by what was observed (Pareto k {_k(found['pareto_k'])})",
        "refined": "the simulated people had to be moved towards this one"
        + (f" (Pareto k before that {_k(status['pool_pareto_k'])})" if status["pool_pareto_k"] is not None else ""),
    }
    return [
        f"Forecast from day {found['start_day']:g} on, followed for {found['days'][-1]:g} days; setting: {found['setting']}",
        f"Ketasim {found['version']}; {how[status['method']]}",
        "Options stand side by side. None of them is a proposal: a licensed prescriber decides.",
    ]


def _k(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _options(found: Mapping[str, Any]) -> list[str]:
    rows: list[Sequence[str]] = [
        (
            "option",
            "MADRS, middle of 90 %",
            "90 % of such people",
            "response",
            "with placebo",
            "remission",
            "with placebo",
            "relapse",
        )
    ]
    unknown = []
    for option in found["options"]:
        if option["not_known"]:
            unknown.append(f"{option['words']}: what it does to mood is not known: {option['not_known']}.")
            rows.append((option["words"], *["not known"] * 7))
            continue
        course = option["outputs"]["madrs"]
        rows.append(
            (
                option["words"],
                points(course["median"][-1]),
                f"{points(course['low'][-1])} to {points(course['high'][-1])}",
                percent(option["response"]["probability"]),
                percent(option["response"]["placebo"]),
                percent(option["remission"]["probability"]),
                percent(option["remission"]["placebo"]),
                percent(option["relapse"]["probability"]),
            )
        )
    lines = [
        f"Mood on day {found['start_day'] + found['days'][-1]:g}",
        *table(list(rows[0]), [list(row) for row in rows[1:]]),
    ]
    lines += [
        "Response: a total at or below half of that before the first dose. With placebo: the same person in the same sessions without the drug."
    ]
    lines += [f"Relapse: of those who respond, {found['options'][0]['relapse']['rule']}." if found["options"] else ""]
    spread = [
        f"{o['words']}: {percent(o['response']['low_hypothesis'])} to {percent(o['response']['high_hypothesis'])}"
        for o in found["options"]
        if not o["not_known"] and o["response"]["low_hypothesis"] is not None
    ]
    lines += _added(found)
    if spread:
        lines.append("Response by explanation (lowest to highest): " + "; ".join(spread) + ".")
    return [line for line in [*lines, *unknown] if line]


def _thoughts(found: Mapping[str, Any]) -> list[str]:
    """Suicidal thoughts under every option, and how little stands behind it."""
    known = [o for o in found["options"] if "ideation" in o["outputs"] and not o["not_known"]]
    if not known:
        return []
    first = known[0]["outputs"]["ideation"]
    rows: list[Sequence[str]] = [("option", "middle of 90 %", "90 % of such people", first["low_rule"], "with placebo")]
    for option in known:
        course, other = option["outputs"]["ideation"], option["outputs"].get("ideation.placebo")
        rows.append(
            (
                option["words"],
                f"{course['median'][-1]:.1f}",
                f"{course['low'][-1]:.1f} to {course['high'][-1]:.1f}",
                percent(course["low_by_day"][-1]),
                percent(other["low_by_day"][-1] if other else None),
            )
        )
    return [
        f"Suicidal thoughts on that day ({SCALE_WORDS[first['scale']]}; before the first dose {first['before']})",
        *table(list(rows[0]), [list(row) for row in rows[1:]]),
        f"This is the weakest part of the forecast ({first['limits']}). No trial has shown that ketamine prevents suicide.",
        "",
    ]


def _added(found: Mapping[str, Any]) -> list[str]:
    """What is assumed of each treatment beside the drug, once."""
    every = {one["kind"]: one for option in found["options"] for one in option["added"]}
    return [
        f"{kind.capitalize()} (drive {one['drive']:+.2f}, SD {one['drive_sd']:.2f}, and {100 * one['synergy']:+.0f} %, SD {100 * one['synergy_sd']:.0f} %, of the drug's own; "
        f"{one['basis']}): {one['place']}"
        + (f" [{', '.join(one['records'])}]" if one["records"] else "")
        + (f". {one['note']}" if one["note"] else ".")
        for kind, one in every.items()
    ]


def _harm(found: Mapping[str, Any]) -> list[str]:
    rows: list[Sequence[str]] = [
        (
            "option",
            "sessions",
            "dissociation above 4",
            "pressure over limits once",
            "systolic rise",
            "nausea",
            "dizziness",
        )
    ]
    long = False
    for option in found["options"]:
        harm = option["harm"]
        if not harm["sessions"]:
            rows.append((option["words"], "0", "-", "-", "-", "-", "-"))
            continue
        long = long or harm["long_use"]
        rise = harm["sbp"]["largest_rise"]
        rows.append(
            (
                option["words"],
                str(harm["sessions"]),
                percent(harm["dissociation"]["share_above"]),
                percent(harm["pressure_above_limits"]["any_session"]),
                f"{rise['median']:.0f} mmHg ({rise['low']:.0f} to {rise['high']:.0f})",
                percent(harm["nausea"]),
                percent(harm["dizziness"]),
            )
        )
    limits = next((o["harm"] for o in found["options"] if o["harm"]["sessions"]), None)
    lines = [
        "Harm beside it (acute effects of the first session; pressure: of any session)",
        *table(list(rows[0]), [list(row) for row in rows[1:]]),
    ]
    if limits:
        lines.append(
            "Nausea and dizziness: share of people at the minute of the peak of one session; reported at least once in four weeks under the spray: "
            + "; ".join(f"{entry['what']} {entry['seen']}" for entry in reported())
            + "."
        )
        lines.append(
            f"Limits: {limits['sbp']['limit']:g}/{limits['dbp']['limit']:g} mmHg. Resting pressure: {limits['sbp']['resting']}."
        )
    return [*lines, *([LONG_USE] if long else [])]


def _learned(found: Mapping[str, Any]) -> list[str]:
    if not found["learned"]:
        return ["No observation after the first dose: nothing was learned of this person yet."]
    rows: list[Sequence[str]] = [("observation", "moves the forecast by", "width of the 80 % interval")]
    for entry in found["learned"]:
        shift, factor = entry["shift_points"], entry["width80_factor"]
        rows.append(
            (
                entry["observation"],
                "-" if shift is None else f"{shift:+.1f} points",
                "-" if factor is None else f"{100 * (factor - 1):+.0f} %",
            )
        )
    lines = [
        "What each observation changed (MADRS a day after the options start, no further dose; with it against without it)",
        *table(list(rows[0]), [list(row) for row in rows[1:]]),
    ]
    if found["changed_little"]:
        lines.append("Your data changed little: the forecast is nearly that for people like this one.")
    return lines


def _would_help(found: Mapping[str, Any]) -> list[str]:
    """What would help to know before the first dose; the honest answer is mostly little."""
    known = found.get("would_help")
    if not known:
        return []
    head = ["what might be known before the first dose", "AUC", "explains", "effect, 90 % (correlation)", "helps"]
    rows = [
        [r["label"], f"{r['auc']:.2f}", percent(r["explained"]), f"{r['low']:+.2f} to {r['high']:+.2f}", r["answer"]]
        for r in known["facts"]
    ]
    lines = table(head, rows)
    if all(r["answer"] == "little" for r in known["facts"]):
        lines.append("None of these would tell much about the response of one person.")
    if "first_score" in known:
        first = known["first_score"]
        lines.append(
            f"For comparison, {first['label']}: AUC {first['auc']:.2f}, explains {percent(first['explained'])} (computed)."
        )
    lines.append(f"Best published outside its own sample: AUC {known['yardstick_auc']:.2f}; {known['yardstick']}.")
    return [*lines, ""]


def _notes(found: Mapping[str, Any]) -> list[str]:
    notes = found["notes"]
    more = [f"- and {len(notes) - MOST_NOTES} more (--json)"] if len(notes) > MOST_NOTES else []
    return ["Used and not used", *(f"- {note}" for note in notes[:MOST_NOTES]), *more] if notes else []
