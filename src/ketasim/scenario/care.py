"""What may be said of a scenario: whether it anaesthetises, whether a benefit is known, and which outputs are therefore withheld.

A number that nobody may read as a prediction carries its reason everywhere: in sentences, JSON, CSV, figures and Python.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from ketasim.core import FrozenMapping, sources, value, values
from ketasim.core.drugs import drugs
from ketasim.dose.course import Dose

from .plan import Scenario

ONE_HOUR = 1.0
ONE_WEEK, TOUCH = 168.0, 1e-6
BY_SESSION = ("iv", "im", "sc", "nasal")  # given in sessions; tablets were tried daily
OF_MOOD = ("madrs", "madrs.change", "madrs.effect", "ideation")
ANAESTHETISES = "a dose that anaesthetises has not been studied in depression"
OF_THE_BODY = ("cadss", "sbp", "dbp", "heart_rate")  # outside the model where a dose anaesthetises


def withheld(asked: Scenario) -> Mapping[str, str]:
    """Outputs of which the model's numbers are no prediction, each with the reason; empty where everything may be said."""
    asleep = bool(anaesthetic(asked))
    reason = ANAESTHETISES if asleep else _unstudied(asked)
    found = dict.fromkeys(OF_MOOD, f"no benefit is known: {reason}") if reason else {}
    if asleep:
        found |= dict.fromkeys(
            OF_THE_BODY, "a dose that anaesthetises: the model was never compared with measurements at such doses"
        )
    return FrozenMapping(found)


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
    starts = [time for time, _ in given]
    for start, dose in given:
        way = dose.way
        span = way.anaesthetic.get("mg/kg")
        if not span:
            continue
        within = 0.0
        for _, other in given[bisect_left(starts, start) : bisect_left(starts, start + ONE_HOUR)]:
            if other.drug == dose.drug and other.route == dose.route:
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
    return ANAESTHETISES if anaesthetic(asked) else _unstudied(asked)


def _unstudied(asked: Scenario) -> str:
    """`not_known` of a dose that leaves people awake."""
    weight = typical_weight(asked)
    given = list(main_doses(asked))
    for _, dose in given:
        if not dose.entry.is_main:
            continue
        if dose.drug not in drugs():
            return f"{dose.drug} is a user-defined compound: no controlled trial in depression is known"
        if untried := dose.way.untried():
            return untried
        side, span = dose.way.beside_studied(float(dose.base(weight)), "mg", weight)
        if side:
            return f"the dose lies {side} the studied range of {dose.drug} by the {dose.route} route ({span})"
    return _too_often(given)


def _too_often(given: Sequence[tuple[float, Dose]]) -> str:
    """What speaks against a benefit of sessions that come more often than trials had them; empty where they do not."""
    most = round(value("most_sessions_in_a_week").value)
    for way in BY_SESSION:
        starts = sorted({time for time, dose in given if dose.entry.is_main and dose.route == way})
        for i in range(len(starts) - most):
            if starts[i + most] - starts[i] < ONE_WEEK - TOUCH:
                return f"more than {most} sessions within seven days were not studied by the {way} route"
    return ""
