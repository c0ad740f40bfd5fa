"""A result in plain sentences, for people who read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import default_hypothesis
from ketasim.core import output_register, values
from ketasim.core.records import NOTICE
from ketasim.dose.preview import given_as
from ketasim.ratings.setting import SETTINGS
from ketasim.scenario.plan import Scenario
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

from .care import anaesthetic, clinic_rule, long_use, not_known, sedation
from .crisis import crisis_text
from .parts import Parts, Range, masked, opioid_drug, over_hypotheses, parts, under_placebo
from .words import at_least, between, clock, in_ten, mass, not_by_most, number, percent, points, table

SHOWN = (
    "plasma.ketamine",
    "plasma.hnk",
    "nmda.occupancy",
    "glutamate",
    "spines",
    "madrs.change",
    "madrs.effect",
    "cadss",
    "sbp",
)
MOST_DOSES_LISTED = 12
OF_MOOD = ("madrs.change", "madrs.effect")


def run_text(result: Result, progress: Callable[[float], None] | None = None) -> str:
    """Everything a run says, in sentences and one table: what was run, warnings, doses, the story, the numbers.

    progress : told the share done of the runs that stand beside it (placebo, every hypothesis where an opioid drug is given).
    """
    return "\n".join(
        [
            *_head(result),
            *_warnings(result),
            "",
            *_doses(result),
            "",
            *_story(result, progress),
            "",
            *_table(result),
            *_ends(result),
        ]
    )


def _head(result: Result) -> list[str]:
    record, people = result.record, len(result.people)
    return [
        result.scenario.title,
        f"Ketasim {record.version}, model {record.model[:8]}, numbers {record.numbers[:8]}, seed {record.seed}, "
        + (f"{people} people and the typical person" if people else "the typical person alone"),
        *what_was_run(result.scenario),
        *([shared_people(record.seed)] if people else []),
        NOTICE,
    ]


def shared_people(seed: int) -> str:
    """Two runs with one seed are not two independent groups."""
    return f"Runs with seed {seed} share their people (a paired comparison); for others: --seed random."


def what_was_run(asked: Scenario) -> list[str]:
    """The setting, the hypothesis and everything that differs from the defaults, in two or three lines."""
    usual = asked.setting == asked.setting_by_route
    lines = [
        f"Setting: {asked.setting} ({SETTINGS[asked.setting].label}"
        + ("; the default for this route, --setting changes it)" if usual else ")")
        + ("; masked: nobody can tell drug from placebo" if asked.masked else "")
    ]
    if not asked.hypothesis:
        lines.append(f"Hypothesis: {default_hypothesis().id}, the working default (ketasim show hypotheses)")
    changed = asked.changed()
    return [*lines, *([f"Changed: {'; '.join(changed)}"] if changed else [])]


def _warnings(result: Result) -> list[str]:
    """What must be known before anything else is read."""
    first, long = anaesthetic(result.scenario), long_use(result.scenario)
    found = [text for text in (first, *result.warnings, long) if text]
    return ["", "Warnings", *(f"  - {text}" for text in found)] if found else []


def _doses(result: Result) -> list[str]:
    lines = ["Doses (typical person): planned, and delivered as read back from the integration"]
    rows = result.ledger
    scheduled = result.scenario.regimen.doses(result.scenario.end_h)
    weight = result.scenario.traits.weight or values("people")["typical_weight"].value
    for row, dose in list(zip(rows, scheduled, strict=False))[:MOST_DOSES_LISTED]:
        lines.append(
            f"  {clock(row.time_h):>10}  {row.drug} {row.route}, {given_as(dose.dose, weight)}: "
            f"planned {mass(row.asked_mg)}, delivered {mass(row.given_mg)} mg"
        )
    if len(rows) > MOST_DOSES_LISTED:
        rest = rows[MOST_DOSES_LISTED:]
        asked, given = sum(r.asked_mg for r in rest), sum(r.given_mg for r in rest)
        lines.append(f"  and {len(rest)} more: planned {mass(asked)}, delivered {mass(given)} mg")
    if not rows:
        lines.append("  none")
    return lines


def _story(result: Result, progress: Callable[[float], None] | None = None) -> list[str]:
    s = result.summary
    traits = result.scenario.traits
    usual = values("people")
    who = (
        f"{traits.weight or usual['typical_weight'].value:g} kg, {traits.age or usual['typical_age'].value:g} years, "
        f"MADRS {traits.baseline or usual['typical_madrs'].value:g}"
    )
    lines = [
        f"The typical person ({who})" + ("; in brackets 5th to 95th percentile between people" if result.ok else "")
    ]
    peaks: Mapping[str, Any] = s["peaks"]
    for name in _drugs_in_blood(result, peaks):
        p, substance = peaks[name], output_register()[name].label.removeprefix("Plasma ")
        line = (
            f"  Blood: {substance} peaks at {number(p['typical'])} ng/mL{between(p)} in venous plasma, "
            f"{_after_dose(result, name, p['time_h'])}"
        )
        arterial = peaks.get(name.replace("plasma.", "arterial."))
        lines.append(line + (f"; in arterial plasma at {number(arterial['typical'])}." if arterial else "."))
    if "nmda.occupancy" in peaks:
        p = peaks["nmda.occupancy"]
        lines.append(
            f"  Receptors: at most {percent(p['typical'])}{between(p, percent)} of NMDA receptors are occupied, at {clock(p['time_h'])} "
            f"({output_register()['nmda.occupancy'].caveat})."
        )
    if "glutamate" in peaks and peaks["glutamate"]["typical"] > 1:
        p = peaks["glutamate"]
        lines.append(
            f"  Glutamate: rises by {percent(p['typical'] - 1)} at most, at {clock(p['time_h'])} "
            f"({output_register()['glutamate'].caveat})."
        )
    if "spines" in peaks:
        p = peaks["spines"]
        lines.append(
            f"  Synapses: {percent(p['typical'])}{between(p, percent)} of the lost spines are back at {clock(p['time_h'])}."
        )
    return lines + _mood(result, progress) + _body(result)


def _after_dose(result: Result, name: str, time_h: float | None) -> str:
    """When a level peaks: counted from the dose it follows, of the drug it belongs to."""
    if time_h is None:
        return "at no time"
    part = name.split(".", 1)[1]
    doses = result.scenario.regimen.doses(result.scenario.end_h)
    own = [d.time_h for d in doses if part in d.dose.entry.parts and not d.dose.entry.is_main]
    starts = own or list(result.doses_h)
    before = [t for t in starts if t <= time_h + 1e-9]
    if not before:
        return f"at {clock(time_h)}"
    after = f"{clock(time_h - before[-1])} after "
    drug = next((d.dose.drug for d in doses if own and part in d.dose.entry.parts), "")
    if len(starts) == 1:
        return after + (f"the dose of {drug}" if drug else "the start of the dose")
    return after + f"dose {len(before)} of {len(starts)}" + (f" of {drug}" if drug else "") + f" (at {clock(time_h)})"


def _drugs_in_blood(result: Result, peaks: Mapping[str, Any]) -> list[str]:
    """The drugs that were given: the racemate as one, an enantiomer given alone by its own name; metabolites stand in the table."""
    doses = result.scenario.regimen.doses(result.scenario.end_h)
    given = {f"plasma.{part.removesuffix('_drug')}" for d in doses for part in d.dose.entry.parts}
    if {"plasma.s_ketamine", "plasma.r_ketamine"} <= given:
        given = (given - {"plasma.s_ketamine", "plasma.r_ketamine"}) | {"plasma.ketamine"}
    return [name for name in peaks if name in given]


def _mood(result: Result, progress: Callable[[float], None] | None = None) -> list[str]:
    """Mood, with its placebo figure, its parts and its harm; or what is not known in its place. The crisis line always."""
    unknown = not_known(result.scenario)
    if unknown:
        return [
            f"  Mood: what this does for mood is not known: {unknown}. No benefit is stated"
            " (the model's own numbers, marked as withheld: --json, --csv).",
            f"  {crisis_text()}",
        ]
    s, without = result.summary, masked(result)
    start = s["onset_h"]
    limit = f"{start['threshold_points']:g} points"
    few = not_by_most(start, len(result.people))
    if few:
        lines = [f"  Mood: {limit} beyond placebo with what is felt (expectancy): {few}; {_alone(result, without)}."]
    elif start["typical"] is None:
        lines = [f"  Mood: the effect beyond placebo does not reach {limit}."]
    else:
        lines = [
            f"  Mood: {limit} beyond placebo are reached after {clock(start['typical'])} with what is felt (expectancy); "
            f"{_alone(result, without)}."
        ]
    placebo = under_placebo(result) if len(result.people) else None
    for name in ("24 h", "7 d"):
        look = s["mood"].get(name)
        if look is not None:
            lines += _look(name, look, parts(result, without, name), placebo)
    lines.append(f"    Beside it: {_harm(result)}.")
    found = over_hypotheses(result, progress)
    return [*lines, *(range_text(found, opioid_drug(result.scenario)) if found else []), f"  {crisis_text()}"]


def _alone(result: Result, without: Result) -> str:
    """When the drug alone is felt in the score: of the typical person, unless under half of the people get there if nobody can tell."""
    alone = without.summary["onset_h"]
    if alone["typical"] is None:
        return "by the drug alone not within the run"
    if len(result.people):
        people = result if result.scenario.masked else run(result.scenario.but(masked=True, draws=0))
        few = not_by_most(people.summary["onset_h"], len(people.people))
        if few:
            return f"by the drug alone {few}"
    return f"by the drug alone after {clock(alone['typical'])}"


def _look(name: str, look: Mapping[str, Any], split: Parts | None, placebo: Result | None) -> list[str]:
    change, effect, response = look["madrs.change"], look["madrs.effect"], look["response"]
    lines = [
        f"    {name}: MADRS {points(change['typical'])} points{between(change, points)}; "
        f"the same person under placebo {points(change['typical'] - effect['typical'])}; "
        f"beyond placebo {points(effect['typical'])}{between(effect, points)}"
    ]
    if split is not None:
        lines[0] += (
            f": {points(split.drug)} by the drug (masked) and {points(split.belief)} by noticing it (expectancy)"
        )
    lines[0] += "."
    if effect["model_low"] is not None:
        line = f"      90 % credible interval, typical person: beyond placebo {_interval(effect)}"
        if split is not None and split.low is not None:
            line += f"; drug {_interval({'model_low': split.low, 'model_high': split.high})}"
        lines.append(line + ". It holds the uncertainty of the estimated parameters, not that of the hypothesis.")
    if response["share"] is not None:
        other = placebo.summary["mood"].get(name) if placebo is not None else None
        lines.append(
            f"      {in_ten(response['share'])} respond ({percent(response['share'])}), remission {percent(look['remission']['share'])}"
            + (
                f"; under placebo {in_ten(other['response']['share'])} ({percent(other['response']['share'])}), "
                f"remission {percent(other['remission']['share'])}."
                if other
                else "."
            )
        )
    return lines


def _interval(found: Mapping[str, Any]) -> str:
    low, high = points(found["model_low"]), points(found["model_high"])
    return "not varied" if low == high else f"{low} to {high}"


def _harm(result: Result) -> str:
    """The acute harm that comes with any benefit shown."""
    cadss, pressure = result.summary["peaks"].get("cadss"), result.summary["sbp_rise_peak"]
    return (
        f"dissociation up to {points(cadss['typical']) if cadss else '0'} of 92 CADSS points, systolic pressure up by "
        f"{points(pressure['typical'])} mmHg, sedation down to {sedation(result)}"
    )


def range_text(found: Range, drug: str) -> list[str]:
    """What the hypotheses disagree about, where one of them decides."""
    low = min(found.effects, key=lambda name: found.effects[name])
    high = max(found.effects, key=lambda name: found.effects[name])
    return [
        f"    What {drug} does to the effect rests on the hypothesis. Typical person beyond placebo at {found.look}, over the "
        f"{len(found.effects)} shipped hypotheses, each with its own calibrated numbers: {points(found.effects[low])} ({low}) to {points(found.effects[high])} ({high}); "
        f"{points(found.effects[found.default])} under the working default, {found.default}."
    ]


def _body(result: Result) -> list[str]:
    s, lines = result.summary, []
    cadss, pressure, stay = s["peaks"].get("cadss"), s["sbp_rise_peak"], s["time_in_clinic_h"]
    if anaesthetic(result.scenario):
        return ["  Body: anaesthesia is expected; dissociation and pressure at such doses are outside the model."]
    if cadss:
        lines.append(
            f"  Body: dissociation (detached feeling) peaks at {points(cadss['typical'])}{between(cadss, points)} of 92 CADSS points, "
            f"at {clock(cadss['time_h'])}; systolic pressure rises by {points(pressure['typical'])} mmHg{between(pressure, points)}; "
            f"sedation at its deepest {sedation(result)}."
        )
    if stay["typical"] is not None:
        lines.append(
            f"  Time in clinic: {at_least(clock(stay['typical']), bool(stay.get('cut')))}{between(stay, clock)}; {clinic_rule()}."
        )
    return lines


def _table(result: Result) -> list[str]:
    hidden: tuple[str, ...] = OF_MOOD if not_known(result.scenario) else ()
    if anaesthetic(result.scenario):
        hidden = (*OF_MOOD, "cadss", "sbp")
    shown = [n for n in SHOWN if n in result.values and n not in hidden and np.ptp(result.grid_values[n][0]) > 0]
    register = output_register()
    head = ["time", *(f"{name} [{register[name].unit}]" if register[name].unit != "1" else name for name in shown)]
    rows = [[clock(t), *(number(result[name].typical[i]) for name in shown)] for i, t in enumerate(result.time_h)]
    return [
        "Typical person at the output times (all outputs: --json or --csv)",
        *(f"  {line}" for line in table(head, rows)),
    ]


def _ends(result: Result) -> list[str]:
    lines = []
    if result.failures:
        lines += ["", f"{len(result.failures)} of {len(result.people) + 1} runs failed and are left out:"]
        lines += [f"  person {f.person}: {f.reason}" for f in result.failures[:5]]
    return lines
