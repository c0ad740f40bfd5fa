"""What each export loses or changes, in sentences, printed before anything is written."""

from __future__ import annotations

from .typical import Plain

NOT_RUN = "NOT RUN: this text has been generated and read, but no {language} was at hand to run it; check it against `--to python` before use"


def common(model: Plain) -> list[str]:
    """What every export of one person's equations loses."""
    spread = sum(1 for v in model.composition.parameters.values() if v.between is not None)
    uncertain = sum(1 for v in model.composition.parameters.values() if v.uncertain is not None)
    found = [
        f"one person of {model.weight:g} kg, the typical one: the spread between people of {spread} values is not exported",
        f"one set of numbers: the uncertainty of {uncertain} values (the posterior) is not exported",
        "mood scores (madrs, madrs.change, madrs.effect, ideation) are not exported: setting, belief, expectancy and placebo act on "
        "them after the integration, in functions that are no differential equations; mood_drive and ideation_drive are there",
        "sums of both enantiomers and units of concentrations (ng/mL) are not exported: ports are in umol/L; the factors stand in the text",
        f"doses until {model.end_h:g} h, the end of the run; nothing is given after it",
    ]
    if model.scenario.hypothesis:
        found.append(f"one hypothesis, {model.scenario.hypothesis}; the others are not exported")
    return found


def moved(model: Plain) -> list[str]:
    """What it means that time starts at 0 in the export."""
    if model.start_h == 0:
        return []
    return [
        f"time 0 of the export is the first dose of all, {-model.start_h:g} h before t = 0 of Ketasim: add {model.start_h:g} h to its times"
    ]


def listed(lines: list[str]) -> str:
    """The lines as they stand on the screen and in the exported file."""
    return "\n".join(f"- {line}" for line in lines)
