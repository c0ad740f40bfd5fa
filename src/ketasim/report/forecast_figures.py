"""Figures of a forecast: the options as small panels with their placebo figure; own data as a visual predictive check."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import style
from .figures import ENDINGS, dress, finish, page
from .files import check_writable

WIDTH = 44
NORMAL_95 = 1.96


def draw_forecast(found: Mapping[str, Any], path: str | Path) -> Any:
    """One panel an option: MADRS ahead with its 80 and 90 % bands, and the middle under placebo; an option outside the evidence is hatched and named."""
    place = check_writable(path, ENDINGS)
    options = found["options"]
    rows = (len(options) + 1) // 2
    with page(rows, 2, (9.2, 3.1 * rows + 0.6), False) as (figure, axes):
        for axis, option in zip(axes.flat, options, strict=False):
            _option(axis, option)
        for axis in list(axes.flat)[len(options) :]:
            axis.set_axis_off()
        caption = (
            "Lines: middle; bands: 80 and 90 % of people like this one. Dashed: the same person in the same sessions without the drug. "
            + found["notice"]
            + " "
            + found.get("crisis", "")
        )
        dress(figure, [f"Forecast from day {found['start_day']:g} on, setting {found['setting']}"], caption)
        return finish(figure, place)


def _option(axis: Any, option: Mapping[str, Any]) -> None:
    course = option["outputs"]["madrs"]
    days = course["days"]
    look = style.line("s")
    if option["not_known"]:
        axis.fill_between(
            days, course["low"], course["high"], facecolor="none", edgecolor=style.QUIET, hatch="///", linewidth=0.0
        )
        axis.text(
            0.5,
            0.5,
            "not known:\n" + "\n".join(textwrap.wrap(option["not_known"], WIDTH)),
            transform=axis.transAxes,
            ha="center",
            va="center",
        )
    else:
        for low, high in (("low", "high"), ("low80", "high80")):
            axis.fill_between(days, course[low], course[high], color=look["color"], alpha=style.TINT, linewidth=0)
        axis.plot(days, course["median"], **look)
        other = option["outputs"].get("madrs.placebo")
        if other:
            axis.plot(days, other["median"], color=style.INK, linewidth=1.0, linestyle=(0, (5, 3)))
    axis.set_title("\n".join(textwrap.wrap(option["words"], WIDTH)))
    axis.set_ylim(0, 60)
    axis.set_xlabel("days from the start of the options")
    axis.set_ylabel("MADRS [points]")


def draw_overlay(plain: Mapping[str, Any], path: str | Path) -> Any:
    """One row an analyte or score: visual predictive check, the prediction-corrected one, and the NPDE over time with the band of 95 % of a standard normal."""
    place = check_writable(path, ENDINGS)
    names = list(plain["outputs"])
    with page(len(names), 3, (11.0, 3.2 * len(names) + 0.8), False) as (figure, found):
        axes = np.asarray(found).reshape(len(names), 3)
        for row, name in enumerate(names):
            values = [v for v in plain["values"] if v["name"] == name]
            unit = "points" if name == "MADRS" else "ng/mL"
            entry = plain["outputs"][name]
            _checked(axes[row, 0], f"{name}: VPC", [(v["time_h"], v["value"]) for v in values], entry["vpc"], unit)
            _checked(
                axes[row, 1],
                "prediction-corrected (pcVPC)",
                [(v["time_h"], v["corrected"]) for v in values],
                entry["pcvpc"],
                unit,
            )
            _errors(axes[row, 2], values)
        dress(
            figure,
            ["Own data beside the model"],
            "Points: values; lines: their 5th, 50th and 95th percentile; bands: the same percentiles of simulated data sets, 90 %. "
            "NPDE: 95 % lie within the dotted lines where the model is right.",
        )
        return finish(figure, place)


def _checked(
    axis: Any, title: str, points: Sequence[tuple[float, float]], bins: Sequence[Mapping[str, Any]], unit: str
) -> None:
    axis.plot(*zip(*points, strict=True), "o", markersize=3, color=style.QUIET)
    middle = np.array([(b["from_h"] + b["to_h"]) / 2 for b in bins])
    for i, key in enumerate(("r", "s", "r")):
        if len(bins) > 1:
            look = style.line(key)
            band = np.array([b["simulated_90"][i] for b in bins])
            axis.fill_between(middle, band[:, 0], band[:, 1], color=look["color"], alpha=style.TINT, linewidth=0)
            axis.plot(middle, [b["observed"][i] for b in bins], **look)
    axis.set_title(title)
    axis.set_xlabel("time [h]")
    axis.set_ylabel(unit)


def _errors(axis: Any, values: Sequence[Mapping[str, Any]]) -> None:
    shown = [(v["time_h"], v["npde"]) for v in values if v["npde"] is not None]
    if shown:
        axis.plot(*zip(*shown, strict=True), "o", markersize=3, color=style.QUIET)
    axis.axhline(0.0, color=style.INK, linewidth=0.8)
    for edge in (-NORMAL_95, NORMAL_95):
        axis.axhline(edge, color=style.INK, linewidth=0.8, linestyle=":")
    axis.set_title("NPDE")
    axis.set_xlabel("time [h]")
    axis.set_ylabel("SD")
