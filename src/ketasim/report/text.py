"""A result in plain sentences, for people who read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ketasim.core import output_register, values
from ketasim.core.records import NOTICE
from ketasim.dose.preview import given_as
from ketasim.scenario.result import Result

from .words import between, clock, in_ten, mass, number, percent, points, table

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


def run_text(result: Result) -> str:
    """Everything a run says, in sentences and one table."""
    return "\n".join([*_head(result), "", *_doses(result), "", *_story(result), "", *_table(result), *_ends(result)])


def _head(result: Result) -> list[str]:
    record, people = result.record, len(result.people)
    return [
        result.scenario.title,
        f"Ketasim {record.version}, model {record.model[:8]}, seed {record.seed}, "
        + (f"{people} people and the typical person" if people else "the typical person alone"),
        NOTICE,
    ]


def _doses(result: Result) -> list[str]:
    lines = ["Doses (typical person; given is read back from the integration)"]
    rows = result.ledger
    scheduled = result.scenario.regimen.doses(result.scenario.end_h)
    weight = result.scenario.traits.weight or values("people")["typical_weight"].value
    for row, dose in list(zip(rows, scheduled, strict=False))[:MOST_DOSES_LISTED]:
        lines.append(
            f"  {clock(row.time_h):>10}  {row.drug} {row.route}, {given_as(dose.dose, weight)}: "
            f"asked {mass(row.asked_mg)}, given {mass(row.given_mg)} mg"
        )
    if len(rows) > MOST_DOSES_LISTED:
        rest = rows[MOST_DOSES_LISTED:]
        asked, given = sum(r.asked_mg for r in rest), sum(r.given_mg for r in rest)
        lines.append(f"  and {len(rest)} more: asked {mass(asked)}, given {mass(given)} mg")
    if not rows:
        lines.append("  none")
    return lines


def _story(result: Result) -> list[str]:
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
    for name in _drugs_in_blood(peaks):
        p, substance = peaks[name], output_register()[name].label.removeprefix("Plasma ")
        line = f"  Blood: {substance} peaks at {number(p['typical'])} ng/mL{between(p)} after {clock(p['time_h'])}"
        arterial = peaks.get(name.replace("plasma.", "arterial."))
        lines.append(line + (f"; in the artery at {number(arterial['typical'])}." if arterial else "."))
    if "nmda.occupancy" in peaks:
        p = peaks["nmda.occupancy"]
        lines.append(
            f"  Receptors: at most {percent(p['typical'])}{between(p, percent)} of NMDA receptors are occupied, at {clock(p['time_h'])}."
        )
    if "glutamate" in peaks and peaks["glutamate"]["typical"] > 1:
        p = peaks["glutamate"]
        lines.append(f"  Glutamate: rises by {percent(p['typical'] - 1)} at most, at {clock(p['time_h'])}.")
    if "spines" in peaks:
        p = peaks["spines"]
        lines.append(
            f"  Synapses: {percent(p['typical'])}{between(p, percent)} of the lost spines are back at {clock(p['time_h'])}."
        )
    return lines + _mood(s) + _body(s)


def _drugs_in_blood(peaks: Mapping[str, Any]) -> list[str]:
    """The drugs worth a line: the racemate as one, an enantiomer given alone by its own name, HNK only where it was given."""
    names = [name for name in peaks if name.startswith("plasma.")]
    both = "plasma.s_ketamine" in names and "plasma.r_ketamine" in names
    hidden = {"plasma.norketamine"} | ({"plasma.s_ketamine", "plasma.r_ketamine"} if both else {"plasma.ketamine"})
    if "plasma.ketamine" in names:
        hidden.add("plasma.hnk")
    return [name for name in names if name not in hidden]


def _mood(s: Mapping[str, Any]) -> list[str]:
    start = s["onset_h"]
    if start["typical"] is None:
        lines = [f"  Mood: the effect beyond placebo does not reach {start['threshold_points']:g} points."]
    else:
        lines = [
            f"  Mood: {start['threshold_points']:g} points beyond placebo are reached after {clock(start['typical'])}."
        ]
    for name in ("24 h", "7 d"):
        look = s["mood"].get(name)
        if look is None:
            continue
        change, effect, response = look["madrs.change"], look["madrs.effect"], look["response"]
        line = (
            f"    {name}: MADRS {points(change['typical'])} points{between(change, points)}, "
            f"{points(effect['typical'])} of it{between(effect, points)} beyond placebo"
        )
        if effect["model_low"] is not None:
            line += (
                f" (how sure of the typical person: {points(effect['model_low'])} to {points(effect['model_high'])})"
            )
        if response["share"] is not None:
            line += f"; {in_ten(response['share'])} respond ({percent(response['share'])}), remission {percent(look['remission']['share'])}"
        lines.append(line + ".")
    return lines


def _body(s: Mapping[str, Any]) -> list[str]:
    lines = []
    cadss, pressure, stay = s["peaks"].get("cadss"), s["sbp_rise_peak"], s["time_in_clinic_h"]
    if cadss:
        lines.append(
            f"  Body: dissociation (detached feeling) peaks at {points(cadss['typical'])}{between(cadss, points)} of 92 CADSS points, "
            f"at {clock(cadss['time_h'])}; systolic pressure rises by {points(pressure['typical'])} mmHg{between(pressure, points)}."
        )
    if stay["typical"] is not None:
        lines.append(
            f"  Time in clinic: {clock(stay['typical'])}{between(stay, clock)} by the rule of at least {stay['rule_h']:g} h after the dose."
        )
    return lines


def _table(result: Result) -> list[str]:
    shown = [n for n in SHOWN if n in result.values and np.ptp(result.grid_values[n][0]) > 0]
    register = output_register()
    head = ["time", *(f"{name} [{register[name].unit}]" if register[name].unit != "1" else name for name in shown)]
    rows = [[clock(t), *(number(result[name].typical[i]) for name in shown)] for i, t in enumerate(result.time_h)]
    return [
        "Typical person at the times asked for (all outputs: --json or --csv)",
        *(f"  {line}" for line in table(head, rows)),
    ]


def _ends(result: Result) -> list[str]:
    lines = []
    if result.failures:
        lines += ["", f"{len(result.failures)} of {len(result.people) + 1} runs failed and are left out:"]
        lines += [f"  person {f.person}: {f.reason}" for f in result.failures[:5]]
    if result.warnings:
        lines += ["", "Know this:", *(f"  - {warning}" for warning in result.warnings)]
    return lines
