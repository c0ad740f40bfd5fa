"""The numbers of docs/tutorials/table-1-to-power.md, worked out from the design that stands in it: `python -m ketasim.report.trial_tutorial FILE`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ketasim.trial.read import design_from_text
from ketasim.trial.result import TrialResult, when
from ketasim.trial.simulate import trial

SIZES, SIMS, SEED = (60, 120, 240), 240, 1
BEGIN, END = "<!-- numbers: written by python -m ketasim.report.trial_tutorial -->", "<!-- end -->"


def design_of(text: str) -> str:
    """The design file that stands in the page."""
    found = re.search(r"```toml\n(.*?)```", text, re.S)
    assert found is not None
    return found.group(1)


def computed(text: str) -> TrialResult:
    """The trial of the page."""
    return trial(design_from_text(design_of(text)), SIZES, SIMS, SEED)


def numbers(result: TrialResult) -> str:
    """The table of the page."""
    lines = [
        "| randomised | power | Monte Carlo SE | 5th to 95th percentile over hypotheses and posterior |",
        "|---|---|---|---|",
    ]
    for p in result.power:
        lines.append(
            f"| {p.n} | {100 * p.power:.0f} % | {100 * p.mc_se:.1f} | {100 * p.low:.0f} to {100 * p.high:.0f} % |"
        )
    c = result.contrast
    assert c is not None
    lines += [
        "",
        f"Difference at {when(c.day)}: {c.mean:+.1f} points (5th to 95th percentile {c.low:+.1f} to {c.high:+.1f}).",
    ]
    for arm in result.arms:
        last = arm.visits[-1]
        lines.append(
            f"{arm.arm}: {last.mean_change:+.1f} (SD {last.sd_change:.1f}), response {100 * last.response:.0f} %, gone {100 * last.dropout:.0f} %, CADSS peak {arm.harm['cadss_peak']:.0f}."
        )
    return "\n".join(lines)


def between(text: str) -> str:
    """What stands between the marks."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()


def main() -> None:
    """Write the numbers into the page."""
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    path.write_text(text[:begin] + "\n" + numbers(computed(text)) + "\n" + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
