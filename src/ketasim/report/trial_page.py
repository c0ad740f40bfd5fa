"""A virtual trial for the appendix of a protocol: one self-contained HTML file, and the figure in it alone. No script, no outside address."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import sources, value
from ketasim.core.posterior import posterior
from ketasim.core.records import NOTICE
from ketasim.trial.dropout import equation
from ketasim.trial.plan import REPORTS, SCORES
from ketasim.trial.result import TrialResult, when

from . import style
from .crisis import crisis_text
from .files import check_writable, write_whole
from .trial_text import MORE, contrast_words, range_words, stopping_lines

DPI = 200
MOST_PANELS = 4  # arms drawn person by person
CSS = """
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1b2026;background:#fff}
table{border-collapse:collapse;font-size:13px;margin:.5rem 0}td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #dfe3e8}
td:first-child,th:first-child{text-align:left}h2{margin-top:2rem}svg{max-width:100%;height:auto}.wrap{overflow-x:auto}
.pairs td{text-align:left;vertical-align:top}.pairs td:first-child{white-space:nowrap;color:#5a6570}.assumed{background:#fff4d6}
.consort{text-align:center;max-width:48rem}.consort .box{display:inline-block;border:1px solid #5a6570;padding:.4rem .8rem;min-width:12rem}
.consort .down{line-height:1.2}.consort .arms{display:flex;gap:1.5rem;justify-content:center;flex-wrap:wrap}
@media print{h2{break-after:avoid}table,svg,.consort{break-inside:avoid}}
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
        f"<p>{escape(NOTICE)} Simulated with Ketasim {escape(__version__)}; seed {result.seed}, {result.sims} replicates in {result.worlds} worlds (a world is one "
        f"hypothesis with one draw of its numbers).{' <b>Null: every arm gets the placebo of the comparator.</b>' if result.null else ''}</p>",
        "<h2>Design</h2>",
        _table(
            ("arm", "doses", "ratio"),
            [
                (
                    a.name + (" (comparator)" if a.name == d.comparator and d.compares else ""),
                    " + ".join([str(a.regimen()), *(one.kind for one in a.add_ons)]),
                    f"{a.ratio:g}",
                )
                for a in d.arms
            ],
        ),
        _pairs(_design(result)),
        "<h2>Estimand</h2>",
        _pairs(_estimand(result.estimand)),
        "<h2>Expected result</h2>",
        f"<p>{escape(contrast_words(result.contrast, d.scale))}</p>"
        if result.contrast
        else "<p>One arm: nothing is compared.</p>",
        _power(result),
        *(f"<p>{escape(line)}</p>" for line in stopping_lines(result) if line.startswith("Size")),
        _looks_table(result),
        f'<div class="wrap">{_svg(result)}</div>',
        _by_hypothesis(result),
        "<h2>Expected at each visit</h2>",
        _courses(result),
        "<h2>Benefit beside harm</h2>",
        "<p>Reported by the last visit if everybody stayed; dissociation peak is a mean over people.</p>",
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
        "<h2>One simulated trial: flow of people</h2>",
        _flow(result),
        "<h2>Assumptions and sources</h2>",
        _assumptions(result),
        "<h2>What this does not know</h2>",
        "<ul><li>The hypotheses count alike: the evidence does not say which holds.</li><li>People of the pool are drawn from the Table 1 and the "
        "model's own spread; what a table does not print is as in the model.</li><li>Sites, raters and those who leave behave as the design file says, "
        "not as a measured clinic does.</li><li>Outside the studied doses and routes the model extrapolates.</li><li>Whether the analysis keeps its error is asked with "
        "<code>--null</code>; how such simulations fared against published trials with <code>ketasim trial --replay</code>.</li></ul>",
        f"<p>{escape(crisis_text())}</p>",
    ]
    return "\n".join(parts)


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Names beside their texts."""
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows if text)
    return f'<div class="wrap"><table class="pairs">{body}</table></div>'


def _design(result: TrialResult) -> list[tuple[str, str]]:
    d = result.design
    sizes = ", ".join(str(p.n) for p in result.power) or str(d.n)
    blocks = f"blocks of {d.block}" if d.block else "permuted blocks of the ratio" if d.compares else "none"
    rows = [
        ("design", f"{d.kind}; setting {d.setting}{'; nobody can tell what is given' if d.masked else ''}"),
        ("randomised", f"{sizes} in all; {blocks}{', within ' + ', '.join(d.strata) if d.strata else ''}"),
        ("visits", f"{d.scale} at {', '.join(when(t / 24) for t in d.readings_h)}"),
        (
            "primary endpoint",
            f"{'change of ' if d.endpoint.measure in SCORES else ''}{d.estimand_words[0]}, {when(d.endpoint.at_h / 24)}, {d.endpoint.arm} against {d.comparator}",
        ),
        ("analysis", f"{d.analysis.label}, two-sided {d.analysis.alpha:g}"),
        ("leaving", equation(d.dropout)),
        ("missed visits", f"{100 * d.missing:g} % of single visits, at random"),
        ("sites", f"{d.sites}, SD between them {d.site_sd:g} (drive)" if d.sites > 1 else "one"),
        ("accrual", _accrual(result)),
    ]
    rows += [(f"rule at {', '.join(when(t / 24) for t in r.at_h)}", str(r)) for r in d.rules]
    return rows


_ATTRIBUTES = ("Population", "Variable", "Intercurrent events", "Summary")


def _estimand(words: str) -> list[tuple[str, str]]:
    """The attributes of an estimand, and what stands behind them, one a row."""
    places = [(words.find(f"{name}: "), name) for name in _ATTRIBUTES]
    if any(at < 0 for at, _ in places):
        return [("estimand", words)]
    found = []
    for (at, name), (end, _) in zip(places, [*places[1:], (len(words), "")], strict=True):
        found.append((name.lower(), words[at + len(name) + 2 : end].strip().rstrip(".")))
    return found


def _by_hypothesis(result: TrialResult) -> str:
    if not result.by_hypothesis:
        return ""
    rows = [
        (
            name,
            f"{row['contrast']:+.2f}",
            f"{100 * row['power']:.0f} % ({100 * row['mc_se']:.0f})",
            f"{row['replicates']:.0f}",
        )
        for name, row in result.by_hypothesis.items()
    ]
    return "<h2>What the spread comes from: by hypothesis</h2>" + _table(
        ("hypothesis", "contrast", "power (Monte Carlo SE), largest size", "replicates"), rows
    )


def _looks_table(result: TrialResult) -> str:
    if not result.stopping:
        return ""
    n = max(result.stopping)
    rows = [
        (
            f"{arm}, {look['n']} people",
            f"{look['upper']:.3f}",
            *(f"{100 * look[key]:.1f} %" for key in ("efficacy", "against", "futility")),
        )
        for arm, detail in result.stopping[n].items()
        for look in detail.get("looks", [])
    ]
    return _table(("look", "z for benefit", "stops: benefit", "against", "futility"), rows) if rows else ""


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
            MORE if not p.told else f"{100 * p.low:.0f} to {100 * p.high:.0f} %",
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
            rows.append((f"{arm}: {label}", f"{three[0]:+.2f}", range_words(three, b.told)))
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
        f"<br>not randomised {flow.not_randomised} (did not meet {escape(flow.condition)})"
        if flow.condition
        else "<br>people before inclusion are not simulated"
    )
    boxes = [
        f"<p>Replicate {one.replicate}, under {escape(one.hypothesis)}; the same seed gives it again, person by person (<code>--one</code>).</p>",
        f'<div class="consort"><div class="box">Began {flow.screened}{turned}</div><div class="down">&#8595;</div>'
        f'<div class="box">Randomised {flow.randomised}</div><div class="down">&#8595;</div><div class="arms">',
    ]
    for arm in flow.arms:
        why = "".join(f"<br>{n}: {escape(reason)}" for reason, n in arm.left_for.items())
        boxes.append(
            f'<div class="arm"><div class="box"><b>{escape(arm.arm)}</b><br>allocated {arm.allocated}</div><div class="down">&#8595;</div>'
            f'<div class="box">left before the last visit {arm.left}{why}<br>single visits missed {arm.missed_visits}</div><div class="down">&#8595;</div>'
            f'<div class="box">seen at the endpoint\'s visit {arm.seen_at_endpoint}<br>analysed {arm.analysed}</div></div>'
        )
    note = "<p>Behind the number that left stands what the hazard was due to, where it more than doubled it; else the base rate.</p>"
    return "\n".join([*boxes, "</div></div>", note])


def _assumptions(result: TrialResult) -> str:
    used = [
        value(key)
        for key in (
            "tau_mood_setting",
            "tau_mood_late",
            "tau_mood_drug",
            "rating_sd",
            "rating_time",
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
    """Power by size, mean change by visit, difference by correct guesses, and one simulated trial with a panel for each arm."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    from matplotlib.figure import Figure

    look: Any = dict(style.RC)
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(9.6, 6.8), layout="constrained")
        rows: Any = figure.subfigures(2, 1)
        top = rows[0].subplots(1, 3)
        _power_panel(top[0], result)
        _course_panel(top[1], result)
        _guess_panel(top[2], result)
        _one_panels(rows[1], result)
        kind = "svg" if isinstance(target, io.StringIO) else target.rpartition(".")[2]
        figure.savefig(target, dpi=DPI, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _power_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title("Type I error" if result.null else "Power", fontsize=9)
    axis.set_xlabel("people randomised")
    axis.set_ylim(0, 1)
    axis.yaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    n = [p.n for p in result.power]
    if not n:
        axis.text(0.5, 0.5, "one arm: no comparison", ha="center", transform=axis.transAxes)
        return
    power = np.array([p.power for p in result.power])
    low, high = (np.array([getattr(p, k) for p in result.power]) for k in ("low", "high"))
    if np.isfinite(low).all():
        label = "5th to 95th percentile of worlds"
        if len(n) > 1:
            axis.fill_between(n, low, high, color=style.LINES["s"][0], alpha=style.TINT, linewidth=0, label=label)
        else:
            axis.vlines(n, low, high, color=style.LINES["s"][0], alpha=style.TINT, linewidth=8, label=label)
    bars = [1.96 * p.mc_se for p in result.power]
    axis.errorbar(n, power, yerr=bars, marker="o", markersize=4, label="mean, Monte Carlo 95 %", **style.line("s"))
    axis.axhline(result.design.analysis.alpha if result.null else 0.8, color="#888888", linewidth=0.6, linestyle=":")
    axis.legend(fontsize=7, loc="lower right")


def _course_panel(axis: Any, result: TrialResult) -> None:
    thoughts = result.one is not None and result.one.scale != result.design.scale
    axis.set_title(
        f"Mean change, {result.one.scale if thoughts and result.one else result.design.scale} (bars: SE of one trial)",
        fontsize=9,
    )
    axis.set_xlabel("days")
    for arm, look in zip(result.arms, _looks(len(result.arms)), strict=True):
        bars = [v.sd_change / math.sqrt(v.n) if v.n > 1 else math.nan for v in arm.visits]
        days, means = [v.day for v in arm.visits], [v.mean_change for v in arm.visits]
        axis.errorbar(
            [0, *days], [0, *means], yerr=[0, *bars], marker="o", markersize=3, elinewidth=0.8, label=arm.arm, **look
        )
    axis.axhline(0.0, color="#888888", linewidth=0.6)
    axis.legend(fontsize=7)


def _one_panels(figure: Any, result: TrialResult) -> None:
    """Every person's course, arm by arm; the mean of those seen on top, a cross where somebody was seen last before leaving."""
    if result.one is None:
        return
    names = result.design.names[:MOST_PANELS]
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    figure.suptitle(
        f"One simulated trial, {result.one.scale}: every person, mean of those seen, crosses where people leave",
        fontsize=9,
    )
    days = np.array([0.0, *result.one.days])
    for axis, name, look in zip(axes, names, _looks(len(names)), strict=True):
        people = [p for p in result.one.people if p.arm == name]
        rows = np.array(
            [[p.baseline, *(math.nan if x is None else x for x in p.scores)] for p in people], dtype=np.float64
        )
        for person, row in zip(people, rows, strict=True):
            axis.plot(days, row, color=look["color"], linewidth=0.5, alpha=0.3)
            if person.left_day is not None:
                last = int(np.flatnonzero(np.isfinite(row))[-1])
                axis.plot(days[last], row[last], marker="x", markersize=4, color="#b3261e")
        if len(rows):
            count = np.isfinite(rows).sum(axis=0)
            mean = np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), math.nan)
            axis.plot(days, mean, color="black", linewidth=1.6)
        axis.set_title(f"{name}, n {len(people)}", fontsize=8)
        axis.set_xlabel("days")


def _guess_panel(axis: Any, result: TrialResult) -> None:
    axis.set_title("Difference by correct guesses", fontsize=9)
    axis.set_xlabel("share that guesses right")
    axis.set_xlim(0, 1)
    if not result.guess_curve:
        axis.text(0.5, 0.5, "no comparison", ha="center", transform=axis.transAxes)
        return
    for (arm, rows), look in zip(result.guess_curve.items(), _looks(len(result.arms))[1:], strict=False):
        axis.plot([s for s, _ in rows], [x for _, x in rows], label=arm, **look)
        if arm in result.bias:
            held = result.bias[arm].held[0]
            axis.axhline(
                held, color=look["color"], linewidth=0.9, linestyle=":", label=f"{arm}, had nobody been able to tell"
            )
    axis.margins(y=0.25)
    axis.legend(fontsize=7, loc="best")


def _looks(count: int) -> list[dict[str, Any]]:
    keys = ("placebo", "s", "r", "co", "hnk", "nk")
    return [style.line(keys[i % len(keys)]) for i in range(count)]
