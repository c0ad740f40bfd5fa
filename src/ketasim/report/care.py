"""Care with words: what may be said of a benefit, what must be said first, and the harm that stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

from ketasim.core import sources, value, values
from ketasim.core.drugs import drugs
from ketasim.dose.course import Dose
from ketasim.scenario.plan import HOURS_PER_DAY, Scenario
from ketasim.scenario.result import Result

from .words import points

ONE_HOUR = 1.0
DAYS_OF_LONG_USE = 28.0
DOSES_A_WEEK = 3  # more than that within seven days is frequent
LONG_USE = (
    "Frequent or long use: bladder injury, dependence, tolerance and misuse are known harms of ketamine (US label of the "
    "esketamine spray); they are outside this model, and so is what stops working."
)


def main_doses(asked: Scenario) -> Iterator[tuple[float, Dose]]:
    """(start in h, dose) of every dose of the treatment itself."""
    for time, _, dose in asked.regimen.main.times(asked.end_h):
        yield time, dose


def typical_weight(asked: Scenario) -> float:
    """Body weight of the typical person, kg."""
    return float(asked.traits.weight or values("people")["typical_weight"].value)


def anaesthetic(asked: Scenario) -> str:
    """What must be said first of a dose that anaesthetises; empty for any other.

    What is given within one hour counts (an infusion: its rate), against the lowest anaesthetic dose of the label; a dose inside the
    range that depression trials have studied is none, unless it is pushed as a bolus.
    """
    weight = typical_weight(asked)
    given = list(main_doses(asked))
    for start, dose in given:
        way = dose.way
        span = way.anaesthetic.get("mg/kg")
        if not span:
            continue
        within = 0.0
        for time, other in given:
            if other.drug == dose.drug and other.route == dose.route and start <= time < start + ONE_HOUR:
                within += float(other.base(weight)) / weight * min(1.0, ONE_HOUR / max(other.duration_h, ONE_HOUR))
        side, _ = way.beside_studied(float(dose.base(weight)), "mg", weight)
        within = round(within, 9)
        if within >= span[0] and (
            side == "beyond" or dose.form == "bolus" or within > float(dose.base(weight)) / weight
        ):
            label = sources()[way.anaesthetic_source].citation.split(":")[0].split(",")[0]
            return (
                f"ANAESTHESIA: {within:.3g} mg/kg within an hour reaches the anaesthetic range ({way.anaesthetic_place}; "
                f"{label}, US label). Airway and breathing are not modelled; nobody gives this outside anaesthesia care. "
                "What the model says of mood, dissociation and blood pressure was never measured at such doses: mood is withheld."
            )
    return ""


def not_known(asked: Scenario) -> str:
    """Why nothing can be said of a benefit; empty where a controlled trial of this drug by this route exists and the dose is in its range."""
    if anaesthetic(asked):
        return "a dose that anaesthetises has not been studied in depression"
    weight = typical_weight(asked)
    for _, dose in main_doses(asked):
        if not dose.entry.is_main:
            continue
        if dose.drug not in drugs():
            return f"{dose.drug} is a user-defined compound: no controlled trial in depression is known"
        if not dose.way.controlled:
            return f"the evidence holds no controlled trial of {dose.drug} by the {dose.route} route in depression"
        side, span = dose.way.beside_studied(float(dose.base(weight)), "mg", weight)
        if side:
            return f"the dose lies {side} the studied range of {dose.drug} by the {dose.route} route ({span})"
    return ""


def long_use(asked: Scenario) -> str:
    """The harms of frequent or long use, where the treatment is either."""
    starts = [time for time, dose in main_doses(asked) if dose.entry.is_main]
    week = 7 * HOURS_PER_DAY
    frequent = any(sum(s <= t < s + week for t in starts) > DOSES_A_WEEK for s in starts)
    long = bool(starts) and starts[-1] - starts[0] >= DAYS_OF_LONG_USE * HOURS_PER_DAY
    return LONG_USE if frequent or long else ""


def sedation(result: Result) -> str:
    """The deepest sedation of the typical person, on the scale where 5 is awake."""
    lowest = result.summary["sedation_lowest"]["typical"]
    return "-" if lowest is None else f"{points(lowest)} of 5 on MOAA/S (5 = awake)"


def clinic_rule() -> str:
    """The rule behind the time in clinic, with its source."""
    rule = value("clinic_minimum_stay")
    return f"rule: at least {rule.value:g} h after the dose (Spravato REMS; {rule.records[0]})"
