"""Care with words: what must be said first, and the harm that stands beside a benefit. Whether one may be stated: `ketasim.scenario.care`."""

from __future__ import annotations

from ketasim.core import value
from ketasim.scenario.care import anaesthetic, main_doses, not_known, typical_weight
from ketasim.scenario.plan import HOURS_PER_DAY, Scenario
from ketasim.scenario.result import Result

from .words import points

__all__ = ["anaesthetic", "clinic_rule", "long_use", "main_doses", "not_known", "sedation", "typical_weight"]

DAYS_OF_LONG_USE = 28.0
DOSES_A_WEEK = 3  # more than that within seven days is frequent
LONG_USE = (
    "Frequent or long use: bladder injury, dependence, tolerance and misuse are known harms of ketamine (US label of the "
    "esketamine spray); they are outside this model, and so is any loss of effect."
)


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
