"""Long-term harm: what was seen at which exposure, and a planned course's cumulative exposure beside it.

No rate is carried from one exposure to another: the plan is only said to lie below, within or beyond what was watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ketasim.core import UsageError
from ketasim.core.errors import KetasimError
from ketasim.core.values import knowledge_path, read_toml, value
from ketasim.dose import Regimen

HOURS_PER_MONTH = 24.0 * 365.25 / 12
WEEK_H = 168.0
ORGANS = ("bladder", "cognition", "dependence", "liver")
SETTINGS = ("clinic", "continuous", "recreational")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one source saw of one harm, and the exposure of its people. Spans are (lowest, highest), None = nobody measured it."""

    id: str
    organ: str
    setting: str
    what: str
    who: str
    records: tuple[str, ...]
    n: int | None = None
    route: str = ""
    sessions: tuple[float, float] | None = None
    months: tuple[float, float] | None = None
    mg: tuple[float, float] | None = None
    mg_per_kg: tuple[float, float] | None = None
    derived: str = ""
    exposure: str = ""

    def total_mg(self, weight_kg: float) -> tuple[float, float] | None:
        """mg in all, of people of this weight."""
        if self.mg_per_kg:
            return (self.mg_per_kg[0] * weight_kg, self.mg_per_kg[1] * weight_kg)
        return self.mg


@dataclass(frozen=True, slots=True)
class Plan:
    """The cumulative exposure of a course: drug and route -> mg of base; sessions; months from the first to the last one.

    busiest_week : most sessions in any seven days. until_days : where a course without an end was cut, else None.
    """

    words: str
    weight_kg: float
    mg: tuple[tuple[str, str, float], ...]
    sessions: int
    months: float
    busiest_week: int
    until_days: float | None = None

    @property
    def routes(self) -> frozenset[str]:
        """The routes it uses."""
        return frozenset(route for _, route, _ in self.mg)

    @property
    def total_mg(self) -> float:
        """mg of base of every ketamine together."""
        return sum(amount for _, _, amount in self.mg)

    def mg_by(self, route: str) -> float:
        """mg of base given by this route."""
        return sum(amount for _, way, amount in self.mg if way == route)


@dataclass(frozen=True, slots=True)
class Beside:
    """The plan beside one row: measure -> (the plan's number, the row's span, "below" | "within" | "beyond").

    other_route : the row's people took it by a route that the plan does not use, so that amounts are not compared.
    """

    seen: Seen
    other_route: bool
    measures: tuple[tuple[str, float, tuple[float, float], str], ...]

    @property
    def verdict(self) -> str:
        """ "beyond" if any measure is, else "not beyond"; "not comparable" without a measure."""
        if not self.measures:
            return "not comparable"
        return "beyond" if any(place == "beyond" for *_, place in self.measures) else "not beyond"

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "id": self.seen.id,
            "organ": self.seen.organ,
            "setting": self.seen.setting,
            "what": self.seen.what,
            "who": self.seen.who,
            "n": self.seen.n,
            "records": list(self.seen.records),
            "exposure": {
                "sessions": self.seen.sessions,
                "months": self.seen.months,
                "mg": self.seen.mg,
                "mg_per_kg": self.seen.mg_per_kg,
                "derived": self.seen.derived,
                "not_measured": self.seen.exposure,
            },
            "plan_is": self.verdict,
            "other_route": self.other_route,
            "measures": [
                {"measure": name, "plan": number, "seen": list(span), "plan_is": place}
                for name, number, span, place in self.measures
            ],
        }


@cache
def harms() -> tuple[Seen, ...]:
    """Every row, by organ, the clinic first."""
    found: list[Seen] = []
    for table in read_toml(knowledge_path() / "harm.toml")["seen"]:
        entry = dict(table)
        if entry["organ"] not in ORGANS or entry["setting"] not in SETTINGS:
            raise KetasimError("unknown organ or setting", where=f"harm.toml, {entry['id']}")
        for name in ("sessions", "months", "mg", "mg_per_kg"):
            if name in entry:
                low, high = entry[name]
                entry[name] = (float(low), float(high))
        entry["records"] = tuple(entry["records"])
        found.append(Seen(**entry))
    return tuple(sorted(found, key=lambda row: (ORGANS.index(row.organ), SETTINGS.index(row.setting))))


@cache
def cannot_be_said() -> dict[str, str]:
    """Organ (or "all") -> what nobody knows."""
    return dict(read_toml(knowledge_path() / "harm.toml")["unknown"])


def plan_of(regimen: Regimen, end_h: float | None = None, weight_kg: float | None = None) -> Plan:
    """The cumulative exposure of a regimen's own doses of ketamine, for one body weight.

    end_h : the horizon of a course without an end. Raises `UsageError` if no dose of it is a ketamine.
    """
    weight = float(weight_kg if weight_kg is not None else value("typical_weight").value)
    amounts: dict[tuple[str, str], float] = {}
    starts: list[float] = []
    for time, _, dose in regimen.main.times(end_h):
        if not dose.entry.is_main or dose.amount is None:
            continue
        key = (dose.drug, dose.route)
        amounts[key] = amounts.get(key, 0.0) + float(dose.base(weight))
        starts.append(time)
    if not starts:
        raise UsageError(
            "no ketamine is given, so nothing stands beside the harm of ketamine",
            where=str(regimen),
            allowed="a course of ketamine, esketamine, arketamine or a compound of one's own",
            fix='ketasim harm "esketamine nasal 84 mg twice weekly x 8"',
        )
    return Plan(
        str(regimen),
        weight,
        tuple((drug, route, amount) for (drug, route), amount in amounts.items()),
        len(starts),
        (starts[-1] - starts[0]) / HOURS_PER_MONTH,
        max(sum(first <= start < first + WEEK_H - 1e-6 for start in starts) for first in starts),
        end_h / 24.0 if regimen.main.endless and end_h is not None else None,
    )


def beside(plan: Plan) -> tuple[Beside, ...]:
    """The plan beside every row: sessions and months with each, mg only with those of a route that the plan uses."""
    return tuple(Beside(row, bool(row.route) and row.route not in plan.routes, _measures(plan, row)) for row in harms())


def _measures(plan: Plan, row: Seen) -> tuple[tuple[str, float, tuple[float, float], str], ...]:
    numbers = [("sessions", float(plan.sessions), row.sessions), ("months", plan.months, row.months)]
    if row.route in plan.routes:
        numbers.append(("mg", plan.mg_by(row.route), row.total_mg(plan.weight_kg)))
    return tuple((name, number, span, _place(number, span)) for name, number, span in numbers if span is not None)


def _place(number: float, span: tuple[float, float]) -> str:
    slack = 1e-9 * max(abs(span[1]), 1.0)
    if number < span[0] - slack:
        return "below"
    return "within" if number <= span[1] + slack else "beyond"
