"""A printable table of every single dose."""

from __future__ import annotations

import math

from .course import CoMedication, Course, Dose, line_text
from .expand import ScheduledDose, devices, scheduled, warnings
from .quantities import duration_text, number_text, shown

MINUTES_PER_DAY = 24 * 60
_HEAD = ("dose", "day", "time", "t, h", "drug", "route", "asked", "mg base", "umol", "given as")


def clock(time_h: float) -> tuple[str, str]:
    """(day, hh:mm) of a time in h; day 0 starts with the main drug's first dose, earlier days are negative."""
    minutes = math.floor(time_h * 60 + 0.5)
    day, rest = divmod(minutes, MINUTES_PER_DAY)
    return str(day), f"{rest // 60:02d}:{rest % 60:02d}"


def given_as(dose: Dose, weight: float | None) -> str:
    """How the dose is given: its devices, its drip, or at once."""
    count = devices(dose, weight)
    if count:
        mass = dose.way.device_mass or 0.0
        total = float(dose.base(weight))
        parts = [mass] * (count - 1) + [total - mass * (count - 1)]
        spacing = f", {shown(dose.way.device_spacing or 0.0)} apart" if count > 1 else ""
        return " + ".join(_short(part) for part in parts) + f" mg{spacing}"
    if dose.form == "infusion":
        known = dose.amount is not None and not (dose.amount.per_kg and weight is None)
        total = float(dose.base(weight)) if known else 0.0
        unit = dose.amount.absolute_unit if dose.amount is not None else "mg"
        rate = f" ({_short(total / dose.duration_h)} {unit}/h)" if total and dose.duration_h else ""
        return f"over {duration_text(dose.duration_h)}{rate}"
    if dose.form == "bolus":
        return f"bolus ({shown(dose.duration_h)})"
    return dose.formulation or "at once"


def _short(value: float) -> str:
    return number_text(float(f"{value:.4g}"))


def preview(
    main: Course, beside: tuple[CoMedication, ...], weight: float | None = None, horizon_h: float | None = None
) -> str:
    """Every single dose before the horizon (h), one line each, for a person of that weight (kg)."""
    rows = [_HEAD, *(_row(row, weight) for row in scheduled(main, beside, horizon_h))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    right = {0, 1, 3, 7, 8}
    lines = [
        "  ".join(cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip()
        for row in rows
    ]
    return "\n".join(
        [line_text(main, beside), *lines, *(f"note: {note}" for note in warnings(main, beside, horizon_h))]
    )


def _row(row: ScheduledDose, weight: float | None) -> tuple[str, ...]:
    dose = row.dose
    day, time = clock(row.time_h)
    base = float(dose.base(weight))
    asked = str(dose.amount) if dose.amount is not None else "-"
    unit = dose.amount.absolute_unit if dose.amount is not None else "mg"
    moles = dose.entry.micromoles(base, unit) if dose.amount is not None else 0.0
    mass = _short(base) if unit == "mg" else f"{_short(base)} {unit}"
    return (
        str(row.index + 1),
        day,
        time,
        number_text(round(row.time_h, 4)),
        dose.drug,
        dose.route,
        asked,
        mass,
        _short(moles),
        given_as(dose, weight),
    )
