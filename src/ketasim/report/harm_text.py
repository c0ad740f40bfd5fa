"""Harm in plain sentences: the acute effects of a session, a course's exposure beside what was seen, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ketasim.person.exposure import ORGANS, Beside, Plan, cannot_be_said
from ketasim.person.option_harm import reported
from ketasim.person.session import Passed, Session, not_modelled

SETTING_WORDS = {"clinic": "clinic", "continuous": "infusions over days", "recreational": "recreational use"}
UNITS = {"sessions": "sessions", "months": "months", "mg": "mg"}
PRESSURE_NOTE = (
    "counted as in trials: whoever has a reading over a limit in at least one session; sessions and readings of one person scatter, "
    "resting pressures are assumed. Where the trials' share and this one differ, theirs is the one to go by"
)
LAST = "Research and teaching only: never a dose for a person; a licensed prescriber decides."


def harm_text(plan: Plan, rows: Sequence[Beside], found: Sequence[Session], over: Sequence[Passed] = ()) -> str:
    """Everything `ketasim harm` says."""
    return "\n".join([*_plan(plan), "", *_sessions(found, over), *_long(rows), *_unknown(), "", LAST])


def harm_dict(
    plan: Plan, rows: Sequence[Beside], found: Sequence[Session], over: Sequence[Passed] = ()
) -> dict[str, Any]:
    """The JSON object of `ketasim harm`."""
    return {
        "plan": {
            "words": plan.words,
            "weight_kg": plan.weight_kg,
            "sessions": plan.sessions,
            "months": plan.months,
            "busiest_week": plan.busiest_week,
            "until_days": plan.until_days,
            "total_mg": plan.total_mg,
            "mg": [{"drug": drug, "route": route, "mg": amount} for drug, route, amount in plan.mg],
        },
        "acute": [session.to_dict() for session in found],
        "acute_reported": [dict(entry) for entry in reported()],
        "acute_not_modelled": [dict(entry) for entry in not_modelled()],
        "pressure_over_the_course": [limit.to_dict() for limit in over],
        "pressure_note": PRESSURE_NOTE,
        "long_term": [row.to_dict() for row in rows],
        "cannot_be_said": cannot_be_said(),
        "decides": "a licensed prescriber; research and teaching only",
    }


def _plan(plan: Plan) -> Iterator[str]:
    yield plan.words
    amounts = " and ".join(f"{amount:,.0f} mg of {drug} ({route})" for drug, route, amount in plan.mg)
    many = "session" if plan.sessions == 1 else "sessions"
    yield (
        f"{plan.sessions} {many} over {plan.months:.1f} months, at most {plan.busiest_week} in seven days: {amounts} "
        f"(free base, {plan.weight_kg:g} kg)."
        + (f" The course has no end: counted up to day {plan.until_days:g}." if plan.until_days else "")
    )


def _sessions(found: Sequence[Session], over: Sequence[Passed]) -> Iterator[str]:
    for session in found:
        yield f"Session {session.number}, among {session.people} simulated people:"
        for criterion in session.criteria:
            middle, late = criterion.quantiles[0.5], criterion.quantiles[0.95]
            if criterion.name == "stay":
                yield f"  {criterion.label}: {_clock(middle)} from the start"
            else:
                by = ", ".join(f"{100 * share:.0f} % by {hours:g} h" for hours, share in criterion.met_by.items())
                yield f"  {criterion.label}: half by {_clock(middle)}, 95 % by {_clock(late)} ({by})"
            if criterion.source and session is found[0]:
                yield f"    {criterion.source}"
        yield (
            f"  dissociation: CADSS above 4 in {100 * session.dissociation['share_above_4']:.0f} %, highest "
            f"{session.dissociation['median']:.0f} points at the median; MOAA/S below 4.5 in "
            f"{100 * session.sedation['share_below_4.5']:.0f} %; nausea {100 * session.nausea:.0f} %, "
            f"dizziness {100 * session.dizziness:.0f} % at the peak"
        )
        yield "  largest rise in a person's median session, median (5th to 95th percentile of people): " + ", ".join(
            f"{label} {numbers['median']:.0f} ({numbers['low']:.0f} to {numbers['high']:.0f}) {unit}"
            for label, unit, numbers in (
                ("systolic", "mmHg", session.largest_rise["sbp"]),
                ("diastolic", "mmHg", session.largest_rise["dbp"]),
                ("pulse", "bpm", session.largest_rise["heart_rate"]),
            )
        )
    if found:
        many = "the session" if over and over[0].sessions == 1 else f"the {over[0].sessions if over else 0} sessions"
        yield f"At least once in {many}:"
        for limit in over:
            yield f"  {limit.label}: {100 * limit.share:.1f} % of people (seen: {limit.seen}; {', '.join(limit.records)})"
        yield f"  Of the pressures: {PRESSURE_NOTE}."
        yield (
            "  Nausea and dizziness above are the share of people at the minute of the peak, in the median session of each. Reported at least once in four weeks under the spray: "
            + "; ".join(f"{entry['what']} {entry['seen']} ({', '.join(entry['records'])})" for entry in reported())
            + ". Theirs are the ones to go by for a course."
        )
        yield "  Not in the model, as reported under the spray: " + "; ".join(
            f"{entry['what']} {entry['seen']} ({', '.join(entry['records'])})" for entry in not_modelled()
        )
        yield ""


def _clock(hours: float) -> str:
    return "not within the session" if hours == float("inf") else f"{hours:.1f} h"


def _long(rows: Sequence[Beside]) -> Iterator[str]:
    yield "Long-term harm: what was seen, at which exposure. No rate is carried over to the plan."
    for organ in ORGANS:
        yield f"{organ.upper()}"
        for row in rows:
            if row.seen.organ != organ:
                continue
            seen = row.seen
            count = f", n {seen.n}" if seen.n else ""
            yield f"  {SETTING_WORDS[seen.setting]} ({seen.who}{count}): {seen.what} [{', '.join(seen.records)}]"
            yield f"    exposure: {seen.derived or seen.exposure or 'not in the record'}"
            yield f"    the plan beside it: {_beside(row)}"
        yield f"  cannot be said: {cannot_be_said()[organ]}"


def _beside(row: Beside) -> str:
    if not row.measures:
        return "cannot be compared: " + (
            "another route" if row.other_route else "nobody measured what these people took"
        )
    parts = [
        f"{_number(name, number)} {UNITS[name]} against {_span(name, span)} ({place})"
        for name, number, span, place in row.measures
    ]
    other = "; given by another route, so amounts are not compared" if row.other_route else ""
    end = "; beyond what was watched: this row says nothing of the rest" if row.verdict == "beyond" else ""
    return ", ".join(parts) + other + end


def _number(name: str, number: float) -> str:
    return f"{number:.1f}" if name == "months" else f"{number:,.0f}"


def _span(name: str, span: tuple[float, float]) -> str:
    low, high = (_number(name, end) for end in span)
    return low if low == high else f"{low}-{high}"


def _unknown() -> Iterator[str]:
    yield f"Of all of them: {cannot_be_said()['all']}"
