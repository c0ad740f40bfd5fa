"""Published numbers over time on top of what is predicted for each of them: one panel per kind of number and of arm, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ketasim.evidence.compare.design import main_dose
from ketasim.evidence.compare.scorecard import ScoredRow
from ketasim.evidence.published.studies import studies

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 260, 46, 34, 10
TIMES_H = (0.5, 2000.0)  # ends of the logarithmic axis
TICKS = ((1.0, "1 h"), (4.0, "4 h"), (24.0, "1 d"), (72.0, "3 d"), (168.0, "7 d"), (672.0, "28 d"), (1680.0, "10 wk"))
KINDS = {
    "change_mean": ("Change of the mean score, points", -32.0, 2.0),
    "response": ("Responders, share", 0.0, 1.0),
    "remission": ("Remitters, share", 0.0, 1.0),
}
APART = 0.012  # of the width: rows at the same time stand beside each other
INK, BAND, PREDICTED, MISFIT = "#1b1f24", "#a9c6e3", "#2b5f94", "#9c1c1c"


def courses(rows: Sequence[ScoredRow]) -> str:
    """All panels that have rows."""
    found = []
    for statistic, (label, low, high) in KINDS.items():
        for where, control in (("infusion", False), ("infusion", True), ("nasal", False), ("nasal", True)):
            mine = [
                r
                for r in rows
                if r.endpoint == "madrs"
                and r.statistic == statistic
                and r.time_h
                and not r.versus
                and _kind(r) == (where, control)
            ]
            if len(mine) > 2:
                who = (
                    f"{'nasal' if where == 'nasal' else 'intravenous and other'}, {'comparator' if control else 'drug'}"
                )
                found.append(
                    f"<figure><figcaption>{escape(label)}: {escape(who)} ({len(mine)} values)</figcaption>{_panel(mine, low, high)}</figure>"
                )
    key = "Bar: 80 % of the prediction; line: prediction; dot: published, full = fit, hollow = validate, with its own 95 % interval; red: outside sampling error and spread between studies."
    return f"<p><small>{key}</small></p><div class=courses>{''.join(found)}</div>"


def _kind(r: ScoredRow) -> tuple[str, bool]:
    arm = studies()[r.study].arms[r.arm]
    control, route = main_dose(arm.words, arm.repeat, tuple(arm.with_))
    return ("nasal" if route == "nasal" else "infusion"), control


def _panel(rows: Sequence[ScoredRow], low: float, high: float) -> str:
    span = math.log(TIMES_H[1] / TIMES_H[0])

    def x(hour: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * math.log(min(max(hour, TIMES_H[0]), TIMES_H[1]) / TIMES_H[0]) / span

    def y(v: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - min(max(v, low), high)) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="published over predicted, {len(rows)} values">'
    ]
    for hour, name in TICKS:
        parts.append(
            f'<line x1="{x(hour):.1f}" x2="{x(hour):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e6e6e6"/><text x="{x(hour):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{name}</text>'
        )
    for k in range(5):
        v = low + (high - low) * k / 4
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#efefef"/><text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.3g}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 2}" text-anchor="middle">time from the first dose</text>'
    )
    by_time: dict[float, int] = {}
    for r in sorted(rows, key=lambda r: (r.time_h or 0.0, r.predicted)):
        hour = float(r.time_h or 0.0)
        turn = by_time[hour] = by_time.get(hour, -1) + 1
        at = x(hour) + APART * WIDTH * (turn // 2 + turn % 2) * (1 if turn % 2 else -1)
        ink = INK if r.loose else MISFIT
        what = f"{r.study}, {r.arm}: published {r.observed:.3g}, predicted {r.predicted:.3g} ({r.low80:.3g} to {r.high80:.3g})"
        parts.append(
            f'<g><title>{escape(what)}</title><rect x="{at - 2:.1f}" width="4" y="{y(r.high80):.1f}" height="{max(y(r.low80) - y(r.high80), 1):.1f}" fill="{BAND}"/>'
            f'<line x1="{at - 3:.1f}" x2="{at + 3:.1f}" y1="{y(r.predicted):.1f}" y2="{y(r.predicted):.1f}" stroke="{PREDICTED}" stroke-width="2"/>'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(r.observed_low):.1f}" y2="{y(r.observed_high):.1f}" stroke="{ink}"/>'
            f'<circle cx="{at:.1f}" cy="{y(r.observed):.1f}" r="3" stroke="{ink}" fill="{ink if r.role == "fit" else "#fff"}"/></g>'
        )
    return "".join(parts) + "</svg>"
