"""Figures a paper could print: the chain from blood to mood for one run, or arms side by side."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from ketasim.core import output
from ketasim.scenario.compare import Comparison
from ketasim.scenario.result import Course, Result

from . import style
from .files import check_writable, write_whole

ENDINGS = (".png", ".svg", ".pdf")
DPI = 200
SESSION_H = 4.0
WEEK_H = 168.0
MOST_IN_LEGEND = 5


def draw(result: Result, path: str | None = None) -> Any:
    """The whole chain of one run on six panels: plasma, occupancy, glutamate and synapses, spines, mood, body.

    path : written there (.png, .svg or .pdf) and returned as a Path; None gives the matplotlib figure.
    """
    place = check_writable(path, ENDINGS) if path else None
    plt = _pyplot()
    figure, axes = plt.subplots(3, 2, figsize=(9.2, 9.6), layout="constrained")
    (blood, occupancy), (circuit, spines), (mood, body) = axes
    _blood(blood, result)
    _bands(occupancy, result, ("nmda.occupancy",), "NMDA receptors occupied", "share", SESSION_H)
    _circuit(circuit, result)
    _bands(spines, result, ("spines",), "Spines regained", "share of the lost ones", None)
    _mood(mood, result)
    _body(body, result)
    _dress(figure, result.scenario.title, result.caption())
    return _finish(plt, figure, place)


def draw_comparison(found: Comparison, path: str | None = None) -> Any:
    """Arms side by side: venous level, occupancy, mood, dissociation; one colour and dash per arm."""
    place = check_writable(path, ENDINGS) if path else None
    plt = _pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(9.2, 7.2), layout="constrained")
    panels = (
        ("plasma.ketamine", "Ketamine in the arm vein", SESSION_H), ("nmda.occupancy", "NMDA receptors occupied", SESSION_H),
        ("madrs.change", "MADRS change from baseline", None), ("cadss", "Dissociation (detached feeling), CADSS", SESSION_H),
    )  # fmt: skip
    for axis, (name, title, until) in zip(axes.flat, panels, strict=True):
        unit = output(name).unit
        for number, result in enumerate(found.results):
            course = result.fine(name)
            _band(axis, course, until, style.arm(number))
            axis.plot(*_window(course, course.typical, until), label="ABCDEF"[number], **style.arm(number))
        axis.set_title(f"{title} [{unit}]" if unit != "1" else f"{title} [share]")
        _time_axis(axis, until)
        axis.legend(loc="best", ncols=min(len(found.results), 3))
    arms = "\n".join(f"{'ABCDEF'[i]}  {arm}" for i, arm in enumerate(found.arms))
    _dress(figure, arms, found.results[0].caption())
    return _finish(plt, figure, place)


# panels -----------------------------------------------------------------------------------------------------------


def _blood(axis: Any, result: Result) -> None:
    lines = (
        ("plasma.s_ketamine", "s", "S-ketamine"), ("plasma.r_ketamine", "r", "R-ketamine"),
        ("plasma.norketamine", "nk", "norketamine"), ("plasma.hnk", "hnk", "HNK"), ("plasma.compound", "s", "compound"),
    )  # fmt: skip
    until = SESSION_H if result.grid_h[-1] > SESSION_H else None
    for name, key, label in lines:
        if name in result.grid_values and np.nanmax(result.grid_values[name]) > 0:
            course = result.fine(name)
            _band(axis, course, until, style.line(key))
            axis.plot(*_window(course, course.typical, until), label=label, **style.line(key))
    axis.set_title("Plasma, arm vein [ng/mL]")
    _time_axis(axis, until)
    if axis.lines:
        axis.legend(loc="upper right")


def _bands(axis: Any, result: Result, names: tuple[str, ...], title: str, unit: str, until: float | None) -> None:
    for name in names:
        course = result.fine(name)
        _band(axis, course, until, style.line("s"))
        axis.plot(*_window(course, course.typical, until), **style.line("s"))
    axis.set_title(f"{title} [{unit}]")
    axis.set_ylim(bottom=0)
    _time_axis(axis, until)


def _circuit(axis: Any, result: Result) -> None:
    for name, key, label in (("glutamate", "s", "glutamate"), ("bdnf", "hnk", "BDNF")):
        course = result.fine(name)
        _band(axis, course, 12.0, style.line(key))
        axis.plot(*_window(course, course.typical, 12.0), label=label, **style.line(key))
    axis.set_title("Glutamate and BDNF [undosed = 1]")
    axis.legend(loc="upper right")
    _time_axis(axis, 12.0)


def _mood(axis: Any, result: Result) -> None:
    change, effect = result.fine("madrs.change"), result.fine("madrs.effect")
    _band(axis, change, None, style.line("s"))
    axis.plot(*_window(change, change.typical, None), label="change from baseline", **style.line("s"))
    axis.plot(*_window(change, change.typical - effect.typical, None), label="the same under placebo", **style.line("placebo"))
    axis.axhline(0, color=style.QUIET, linewidth=0.8)
    axis.set_title("MADRS, change from baseline [points]")
    axis.legend(loc="best")
    _time_axis(axis, None)
    _ticks_at_doses(axis, result)


def _body(axis: Any, result: Result) -> None:
    cadss, pressure = result.fine("cadss"), result.fine("sbp")
    _band(axis, cadss, SESSION_H, style.line("s"))
    axis.plot(*_window(cadss, cadss.typical, SESSION_H), label="dissociation, CADSS [points]", **style.line("s"))
    rise = Course(pressure.name, pressure.unit, "", pressure.time_h, pressure.typical - pressure.typical[0],
                  pressure.people - pressure.people[:, :1])  # fmt: skip
    _band(axis, rise, SESSION_H, style.line("r"))
    axis.plot(*_window(rise, rise.typical, SESSION_H), label="systolic pressure, rise [mmHg]", **style.line("r"))
    axis.set_title("Dissociation [CADSS points] and systolic rise [mmHg]")
    axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
    axis.legend(loc="upper right")
    _time_axis(axis, SESSION_H)


# parts ------------------------------------------------------------------------------------------------------------


def _window(course: Course, rows: np.ndarray, until: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Times (h in a session or the first half day, days in a course) and values of the window."""
    inside = course.time_h <= (until if until is not None else np.inf)
    scale = 1.0 if until is not None else 24.0
    return course.time_h[inside] / scale, rows[inside]


