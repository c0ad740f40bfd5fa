"""A virtual trial for the appendix of a protocol: one self-contained HTML file, and the figure in it alone. No script, no outside address."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core import sources, value
from ketasim.core.posterior import posterior
from ketasim.core.records import NOTICE
from ketasim.trial.dropout import equation
from ketasim.trial.plan import REPORTS
from ketasim.trial.result import TrialResult, when

from . import style
from .crisis import crisis_text
from .files import check_writable, write_whole
from .trial_text import contrast_words

DPI = 200
CSS = """
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1b2026;background:#fff}
table{border-collapse:collapse;font-size:13px;margin:.5rem 0}td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #dfe3e8}
td:first-child,th:first-child{text-align:left}h2{margin-top:2rem}svg{max-width:100%;height:auto}.wrap{overflow-x:auto}
.flow{display:flex;gap:1rem;flex-wrap:wrap}.flow div{border:1px solid #5a6570;padding:.4rem .8rem}.assumed{background:#fff4d6}
"""


def write_page(result: TrialResult, path: str) -> Path:
    """Write the report; returns its place."""
    place = check_writable(path, (".html",))
    text = page(result)

    def fill(file: Path) -> None:
        file.write_text(text, encoding="utf-8")

    return write_whole(place, fill)


def write_figure(result: TrialResult, path: str) -> Path:
    """Write the figure (.png, .svg, .pdf): power, courses, one simulated trial, what blinding does."""
    place = check_writable(path, (".png", ".svg", ".pdf"))
    return write_whole(place, lambda file: _figure(result, str(file)))


def page(result: TrialResult) -> str:
    """The report as HTML."""
    d = result.design
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(d.title)}</title><style>{CSS}</style>',
        f"<h1>{escape(d.title)}</h1>",
        f"<p>{escape(NOTICE)} Simulated with Ketasim; seed {result.seed}, {result.sims} replicates in {result.worlds} worlds (hypothesis and draw of the "
        f"posterior).{' <b>Null: every arm gets the placebo of the comparator.</b>' if result.null else ''}</p>",
        "<h2>Design</h2>",
        _table(
            ("arm", "doses", "ratio"),
            [
                (
                    a.name + (" (comparator)" if a.name == d.comparator and d.compares else ""),
                    str(a.regimen()),
                    f"{a.ratio:g}",
                )
                for a in d.arms
            ],
        ),
        f"<p>{escape(d.kind)}; setting {escape(d.setting)}; {escape(d.scale)} at {', '.join(when(t / 24) for t in d.readings_h)}. "
        f"Primary: {escape(d.endpoint.measure)} at {when(d.endpoint.at_h / 24)}, {escape(d.endpoint.arm)}; {escape(d.analysis.label)}, two-sided "
        f"{d.analysis.alpha:g}. {escape(equation(d.dropout))}. {100 * d.missing:g} % of single visits missed. {_accrual(result)}</p>",
        *[f"<p>Rule at {', '.join(when(t / 24) for t in r.at_h)}: {escape(str(r))}.</p>" for r in d.rules],
        f"<p>Estimand. {escape(result.estimand)}</p>",
        "<h2>Expected result</h2>",
        f"<p>{escape(contrast_words(result.contrast, d.scale))}</p>"
        if result.contrast
        else "<p>One arm: nothing is compared.</p>",
        _power(result),
        f'<div class="wrap">{_svg(result)}</div>',
        "<h2>Expected at each visit</h2>",
        _courses(result),
        "<h2>Benefit beside harm</h2>",
        _table(
            ("arm", "CADSS peak", "systolic rise, mmHg", *REPORTS, "rise of 40 mmHg or more", "guess right"),
            [
                (
                    a.arm,
                    f"{a.harm['cadss_peak']:.1f}",
                    f"{a.harm['sbp_rise']:.1f}",
                    *(_percent(a.harm[f"share_{name}"]) for name in (*REPORTS, "sbp_rise_40")),
                    _percent(a.correct_guess),
                )
                for a in result.arms
            ],
        ),
        _blinding(result),
        "<h2>One simulated trial</h2>",
        _flow(result),
        "<h2>Assumptions and sources</h2>",
        _assumptions(result),
        "<h2>What this does not know</h2>",
        "<ul><li>The hypotheses count alike: the evidence does not say which holds.</li><li>People of the pool are drawn from the Table 1 and the "
        "model's own spread; what a table does not print is as in the model.</li><li>Sites, raters and those who leave behave as the design file says, "
        "not as a measured clinic does.</li><li>Outside the studied doses and routes the model extrapolates.</li></ul>",
        f"<p>{escape(crisis_text())}</p>",
    ]
    return "\n".join(parts)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def _accrual(result: TrialResult) -> str:
    d = result.design
    if not d.per_month:
        return "Accrual is not part of the design."
    most = max((p.n for p in result.power), default=d.n)
    months = most / d.per_month + d.end_h / 24 / 30.44
    return f"At {d.per_month:g} people a month {most} people take {months:.1f} months to the last visit."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wrap"><table><tr>{top}</tr>{body}</table></div>'


def _power(result: TrialResult) -> str:
    rows = [
        (
            str(p.n),
            f"{100 * p.power:.1f} %",
            f"{100 * p.mc_se:.1f}",
            "-" if math.isnan(p.low) else f"{100 * p.low:.0f} to {100 * p.high:.0f} %",
        )
        for p in result.power
    ]
    name = "type I error" if result.null else "power"
    return (
        _table(("randomised", name, "Monte Carlo SE", "5th to 95th percentile over hypotheses and posterior"), rows)
        if rows
        else ""
    )


def _courses(result: TrialResult) -> str:
    rows = [
        (
            f"{a.arm}, {when(v.day)}",
            f"{v.n:.1f}",
            f"{v.mean_change:+.1f} ({v.sd_change:.1f})",
            _percent(v.response),
            _percent(v.remission),
            _percent(v.dropout),
        )
        for a in result.arms
        for v in a.visits
    ]
    return _table(("arm and visit", "seen", "change (SD)", "response", "remission", "gone for good"), rows)


def _blinding(result: TrialResult) -> str:
    rows = []
    for arm, b in result.bias.items():
        for label, three in (
            ("true effect of taking it", b.true),
            ("effect the analysis finds", b.analysed),
            ("effect had nobody been able to tell", b.held),
            ("a drug that is felt and does nothing", b.inert),
        ):
            rows.append((f"{arm}: {label}", f"{three[0]:+.2f}", f"{three[1]:+.2f} to {three[2]:+.2f}"))
    return (
        "<h2>What blinding does</h2>" + _table(("", "mean", "5th to 95th percentile over worlds"), rows) if rows else ""
    )


def _flow(result: TrialResult) -> str:
    """The flow of people of the first replicate, as CONSORT draws it."""
    one = result.one
    if one is None:
        return ""
    flow = one.flow
    turned = (
        f"; not randomised: {flow.not_randomised} (not {escape(flow.condition)})"
        if flow.condition
        else "; people before inclusion are not simulated"
    )
    boxes = [f"<p>Began: {flow.screened}{turned}; randomised: {flow.randomised}.</p>", '<div class="flow">']
    for arm in flow.arms:
        why = "".join(f"<br>&nbsp;&nbsp;{n} by {escape(reason)}" for reason, n in arm.left_for.items())
        boxes.append(
            f"<div><b>{escape(arm.arm)}</b><br>allocated {arm.allocated}<br>left {arm.left}{why}<br>single visits missed {arm.missed_visits}"
            f"<br>seen at the endpoint's visit {arm.seen_at_endpoint}<br>analysed {arm.analysed}</div>"
        )
    return "\n".join([*boxes, "</div>"])


def _assumptions(result: TrialResult) -> str:
    used = [
        value(key)
        for key in (
            "tau_mood_setting",
            "tau_mood_drug",
            "rating_sd",
            "wander_sd",
            "course_sd",
            "expectancy_sustained",
            "mood_late_size",
            "mood_fast_size",
        )
    ]
    rows = [(v.label, f"{v.value:.3g} {v.unit}", f"{v.basis}, {v.source}") for v in used]
    shipped = posterior()
    notes = [
        *result.notes,
        f"Posterior: {len(shipped) if shipped else 0} draws of the working default; other hypotheses by their own calibrations.",
    ]
    listed = "".join(f'<li class="assumed">{escape(note)}</li>' for note in notes)
    cited = "".join(
        f"<li>{escape(str(sources()[key]))}</li>" for key in sorted({v.source for v in used}) if key in sources()
    )
    return _table(("number", "value", "basis and source"), rows) + f"<ul>{listed}</ul><p>Sources:</p><ul>{cited}</ul>"


def _svg(result: TrialResult) -> str:
    buffer = io.StringIO()
    _figure(result, buffer)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _figure(result: TrialResult, target: Any) -> None:
    """Four panels: power by size, mean change by visit, one simulated trial, correct-guess curve."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    from matplotlib.figure import Figure

    look: Any = dict(style.RC)
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(9.2, 6.8), layout="constrained")
        axes = figure.subplots(2, 2)
        _power_panel(axes[0, 0], result)
        _course_panel(axes[0, 1], result)
        _one_panel(axes[1, 0], result)
        _guess_panel(axes[1, 1], result)
        kind = "svg" if isinstance(target, io.StringIO) else target.rpartition(".")[2]
        figure.savefig(target, dpi=DPI, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _power_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title("Type I error" if result.null else "Power")
    axis.set_xlabel("people randomised")
    axis.set_ylim(0, 1)
    n = [p.n for p in result.power]
    if not n:
        axis.text(0.5, 0.5, "one arm: no comparison", ha="center", transform=axis.transAxes)
        return
    power = np.array([p.power for p in result.power])
    low, high = (np.array([getattr(p, k) for p in result.power]) for k in ("low", "high"))
    if np.isfinite(low).all():
        axis.fill_between(n, low, high, color=style.LINES["s"][0], alpha=style.TINT, linewidth=0)
    axis.errorbar(n, power, yerr=[1.96 * p.mc_se for p in result.power], marker="o", markersize=4, **style.line("s"))


def _course_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title(f"Mean change, {result.design.scale}")
    axis.set_xlabel("days")
    for arm, look in zip(result.arms, _looks(len(result.arms)), strict=True):
        axis.plot(
            [0, *(v.day for v in arm.visits)],
            [0, *(v.mean_change for v in arm.visits)],
            marker="o",
            markersize=3,
            label=arm.arm,
            **look,
        )
    axis.legend(fontsize=8)


def _one_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title("One simulated trial: every person's course")
    axis.set_xlabel("days")
    if result.one is None:
        return
    days = [0.0, *result.one.days]
    for name, look in zip(result.design.names, _looks(len(result.arms)), strict=True):
        for person in result.one.people:
            if person.arm == name:
                row = [person.baseline, *(math.nan if x is None else x for x in person.scores)]
                axis.plot(days, row, color=look["color"], linewidth=0.5, alpha=0.35)


def _guess_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title("Difference by share of correct guesses")
    axis.set_xlabel("share that guesses right")
    for (arm, rows), look in zip(result.guess_curve.items(), _looks(len(result.arms))[1:], strict=False):
        axis.plot([s for s, _ in rows], [x for _, x in rows], label=arm, **look)
        if arm in result.bias:
            axis.axhline(result.bias[arm].held[0], color=look["color"], linewidth=0.8, linestyle=":")
    axis.set_xlim(0, 1)
    if result.guess_curve:
        axis.legend(fontsize=8, title="dotted: had nobody been able to tell", title_fontsize=7)


def _looks(count: int) -> list[dict[str, Any]]:
    keys = ("placebo", "s", "r", "co", "hnk", "nk")
    return [style.line(keys[i % len(keys)]) for i in range(count)]
