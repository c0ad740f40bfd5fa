"""Arms of pharmacokinetic studies: from doses to curves of the plasma stage, and from curves to published quantities.

Only the plasma stage is composed (its kinetics do not depend on any other stage); people are rows of parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ketasim.chain.compose import Composition, compose
from ketasim.core import KetasimError, drug, knowledge_path, read_toml, unknown_name
from ketasim.core.arrays import Array
from ketasim.forward import SMOOTH, Forward, Given, Tolerance, molar_mass, parts_needed
from ketasim.stages.plasma.stage import STAGE, administrations

# What is read from a curve: name in the targets -> (ports added up, where the molar mass is).
OUTPUTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "ketamine": (("s_ketamine_venous", "r_ketamine_venous"), "drug:ketamine"),
    "arterial": (("s_ketamine_arterial", "r_ketamine_arterial"), "drug:ketamine"),
    "norketamine": (("s_norketamine", "r_norketamine"), "molar_mass_norketamine"),
    "arterial_norketamine": (("s_norketamine_arterial", "r_norketamine_arterial"), "molar_mass_norketamine"),
    "equivalents": (("s_ketamine_venous", "r_ketamine_venous", "s_norketamine", "r_norketamine"), "drug:ketamine"),
    "hnk": (("s_hnk", "r_hnk"), "drug:hnk"),
    "dhnk": (("s_dhnk", "r_dhnk"), "molar_mass_dehydronorketamine"),
}


SHARP = 4.0  # a change of slope this many times its neighbours' is a corner


@dataclass(frozen=True, slots=True)
class Arm:
    """What was given in one arm, and until when it was followed (h after the first dose of the main drug)."""

    name: str
    events: tuple[Given, ...]
    until: float
    given: float
    last_dose: float

    @property
    def parts(self) -> tuple[str, ...]:
        """Every word the composition needs."""
        return tuple(sorted(parts_needed(self.events)))


def settings() -> Mapping[str, Any]:
    """knowledge/fits/plasma.toml: arms, priors, targets."""
    return read_toml(knowledge_path() / "fits" / "plasma.toml")


def _events(dose: Mapping[str, Any]) -> list[Given]:
    entry = drug(dose["drug"])
    amount, unit = (dose["mg"], "mg") if "mg" in dose else (dose["amount"], dose["unit"])
    found = []
    for part, umol in entry.part_amounts(amount, unit).items():
        what = administrations(
            part,
            dose["route"],
            dose.get("over", 0.0),
            dose.get("device", 0),
            formulation=dose.get("formulation", ""),
        )
        found.append(Given(dose.get("at", 0.0), umol, what))
    return found


@cache
def arm(name: str) -> Arm:
    """The arm of that name in knowledge/fits/plasma.toml."""
    arms = settings()["arms"]
    if name not in arms:
        raise unknown_name("arm", name, arms)
    table = arms[name]
    events = [event for dose in table["doses"] for event in _events(dose)]
    given = float(sum(np.sum(event.amount) for event in events))
    last = max(event.time_h for event in events)
    before = table.get("before")
    if before:
        for index in range(before["count"]):
            dose = {"drug": before["drug"], "amount": before["amount"], "unit": before["unit"], "route": "oral"}
            events += _events({**dose, "at": before["from"] + index * before["every"]})
    return Arm(name, tuple(sorted(events, key=lambda event: event.time_h)), float(table["until"]), given, last)


def grid(until: float, events: Sequence[Given]) -> Array:
    """Output times: every 1.5 min for 3 h after a dose of the main drug, coarser later; every dose time included."""
    pieces = [
        np.arange(0.0, 3.0, 0.025),
        np.arange(3.0, 8.0, 0.1),
        np.arange(8.0, 24.0, 0.5),
        np.arange(24.0, until + 2.0, 2.0),
    ]
    relative = np.concatenate(pieces)
    starts = sorted({event.time_h for event in events if event.time_h > 0})
    times = [relative, *(start + relative[relative <= 3.0] for start in starts), [until]]
    stops = [
        event.time_h + window.start + window.duration for event in events for window in event.administration.windows
    ]
    merged = np.unique(np.round(np.concatenate([*times, stops]), 9))
    return merged[(merged >= 0.0) & (merged <= until)]


@lru_cache(maxsize=256)
def composition(parts: tuple[str, ...], variants: tuple[str, ...] = ()) -> Composition:
    """The plasma stage alone, for these parts; `variants` replace its default ones."""
    return compose(parts, variants={"plasma": variants} if variants else None, stages=[STAGE])


@dataclass(frozen=True, slots=True)
class Curves:
    """Courses of one arm: times (T,), values (P, T) per output in ng/mL."""

    arm: Arm
    times: Array
    levels: Mapping[str, Array]


class Bench:
    """The arms in rows of people; `names` are the values that vary between the rows."""

    def __init__(self, names: Sequence[str] = (), tolerance: Tolerance = SMOOTH, variants: Sequence[str] = ()) -> None:
        self.names, self.tolerance, self.variants = tuple(names), tolerance, tuple(variants)

    def curves(self, which: Arm, table: Array | None = None) -> Curves:
        """Courses of one arm for each row of `table` (P, len(names)); without a table, for the typical person."""
        made = Forward(composition(which.parts, self.variants), which.events)
        people = 1 if table is None else len(np.atleast_2d(table))
        varying = {} if table is None else dict(zip(self.names, np.atleast_2d(table).T, strict=True))
        times = grid(which.until, which.events)
        plan = made.schedule(varying, min([0.0, *(event.time_h for event in which.events)]), which.until)
        ports = tuple(dict.fromkeys(port for wanted, _ in OUTPUTS.values() for port in wanted))
        found = made.run([plan], varying, people, times, ports, replaceable=self.names, tolerance=self.tolerance)
        if found.status.any():
            reason = next(r for r in found.reasons[0] if r)
            raise KetasimError(f"arm {which.name} cannot be simulated", where=str(reason))
        levels = {}
        for name, (ports_of, mass) in OUTPUTS.items():
            moles = np.sum([found.table[port] for port in ports_of if port in made.composition.outputs], axis=0)
            levels[name] = np.broadcast_to(moles * molar_mass(mass), (people, len(times)))
        return Curves(which, found.times, levels)


def auc(times: Array, levels: Array) -> Array:
    """Area under each curve by the linear trapezoid on the dense grid: AUC = sum (c1 + c2)/2 * dt."""
    return np.asarray(np.trapezoid(levels, times, axis=1))


def peak_time(times: Array, levels: Array) -> Array:
    """Time of the peak (P,) in h, between the output times, so that it moves smoothly with the parameters.

    Top of the quartic through the highest point and two neighbours on each side; where the slope breaks there (the end of
    an infusion or of a release) the peak is that point itself.
    """
    found = np.asarray(times[levels.argmax(axis=1)], dtype=float)
    for person, row in enumerate(levels):
        top = int(row.argmax())
        if not 2 <= top < len(times) - 2:
            continue
        near, heights = times[top - 2 : top + 3], row[top - 2 : top + 3] / row[top]
        slopes = np.diff(heights) / np.diff(near)
        turn = slopes[1] - slopes[2]
        if turn <= 0.0 or turn > SHARP * max(slopes[0] - slopes[1], slopes[2] - slopes[3]):
            continue
        curve = np.polynomial.Polynomial.fit(near, heights, 4)
        roots = curve.deriv().roots()
        real = roots.real[(abs(roots.imag) < 1e-9) & (roots.real > near[1]) & (roots.real < near[3])]
        if len(real):
            found[person] = real[np.argmin(abs(real - near[2]))]
    return found


def _infinite(curves: Curves, output: str) -> tuple[Array, Array]:
    """AUC and first moment to infinity, tail extrapolated with the slope of the last 24 h."""
    times, levels = curves.times, curves.levels[output]
    slope = _slope(curves, output, times[-1] - 24.0, times[-1])
    tail = levels[:, -1] / slope
    area = auc(times, levels) + tail
    moment = auc(times, levels * times) + tail * (times[-1] + 1.0 / slope)
    return area, moment


def _slope(curves: Curves, output: str, start: float, stop: float) -> Array:
    first, last = (int(np.argmin(np.abs(curves.times - edge))) for edge in (start, stop))
    ratio = np.log(curves.levels[output][:, first] / curves.levels[output][:, last])
    return np.asarray(ratio / (curves.times[last] - curves.times[first]))


def _mass_per_umol() -> float:
    return molar_mass("drug:ketamine")


def statistic(name: str, curves: Curves, output: str, time: float = 0.0, against: Curves | None = None) -> Array:
    """A published quantity (P,) from simulated curves.

    at, cmax, tmax, tmax_after_last_device, auc (to the end of observation), half_life (slope from 24 to 48 h),
    clearance = dose/AUC, volume_steady = clearance * mean residence time (infusion time taken off), bioavailability
    and every ratio need `against`. Units: ng/mL, ng*h/mL, h, L/h, L.
    """
    times, levels = curves.times, curves.levels[output]
    if name == "bioavailability":
        assert against is not None
        own, other = _infinite(curves, output)[0], _infinite(against, output)[0]
        return own / curves.arm.given / (other / against.arm.given)
    if name == "clearance_ratio":
        assert against is not None
        return statistic("clearance", curves, output) / statistic("clearance", against, output)
    if name == "auc_per_dose":
        assert against is not None
        own, other = auc(times, levels) / curves.arm.given, auc(against.times, against.levels[output])
        return np.asarray(own / (other / against.arm.given))
    if against is not None:
        return statistic(name, curves, output, time) / statistic(name, against, output, time)
    if name == "at":
        return np.array([np.interp(time, times, row) for row in levels])
    if name == "cmax":
        return np.asarray(levels.max(axis=1))
    if name == "tmax":
        return peak_time(times, levels)
    if name == "tmax_after_last_device":
        return peak_time(times, levels) - curves.arm.last_dose
    if name == "auc":
        return auc(times, levels)
    if name == "half_life":
        return np.asarray(np.log(2.0) / _slope(curves, output, 24.0, 48.0))
    if name in ("clearance", "volume_steady"):
        area, moment = _infinite(curves, output)
        clearance = curves.arm.given * _mass_per_umol() / area
        if name == "clearance":
            return clearance
        infusion = max(window.duration for event in curves.arm.events for window in event.administration.windows)
        return clearance * (moment / area - infusion / 2.0)
    raise unknown_name(
        "statistic", name, ("at", "cmax", "tmax", "auc", "half_life", "clearance", "volume_steady", "bioavailability")
    )