def _band(axis: Any, course: Course, until: float | None, keywords: dict[str, Any]) -> None:
    """5th to 95th percentile between people: a tint with thin edges; nothing for a single person."""
    if course.count < 2:
        return
    times, low = _window(course, course.low, until)
    _, high = _window(course, course.high, until)
    axis.fill_between(times, low, high, color=keywords["color"], alpha=style.TINT, linewidth=0)
    for edge in (low, high):
        axis.plot(times, edge, color=keywords["color"], linewidth=0.4, alpha=0.7)


def _time_axis(axis: Any, until: float | None) -> None:
    axis.set_xlabel("hours from the first dose" if until is not None else "days from the first dose")
    axis.margins(x=0.01)


def _ticks_at_doses(axis: Any, result: Result) -> None:
    """Small marks at the foot of the panel, one per main dose."""
    low = axis.get_ylim()[0]
    axis.plot(np.asarray(result.doses_h) / 24.0, np.full(len(result.doses_h), low), "^", color=style.INK, markersize=4, clip_on=False)
    axis.set_ylim(bottom=low)


def _dress(figure: Any, title: str, caption: str) -> None:
    figure.suptitle("\n".join(textwrap.wrap(title, 100, replace_whitespace=False)), x=0.01, ha="left", fontsize=11)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 140)), x=0.01, ha="left", fontsize=7.5, color=style.QUIET)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(style.RC)
    return plt


def _finish(plt: Any, figure: Any, place: Any) -> Any:
    if place is None:
        return figure
    # a fixed date: the same run gives the same file
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(place.suffix.lower())
    try:
        return write_whole(place, lambda to: figure.savefig(to, dpi=DPI, metadata=metadata))
    finally:
        plt.close(figure)
