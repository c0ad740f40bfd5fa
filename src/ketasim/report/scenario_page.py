"""One scenario as one self-contained HTML page that can be handed on: what was asked, the figure, the text, every dose, every source."""

from __future__ import annotations

import re
import tempfile
from html import escape
from pathlib import Path

from ketasim.core.records import NOTICE
from ketasim.scenario.result import Result

from .text import run_text

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem;color:#1b1f24;background:#fff}
pre{white-space:pre-wrap;font:13px/1.45 ui-monospace,monospace;background:#f6f7f8;padding:1rem}svg{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:13px}td,th{padding:.15rem .5rem;text-align:left;border-bottom:1px solid #ddd}
.notice{border-left:4px solid #9c1c1c;padding:.3rem .8rem}@media print{body{margin:0;max-width:none}pre{background:none;padding:0}}
"""


def page(result: Result) -> str:
    """The page: no script, no outside address."""
    record = result.record
    doses = "".join(
        f"<tr><td>{row.time_h:g}</td><td>{escape(row.drug)}</td><td>{escape(row.route)}</td>"
        f"<td>{row.asked_mg:.4g}</td><td>{row.given_mg:.4g}</td></tr>"
        for row in result.ledger
    )
    sources = "".join(f"<li>{escape(str(source))}</li>" for source in record.sources)
    return "\n".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            '<meta name=viewport content="width=device-width,initial-scale=1">',
            f"<title>Ketasim: {escape(result.scenario.title)}</title><style>{STYLE}</style>",
            f"<h1>{escape(result.scenario.title)}</h1><p class=notice>{escape(NOTICE)}</p>",
            f"<p>Ketasim {escape(record.version)}, model {record.model}, numbers {record.numbers}, seed {record.seed}.</p>",
            f"<h2>Course</h2>{_figure(result)}",
            f"<h2>In words</h2><pre>{escape(run_text(result))}</pre>",
            "<h2>Doses</h2><table><tr><th>time, h</th><th>drug</th><th>route</th><th>planned</th><th>delivered</th></tr>",
            f"{doses}</table>",
            f"<h2>Sources</h2><p>{len(record.values)} numbers entered; {len(record.assumed)} of them are assumed.</p><ul>{sources}</ul>",
        ]
    )


def _figure(result: Result) -> str:
    """The figure as SVG inside the page."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "course.svg"
        result.plot(str(place))
        text = place.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
