"""Scenarios side by side, in the same people: exposure, peaks, time above, mood, acute effects, standing of the drug."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from ketasim.core import UsageError, output, values
from ketasim.core.arrays import Array
from ketasim.core.drug_types import Route

from .bioavailability import bioavailability
from .care import not_known
from .plan import LAST_LOOK_H, Scenario, scenario
from .result import Course, Result, plain
from .run import run
from .summary import exposure, lowest, peak, spread

MOST_ARMS = 6
INFUSION = "ketamine iv 0.5 mg/kg over 40 min"  # what a route that nobody has tested is set beside
MASKED_LOOK = "24 h"
LEVELS = ("plasma.ketamine", "plasma.compound", "plasma.hnk")  # the first that an arm has is its exposure


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: a quantity, its unit, and per arm the typical number and the spread between people."""

    name: str
    label: str
    unit: str
    arms: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An arm minus the first arm, person by person: typical, median and 5th to 95th percentile between people."""

    name: str
    label: str
    unit: str
    arm: int
    typical: float | None
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Up to six results with the same people, the quantities that matter, and the differences to the first arm.

    masked : the typical person of every arm if nobody could tell drug from placebo, under the same draws. untested : per arm what every face has
    to say where nothing is known of its benefit and the model puts it above the usual infusion; empty for the others.
    """

    results: tuple[Result, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    standing: tuple[tuple[Mapping[str, str], ...], ...]
    monitoring: tuple[str, ...]
    masked: tuple[Result, ...] = ()
    untested: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        """The scenarios by name."""
        return tuple(result.scenario.title for result in self.results)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(repr(name) for name in self.arms)}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        """The rows as a table for a notebook: the typical person under every arm."""
        head = "<tr><th></th><th>unit</th>" + "".join(f"<th>{escape(name)}</th>" for name in self.arms) + "</tr>"
        lines = []
        for row in self.rows:
            cells = "".join(f"<td>{_short(arm.get('typical'))}</td>" for arm in row.arms)
            lines.append(f"<tr><td>{escape(row.label)}</td><td>{escape(row.unit)}</td>{cells}</tr>")
        return f"<table>{head}{''.join(lines)}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data: arms, rows, differences, approval and monitoring, and each run's own object."""
        return {
            "arms": list(self.arms),
            "rows": [
                {"name": r.name, "label": r.label, "unit": r.unit, "arms": [plain(dict(arm)) for arm in r.arms]}
                for r in self.rows
            ],
            "differences": [
                plain({name: getattr(d, name) for name in Difference.__dataclass_fields__}) for d in self.differences
            ],
            "approval": [[dict(entry) for entry in arm] for arm in self.standing],
            "monitoring": list(self.monitoring),
            "untested": list(self.untested),
            "runs": [result.to_dict() for result in self.results],
        }

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as valid JSON."""
        import json

        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)


def _short(number: Any) -> str:
    return f"{number:.3g}" if isinstance(number, int | float) else escape(str(number)) if number is not None else "-"


def compare(*arms: str | Scenario, progress: Callable[[float], None] | None = None, **options: Any) -> Comparison:
    """Run up to six scenarios in the same people.

    arms : words or `Scenario`s; options as in `scenario`, for every arm given in words. All arms are looked at over the
    longest of their horizons. progress : told the share done. Raises UsageError for no arm, too many, or arms with different people.
    """
    if not 1 <= len(arms) <= MOST_ARMS:
        raise UsageError(
            f"{len(arms)} scenarios cannot be compared",
            where="compare",
            allowed=f"1 to {MOST_ARMS} scenarios",
            fix='ketasim compare "ketamine iv 0.5 mg/kg over 40 min" "esketamine nasal 84 mg"',
        )
    for arm in arms:
        if not isinstance(arm, str | Scenario):
            raise UsageError(
                f"{type(arm).__name__} is no scenario",
                where="compare",
                allowed="words or Scenarios, one argument each",
                fix='ketasim.compare("ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg")',
            )
    asked = [arm if isinstance(arm, Scenario) else scenario(arm, **options) for arm in arms]
    if len({(a.people, a.seed, a.traits) for a in asked}) > 1:
        raise UsageError(
            "the arms have different people", where="compare", allowed="the same people, seed and traits in every arm"
        )
    days = max([a.end_h for a in asked] + [LAST_LOOK_H]) / 24.0
    results = []
    for number, one in enumerate(asked):
        results.append(run(one.but(days=days)))
        if progress:
            progress((number + 1) / len(asked))
    masked = [r if r.scenario.masked else run(r.scenario.but(masked=True, people=0)) for r in results]
    rows = _rows(results, masked)
    return Comparison(
        results=tuple(results),
        rows=rows,
        differences=_differences(results),
        standing=tuple(_standing(result) for result in results),
        monitoring=tuple(_route(result).monitoring or "not named in the catalogue" for result in results),
        masked=tuple(masked),
        untested=_untested(masked),
    )


def drug_alone(masked: Result, look: str) -> Mapping[str, Any]:
    """The effect of the drug itself at a look ("24 h", "7 d"): typical person, and 5th and 95th percentile over the posterior (`model_low`,
    `model_high`); None everywhere where the run has no such look. No spread between people: it is no wider without noticing."""
    found = masked.summary["mood"].get(look)
    one = found["madrs.effect"] if found else {}
    keys = ("typical", "model_low", "model_high")
    return {key: one.get(key) for key in keys} | {"median": None, "low": None, "high": None}


def _untested(masked: Sequence[Result]) -> tuple[str, ...]:
    """What has to be said of every arm whose benefit is not known and which the model puts above the usual infusion, drug for drug (masked)."""
    reasons = [not_known(r.scenario) for r in masked]
    if not any(reasons):
        return ("",) * len(masked)
    first = masked[0].scenario
    infusion = run(scenario(INFUSION, people=0, draws=0, masked=True, setting=first.setting).but(traits=first.traits))
    least = float(drug_alone(infusion, MASKED_LOOK)["typical"])
    found = []
    for reason, result in zip(reasons, masked, strict=True):
        own = drug_alone(result, MASKED_LOOK)["typical"]
        above = bool(reason) and own is not None and own < least
        found.append(
            f"nobody has tested it: the model puts {result.scenario.title} above one infusion of 0.5 mg/kg at {MASKED_LOOK} (masked), but {reason}"
            if above
            else ""
        )
    return tuple(found)


def _route(result: Result) -> Route:
    return result.scenario.regimen.main.blocks[0].dose.way


def _standing(result: Result) -> tuple[Mapping[str, str], ...]:
    found = _route(result).approval
    if not found:
        return ({"jurisdiction": "all", "status": "not approved anywhere known to the catalogue", "use": ""},)
    return tuple({"jurisdiction": a.jurisdiction, "status": a.status, "use": a.use} for a in found)


def exposed_to(result: Result) -> str:
    """The output that says how much of the drug is in the blood."""
    for name in LEVELS:
        if name in result.grid_values and np.nanmax(result.grid_values[name], initial=0.0) > 0:
            return name
    return LEVELS[0]


def time_above(course: Course, limit: float) -> tuple[float, Array]:
    """Hours above `limit`, for the typical person and each other one; crossings by straight lines between times."""

    def hours(row: Array) -> float:
        first, last, step = row[:-1] - limit, row[1:] - limit, np.diff(course.time_h)
        size = np.abs(first) + np.abs(last)
        part = np.where(size > 0, np.maximum(first, 0.0) + np.maximum(last, 0.0), 0.0) / np.where(size > 0, size, 1.0)
        return float((part * step).sum())

    return hours(course.typical), np.array([hours(row) for row in course.people])


def _rows(results: Sequence[Result], masked: Sequence[Result]) -> tuple[Row, ...]:
    rules = values("clinic")
    rows = [
        Row(
            "onset",
            f"Onset (effect of {rules['onset_points'].value:g} MADRS points)",
            "h",
            tuple(r.summary["onset_h"] for r in results),
        ),
        Row(
            "duration",
            f"Time with an effect of {rules['onset_points'].value:g} MADRS points or more",
            "d",
            tuple(map(_duration, results)),
        ),
        Row(
            "bioavailability",
            "Bioavailability, relative to the same dose intravenously",
            "1",
            tuple(bioavailability(r, exposed_to(r)) for r in results),
        ),
        Row(
            "exposure",
            "Exposure (AUC, first 24 h)",
            "h*ng/mL",
            tuple(exposure(r.fine(exposed_to(r)))["first_24_h"] | {"of": exposed_to(r)} for r in results),
        ),
        Row(
            "exposure_whole",
            "Exposure (AUC, whole run)",
            "h*ng/mL",
            tuple(exposure(r.fine(exposed_to(r)))["whole_run"] | {"of": exposed_to(r)} for r in results),
        ),
        _peaks(results, "venous_peak", "Peak, venous plasma", lambda r: exposed_to(r)),
        _peaks(
            results, "arterial_peak", "Peak, arterial plasma", lambda r: exposed_to(r).replace("plasma.", "arterial.")
        ),
        _peaks(
            results,
            "occupancy_peak",
            f"Peak NMDA occupancy, {output('nmda.occupancy').caveat}",
            lambda r: "nmda.occupancy",
        ),
        _above(
            results,
            "time_above_occupancy",
            f"Time above an NMDA occupancy of {100 * rules['compare_occupancy'].value:g} %, {output('nmda.occupancy').caveat}",
            "nmda.occupancy",
            rules["compare_occupancy"].value,
        ),
        _above(
            results,
            "time_above_cadss",
            f"Time with dissociation (CADSS above {rules['clinic_cadss_limit'].value:g})",
            "cadss",
            rules["clinic_cadss_limit"].value,
        ),
    ]
    for name in ("24 h", "7 d"):
        for key, label in (("madrs.change", "MADRS change"), ("madrs.effect", "MADRS effect beyond placebo")):
            rows.append(
                Row(f"{key}@{name}", f"{label} at {name}", "points", tuple(_look(r, name, key) for r in results))
            )
        label = f"MADRS effect of the drug itself (masked) at {name}"
        rows.append(Row(f"masked_effect@{name}", label, "points", tuple(drug_alone(m, name) for m in masked)))
        rows.append(Row(f"response@{name}", f"Responders at {name}", "1", tuple(_response(r, name) for r in results)))
    rows += [
        Row(
            "lowest_effect",
            "Largest MADRS effect beyond placebo",
            "points",
            tuple(lowest(r.fine("madrs.effect")) for r in results),
        ),
        _peaks(results, "cadss_peak", "Peak dissociation (CADSS)", lambda r: "cadss"),
        Row("sbp_rise", "Peak rise in systolic pressure", "mmHg", tuple(r.summary["sbp_rise_peak"] for r in results)),
        _peaks(results, "nausea_peak", "Peak probability of nausea", lambda r: "nausea"),
        Row("time_in_clinic", "Time in clinic", "h", tuple(r.summary["time_in_clinic_h"] for r in results)),
    ]
    return tuple(rows)


def _peaks(results: Sequence[Result], name: str, label: str, of: Callable[[Result], str]) -> Row:
    found = [peak(r.fine(of(r))) for r in results]
    return Row(name, label, str(found[0]["unit"]), tuple(found))


def _above(results: Sequence[Result], name: str, label: str, output: str, limit: float) -> Row:
    found = []
    for result in results:
        typical, people = time_above(result.fine(output), limit)
        still = bool(result.fine(output).typical[-1] > limit)
        found.append({"typical": typical, "limit": limit, **spread(people), "cut": still})
    return Row(name, label, "h", tuple(found))


def _duration(result: Result) -> Mapping[str, Any]:
    """Days with an effect beyond the onset threshold within the run; `share_still` of the people have it at its end; cut : so has the
    typical person, whose days are then at least so many."""
    limit = values("clinic")["onset_points"].value
    effect = result.fine("madrs.effect")
    typical, people = time_above(replace(effect, typical=-effect.typical, people=-effect.people), limit)
    still = float((effect.people[:, -1] <= -limit).mean()) if effect.people.size else None
    return {
        "typical": typical / 24.0,
        **spread(people / 24.0),
        "run_d": float(result.grid_h[-1]) / 24.0,
        "share_still": still,
        "cut": bool(effect.typical[-1] <= -limit),
    }


def _look(result: Result, name: str, key: str) -> Mapping[str, Any]:
    look = result.summary["mood"].get(name)
    return look[key] if look else {"typical": None, **spread(np.zeros(0))}


def _response(result: Result, name: str) -> Mapping[str, Any]:
    look = result.summary["mood"].get(name)
    found = look["response"] if look else {"share": None, "low": None, "high": None}
    return {"typical": None, "median": found["share"], "low": found["low"], "high": found["high"]}


DIFFERENCES = (
    ("madrs.change@24 h", "MADRS change at 24 h", "points", "madrs.change", 24.0),
    ("madrs.change@7 d", "MADRS change at 7 d", "points", "madrs.change", 168.0),
    ("cadss_peak", "Peak dissociation (CADSS)", "points", "cadss", None),
    ("sbp_peak", "Peak systolic pressure", "mmHg", "sbp", None),
)


def _differences(results: Sequence[Result]) -> tuple[Difference, ...]:
    first, found = results[0], []
    for arm, result in enumerate(results[1:], start=1):
        for name, label, unit, key, hour in DIFFERENCES:
            own, reference = _numbers(result, key, hour), _numbers(first, key, hour)
            change = own - reference
            s = spread(change[1:])
            typical = float(change[0]) if np.isfinite(change[0]) else None
            found.append(Difference(name, label, unit, arm, typical, s["median"], s["low"], s["high"]))
    return tuple(found)


def _numbers(result: Result, key: str, hour: float | None) -> Array:
    """One number per person, the typical one first: the value at that hour, or the highest."""
    rows = result.grid_values[key]
    if hour is None:
        return np.asarray(rows.max(axis=1))
    return np.asarray(rows[:, int(np.argmin(np.abs(result.grid_h - hour)))])
