"""The scorecard as one self-contained page: summary, misfits, a forest per group. No script, no outside address."""

from __future__ import annotations

from html import escape

from ketasim.evidence.compare.likelihood import Z95
from ketasim.evidence.compare.scorecard import QUANTILES, Scorecard, ScoredRow, role_summary

from .scorecard_courses import courses
from .scorecard_text import left_out_lines

WIDTH, ROW, HALF_SPAN = 170, 16, 5.0
STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:84rem;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.2rem}table{border-collapse:collapse;width:100%;font-size:12.5px}td,th{padding:.1rem .35rem;text-align:left;white-space:nowrap}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr.miss td{color:#9c1c1c}th{border-bottom:1px solid #999}
.wrap{overflow-x:auto}small{color:#555}th{white-space:normal;vertical-align:bottom}
.courses{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(30rem,100%),1fr));gap:1rem}figure{margin:0}figcaption{font-weight:600}
figure svg{width:100%;height:auto;font-size:11px}figure text{fill:#444}
"""


def page(card: Scorecard) -> str:
    """The page as text."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Ketasim scorecard</title>",
        f"<style>{STYLE}</style>",
    ]
    parts.append("<h1>Every published number beside its prediction</h1>")
    parts.append(
        "<p>Research and teaching only. Studies of role <i>fit</i> were used to estimate values; those of role <i>validate</i> never were. Proof is what is predicted without the study itself.</p>"
    )
    parts.append(_summary(card))
    if card.left_out:
        parts.append(f"<h2>Without the study itself</h2><pre>{escape(chr(10).join(left_out_lines(card)))}</pre>")
    misfits = sorted((r for r in card.rows if not r.sign and abs(r.z) > QUANTILES[95]), key=lambda r: -abs(r.z))
    parts.append(f"<h2>Misfits ({len(misfits)})</h2>")
    parts.append(_table(misfits))
    parts.append(f"<h2>Mood over time</h2>{courses(card.rows)}")
    for group in sorted({r.group for r in card.rows}):
        for role in ("fit", "validate"):
            rows = sorted(
                (r for r in card.rows if r.group == group and r.role == role), key=lambda r: (r.study, r.line)
            )
            if rows:
                parts.append(f"<h2>{escape(group)}, {role}</h2>{_table(rows)}")
    if card.skipped:
        items = "".join(f"<li>{escape(s.row.study)} line {s.row.line}: {escape(s.why)}" for s in card.skipped)
        parts.append(f"<h2>Not predicted</h2><ul>{items}</ul>")
    return "\n".join(parts)


def _summary(card: Scorecard) -> str:
    rows = []
    for role in ("fit", "validate"):
        s = role_summary(card.part(role))
        if not s["values"]:
            continue
        shares = "".join(
            f"<td class=n>{100 * s[k]:.0f} %"
            for k in ("strict", "strict_perfect", "loose", "coverage50", "coverage80", "coverage95")
        )
        rows.append(
            f"<tr><td>{role}<td class=n>{s['studies']}<td class=n>{s['values']}{shares}<td class=n>{s['log_score_gain']:+.1f} ({s['log_score_gain_se']:.1f})"
        )
    head = "<tr><th>role<th>studies<th>values<th>inside own CI<th>a perfect model<th>loose<th>50 % interval<th>80 %<th>95 %<th>log score over naive (SE)"
    return f"<div class=wrap><table>{head}{''.join(rows)}</table></div>"


def _table(rows: list[ScoredRow]) -> str:
    head = "<tr><th>study<th>arm<th>what<th>time<th>observed (95 % CI)<th>predicted (80 %)<th>z<th><small>line: published, its CI; band: 50 and 95 % of the prediction</small>"
    return f"<div class=wrap><table>{head}{''.join(_row(r) for r in rows)}</table></div>"


def _row(r: ScoredRow) -> str:
    who = r.arm + (f" − {r.versus}" if r.versus else "")
    when = "" if not r.time_h else f"{r.time_h:.3g} h" if r.time_h < 72 else f"{r.time_h / 24:.3g} d"
    return (
        f"<tr{'' if r.loose else ' class=miss'}><td>{escape(r.study)}<td>{escape(who)}<td>{escape(r.endpoint)} {escape(r.statistic)} <small>{escape(r.scale)}</small>"
        f"<td class=n>{when}<td class=n>{r.observed:.3g} ({r.observed_low:.3g} to {r.observed_high:.3g})"
        f"<td class=n>{r.predicted:.3g} ({r.low80:.3g} to {r.high80:.3g})<td class=n>{r.z:+.1f}<td>{_forest(r)}"
    )


def _forest(r: ScoredRow) -> str:
    """In units of the predictive SD around the prediction: 50 and 95 % bands, the published value with its own interval."""
    sd = (r.se**2 + r.tau**2 + r.model_sd**2) ** 0.5
    half = Z95 * r.se / sd

    def x(z: float) -> float:
        return WIDTH / 2 + max(-HALF_SPAN, min(HALF_SPAN, z)) * WIDTH / 2 / HALF_SPAN

    y = ROW / 2
    return (
        f'<svg width="{WIDTH}" height="{ROW}" role="img" aria-label="z {r.z:+.1f}">'
        f'<rect x="{x(-QUANTILES[95]):.1f}" y="2" width="{x(QUANTILES[95]) - x(-QUANTILES[95]):.1f}" height="{ROW - 4}" fill="#dbe7f3"/>'
        f'<rect x="{x(-QUANTILES[50]):.1f}" y="2" width="{x(QUANTILES[50]) - x(-QUANTILES[50]):.1f}" height="{ROW - 4}" fill="#a9c6e3"/>'
        f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{ROW}" stroke="#2b5f94"/>'
        f'<line x1="{x(r.z - half):.1f}" x2="{x(r.z + half):.1f}" y1="{y}" y2="{y}" stroke="#1b1f24"/>'
        f'<circle cx="{x(r.z):.1f}" cy="{y}" r="3" fill="{"#1b1f24" if r.loose else "#9c1c1c"}"/></svg>'
    )
