"""Figures a paper could print: the chain from blood to mood for one run, or arms side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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
HALF_DAY_H = 12.0
LETTERS = "ABCDEF"


def draw(result: Result, path: str | None = None) -> Any:
    """The whole chain of one run on eight panels: drug, metabolites, occupancy, glutamate, spines, mood, dissociation, pressure.

    path : written there (.png, .svg or .pdf) and returned as a Path; None gives the matplotlib figure.
    """
    place = check_writable(path, ENDINGS) if path else None
    with page(4, 2, (9.2, 12.0), place is None) as (figure, axes):
        session = SESSION_H if result.grid_h[-1] > SESSION_H else None
        for axis, lines, title, until in (
            (axes[0, 0], DRUG, "Drug in venous plasma [ng/mL]", session),
            (axes[0, 1], METABOLITES, "Metabolites in plasma [ng/mL]", session),
            (
                axes[1, 0],
                (("nmda.occupancy", "s", ""),),
                f"NMDA receptors occupied [proportion]\n{output('nmda.occupancy').caveat}",
                session,
            ),
            (axes[1, 1], GLUTAMATE, "Glutamate and BDNF [undosed = 1]", HALF_DAY_H),
            (axes[2, 0], (("spines", "s", ""),), "Spines regained [proportion of the lost ones]", None),
            (axes[3, 0], (("cadss", "s", ""),), "Dissociation (detached feeling) [CADSS points]", session),
        ):
            courses_panel(axis, result, lines, title, until)
        mood_panel(axes[2, 1], result)
        _pressure(axes[3, 1], result, session)
        dress(figure, [result.scenario.title], result.caption())
        return finish(figure, place)


def draw_comparison(found: Comparison, path: str | None = None) -> Any:
    """Arms of a comparison side by side; see `draw_arms`."""
    return draw_arms(found.results, found.arms, path)


def draw_arms(results: Sequence[Result], titles: Sequence[str], path: str | None = None) -> Any:
    """Up to six runs on four panels: venous level, occupancy, mood, dissociation; one colour and dash per arm."""
    place = check_writable(path, ENDINGS) if path else None
    with page(2, 2, (9.2, 7.2), place is None) as (figure, axes):
        looks = style.arms([result.scenario.regimen.main.blocks[0].dose.drug for result in results])
        for axis, (name, title, until) in zip(axes.flat, ARM_PANELS, strict=True):
            unit = output(name).unit
            for number, result in enumerate(results):
                course = result.fine(name)
                _band(axis, course, until, looks[number], style.TINT / max(1, len(results) - 1))
                axis.plot(*_window(course, course.typical, until), label=LETTERS[number], **looks[number])
            _withheld(axis, *(result.fine(name) for result in results))
            axis.set_title(f"{title} [{unit}]" if unit != "1" else f"{title} [proportion]")
            if name != "madrs.change":
                axis.set_ylim(bottom=0)
            _time_axis(axis, until)
            axis.legend(loc="lower right" if name == "madrs.change" else "upper right", ncols=min(len(results), 3))
        dress(figure, [f"{LETTERS[i]}  {title}" for i, title in enumerate(titles)], _caption_of(results))
        return finish(figure, place)


def _caption_of(results: Sequence[Result]) -> str:
    """The caption of the first run, led by what is withheld of any arm."""
    marked = [(LETTERS[i], result.cautions()) for i, result in enumerate(results) if result.cautions()]
    own = results[0].caption().removeprefix(results[0].cautions())
    return "".join(f"{letter}: {text}" for letter, text in marked) + own


ARM_PANELS = (
    ("plasma.ketamine", "Ketamine in venous plasma", SESSION_H),
    ("nmda.occupancy", f"NMDA receptors occupied\n({output('nmda.occupancy').caveat})", SESSION_H),
    ("madrs.change", "MADRS change from baseline", None),
    ("cadss", "Dissociation (detached feeling), CADSS", SESSION_H),
)


# panels -----------------------------------------------------------------------------------------------------------


DRUG = (
    ("plasma.s_ketamine", "s", "S-ketamine"),
    ("plasma.r_ketamine", "r", "R-ketamine"),
    ("plasma.compound", "s", "compound"),
)
GLUTAMATE = (("glutamate", "s", "glutamate"), ("bdnf", "hnk", "BDNF"))
METABOLITES = (("plasma.norketamine", "nk", "norketamine"), ("plasma.hnk", "hnk", "hydroxynorketamine"))


def courses_panel(
    axis: Any, result: Result, lines: Sequence[tuple[str, str, str]], title: str, until: float | None
) -> None:
    """Typical line and band of each (output, drug key, label) that does anything in this run."""
    shown = [line for line in lines if line[0] in result.grid_values and np.nanmax(result.grid_values[line[0]]) > 0]
    for name, key, label in shown or lines[:1]:
        if name in result.grid_values:
            course = result.fine(name)
            _band(axis, course, until, style.line(key))
            axis.plot(*_window(course, course.typical, until), label=label, **style.line(key))
            _withheld(axis, course)
    axis.set_title(title)
    if not title.startswith("Glutamate"):
        axis.set_ylim(bottom=0)
    if len(shown) > 1 or (shown and shown[0][2]):
        axis.legend(loc="upper right")
    _time_axis(axis, until)


def mood_panel(axis: Any, result: Result) -> None:
    """Change of the MADRS from baseline with its band, beside the same under placebo."""
    change, effect = result.fine("madrs.change"), result.fine("madrs.effect")
    _band(axis, change, None, style.line("s"))
    axis.plot(*_window(change, change.typical, None), label="change from baseline", **style.line("s"))
    axis.plot(
        *_window(change, change.typical - effect.typical, None), label="the same under placebo", **style.line("placebo")
    )
    axis.axhline(0, color=style.QUIET, linewidth=0.8)
    _withheld(axis, change)
    axis.set_title("MADRS, change from baseline [points]")
    axis.legend(loc="lower right", ncols=2)
    axis.set_ylim(bottom=axis.get_ylim()[0] * 1.15)
    _time_axis(axis, None)
    _ticks_at_doses(axis, result)


def _pressure(axis: Any, result: Result, until: float | None) -> None:
    for name, key, label in (("sbp", "s", "systolic"), ("dbp", "r", "diastolic")):
        course = result.fine(name)
        rise = Course(
            course.name,
            course.unit,
            "",
            course.time_h,
            course.typical - course.typical[0],
            course.people - course.people[:, :1],
        )
        _band(axis, rise, until, style.line(key))
        axis.plot(*_window(rise, rise.typical, until), label=label, **style.line(key))
    _withheld(axis, result.fine("sbp"))
    axis.set_title("Blood pressure, rise above rest [mmHg]")
    axis.legend(loc="upper right")
    _time_axis(axis, until)


# parts ------------------------------------------------------------------------------------------------------------


def _window(course: Course, rows: np.ndarray, until: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Times (h in a session or the first half day, days in a course) and values of the window."""
    inside = course.time_h <= (until if until is not None else np.inf)
    scale = 1.0 if until is not None else 24.0
    return course.time_h[inside] / scale, rows[inside]


