"""Virtual experiments in plain sentences."""

from __future__ import annotations

import json as json_module
import math

from ketasim.core import output
from ketasim.core.records import NOTICE
from ketasim.scenario.experiments import Experiment, experiments
from ketasim.scenario.plan import Scenario, read_times

from .crisis import crisis_text
from .words import clock, number, table


def experiment_list(json: bool = False) -> str:
    """The experiments by name, with their question; json: one object with title, question, arms and records of each."""
    if json:
        about = [
            {"name": p.name, "title": p.title, "asks": p.asks, "arms": list(p.arms), "records": list(p.records)}
            for p in experiments().values()
        ]
        return json_module.dumps({"experiments": about}, indent=2)
    return "\n".join(f"{plan.name}: {plan.asks}" for plan in experiments().values())


def experiment_text(found: Experiment) -> str:
    """What was changed, what followed, and which expectations hold."""
    plan = found.plan
    lines = [f"{plan.title}. {plan.asks}", f"Evidence: {', '.join(plan.records)}", NOTICE, ""]
    if plan.assumption:
        lines += [f"Assumption: {plan.assumption}.", ""]
    lines += [f"  {name.replace('_', ' ')}: {_arm(result.scenario)}" for name, result in found.results.items()]
    outputs = tuple(dict.fromkeys((e.output, e.look) for e in plan.expect))
    head = ["typical person", *(f"{name} at {look}" if look != "peak" else f"peak {name}" for name, look in outputs)]
    rows = []
    for name, result in found.results.items():
        cells = []
        for key, look in outputs:
            if look == "peak":
                cells.append(number(float(result.fine(key).typical.max())))
            else:
                course, hour = result[key], read_times(look)[0]
                cells.append(number(float(course.typical[int(abs(course.time_h - hour).argmin())])))
        rows.append([name.replace("_", " "), *cells])
    lines += ["", *(f"  {line}" for line in table(head, rows)), ""]
    for f in found.findings:
        unit = output(f.expectation.output).unit
        unit = "" if unit == "1" else f" {unit}"
        lines.append(
            f"  {'holds' if f.holds else 'FAILS'}: {f.expectation.says} ({number(f.own)} against {number(f.other)}{unit})"
        )
    shows_mood = any(name.startswith(("madrs", "ideation")) for name, _ in outputs) or any(
        p.output.startswith(("madrs", "ideation")) for p in plan.published
    )
    return "\n".join([*lines, *_published(found), *(["", crisis_text()] if shows_mood else [])])


ROLE_NOTES = {
    "validate": "kept for validation: shown, not used in model comparison",
    "none": "no study behind it",
    "fit": "",
}


def _published(found: Experiment) -> list[str]:
    """Published outcomes beside the prediction under every hypothesis."""
    lines = []
    for i, p in enumerate(found.plan.published):
        what = f"{p.output} at {p.look}, {p.arm.replace('_', ' ')}" + (
            f" as a proportion of {p.versus.replace('_', ' ')}" if p.versus else ""
        )
        notes = [ROLE_NOTES[p.role], "from memory: not used in model comparison" if p.memory else ""]
        if p.species != "human":
            notes.append(f"{p.species}; human kinetics are used")
        shown = p.found if isinstance(p.found, str) else f"{number(p.found)} (SE {number(p.se)})"
        lines += ["", f"Published: {p.says} [{', '.join(p.records)}]" + "".join(f"; {note}" for note in notes if note)]
        lines.append(f"  {what}: found {shown}")
        predicted = {name: values[i] for name, values in found.predictions.items()}
        groups: dict[str, list[str]] = {}
        for name, x in predicted.items():
            groups.setdefault(_shown(x), []).append(name)
        lines += [f"    {shown_as:>13}  {', '.join(names)}" for shown_as, names in groups.items()]
    return lines


def _shown(x: float | None) -> str:
    """A predicted outcome; what is not said is not zero."""
    return "no prediction" if x is None else "not computed" if math.isnan(x) else f"{x:.2f}"


def _arm(scenario: Scenario) -> str:
    """The regimen and everything else that is changed in this arm."""
    changes = [f"{key} = {number(new)}" for key, new in scenario.values.items()]
    changes += [f"{s.state} times {s.scale:g} at {clock(s.time_h)}" for s in scenario.sudden]
    changes += [f"{h.input} = {h.level:g} from {clock(h.start_h)} to {clock(h.end_h)}" for h in scenario.held]
    changes += [f"{stage}: {' + '.join(names)}" for stage, names in scenario.variants.items()]
    if scenario.traits.genotype != "val/val":
        changes.append(scenario.traits.genotype)
    if scenario.masked:
        changes.append("masked")
    return str(scenario.regimen) + (f" [{'; '.join(changes)}]" if changes else "")