def _withheld(axis: Any, *courses: Course) -> None:
    """A note across the panel where its numbers are no prediction; of several arms, of which."""
    marked = [(LETTERS[i], course.caution) for i, course in enumerate(courses) if course.caution]
    if not marked:
        return
    who = f" ({', '.join(letter for letter, _ in marked)})" if len(courses) > 1 else ""
    axis.text(
        0.5,
        0.5,
        "\n".join(textwrap.wrap(f"Withheld{who}, no prediction: {marked[0][1]}", 46)),
        transform=axis.transAxes,
        ha="center",
        va="center",
        fontsize=8,
        zorder=10,
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": style.QUIET, "alpha": 0.9},
    )


def _band(axis: Any, course: Course, until: float | None, keywords: dict[str, Any], tint: float = style.TINT) -> None:
    """5th to 95th percentile between people: a tint with thin edges, nothing for a single person; of the typical person
    over the posterior: half the tint between dotted edges."""
    if course.model_low is not None and course.model_high is not None:
        times, model_low = _window(course, course.model_low, until)
        model_high = _window(course, course.model_high, until)[1]
        axis.fill_between(times, model_low, model_high, color=keywords["color"], alpha=tint / 2, linewidth=0)
        for edge in (model_low, model_high):
            axis.plot(times, edge, color=keywords["color"], linewidth=0.7, linestyle=(0, (1.5, 2.5)))
    if course.count < 2:
        return
    times, low = _window(course, course.low, until)
    _, high = _window(course, course.high, until)
    axis.fill_between(times, low, high, color=keywords["color"], alpha=tint, linewidth=0)
    for edge in (low, high):
        axis.plot(times, edge, color=keywords["color"], linewidth=0.4, alpha=0.7)


def _time_axis(axis: Any, until: float | None) -> None:
    axis.set_xlabel("hours from the first dose" if until is not None else "days from the first dose")
    axis.margins(x=0.01)


def _ticks_at_doses(axis: Any, result: Result) -> None:
    """Small marks at the foot of the panel, one per main dose."""
    low = axis.get_ylim()[0]
    axis.plot(
        np.asarray(result.doses_h) / 24.0,
        np.full(len(result.doses_h), low),
        "^",
        color=style.INK,
        markersize=4,
        clip_on=False,
    )
    axis.set_ylim(bottom=low)


def dress(figure: Any, title: Sequence[str], caption: str) -> None:
    """Title lines above a figure, its caption below; both broken to the width of the page."""
    lines = [part for line in title for part in textwrap.wrap(line, 100, subsequent_indent="   ")]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 165)), x=0.01, ha="left", fontsize=7.5, color=style.QUIET)


@contextmanager
def page(rows: int, columns: int, size: tuple[float, float], on_screen: bool) -> Iterator[tuple[Any, Any]]:
    """A figure and its panels in the look of `style`; pyplot, and with it the user's backend, only for the screen."""
    import matplotlib

    settings: Any = dict(style.RC)
    with matplotlib.rc_context(settings):
        if on_screen:
            import matplotlib.pyplot as plt

            figure: Any = plt.figure(figsize=size, layout="constrained")
        else:
            from matplotlib.figure import Figure

            figure = Figure(figsize=size, layout="constrained")
        figure.get_layout_engine().set(h_pad=0.1, w_pad=0.08)
        yield figure, figure.subplots(rows, columns)


def finish(figure: Any, place: Path | None) -> Any:
    """The figure, or the place it was written to; without a date, so that the same run gives the same file."""
    if place is None:
        return figure
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(place.suffix.lower())
    return write_whole(place, lambda to: figure.savefig(to, dpi=DPI, metadata=metadata))
