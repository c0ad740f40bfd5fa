"""The page docs/sensitivity.md: `python -m ketasim.report.sensitivity_page [--json] [--write FILE]`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ketasim.core import value
from ketasim.decide.headlines import FIT, OWN, PLASMA
from ketasim.decide.identify import LEAST_CONTRACTION
from ketasim.decide.sensitivity import Effect, Headline, Known, Report, Without, report

MOST_EFFECTS = 8
LEAST_SHARE = 0.01
HEAD = """<!-- Written by `python -m ketasim.report.sensitivity_page --write docs/sensitivity.md`; do not edit. -->

# What the headlines rest on

Which uncertain values move the main results, what the data say about each value, and what the results would be without a group of evidence. Everything here is
computed from the posterior and the sensitivities that ship (`--json` prints it all); formulas: `ketasim.decide.identify`.

- *Effect*: what the headline does when the value goes up by one of its standard deviations (half of the way between one up and one down).
- *Share*: of the headline's variance, with all values uncertain at once; values that go together share what they do, so a share can be negative.
- *Rank*: Spearman's correlation of value and headline over exact runs at draws of the posterior; none for values outside it.
- *Contraction*: 1 - posterior variance / prior variance. Below {least:.0%} the data **do not identify** the value: what is printed for it is what was assumed.
- *Informed by*: programmes or clinics without which that share of what the data say about the value is lost (linear form around the mode).

A value that is "{own}" keeps the uncertainty that it had before the data: no outcome study has been asked about it, and **the model band of a run does not hold it**.
The numbers are means of the people of the fit, so they differ a little from those of the typical person.
"""


def page(found: Report) -> str:
    """The page as Markdown."""
    fitted = [v for v in found.values if v.origin == FIT]
    blind = [v for v in fitted if not v.identified]
    lines = [HEAD.format(least=LEAST_CONTRACTION, own=OWN)]
    lines += ["## In short", ""]
    lines += [f"- {_summary(found, one)}" for one in found.headlines]
    lines += [
        f"- Of {len(fitted)} values that were fitted to outcomes the data do not identify {len(blind)}"
        + (": " + ", ".join(f"`{v.key}`" for v in blind) + "." if blind else "."),
        f"- {_short_without(found)}",
        "",
    ]
    for one in found.headlines:
        lines += _headline(found, one)
    lines += _subjects(found)
    lines += _values(found)
    lines += _without(found)
    return "\n".join(lines) + "\n"


def _number(x: float, unit: str) -> str:
    return f"{x:.0%}" if unit == "fraction" else f"{x:.1f}"


def _measured(one: Headline) -> str:
    low, high = sorted((one.low, one.high), key=abs)
    unit = "" if one.unit == "fraction" else f" {one.unit}"
    return f"{_number(one.value, one.unit)}{unit} ({_number(low, one.unit)} to {_number(high, one.unit)} over the posterior)"


def _summary(found: Report, one: Headline) -> str:
    outside = sum(e.share for e in found.of(one.name) if _origin(found, e.key) == OWN)
    first = ", ".join(f"`{e.key}`" for e in found.of(one.name, 3))
    return f"**{one.label}**: {_measured(one)}; moved most by {first}; {outside:.0%} of its variance comes from values that were not fitted."


def _origin(found: Report, key: str) -> str:
    known = found.known(key)
    return known.origin if known else OWN


def _short_without(found: Report) -> str:
    moved = [w for w in found.without if w.moved]
    if not moved:
        return "Leaving out any one group of evidence moves no headline by more than one of its standard deviations and turns none round."
    labels = {h.name: h.label for h in found.headlines}
    told = "; ".join(f"without {w.group}: " + ", ".join(labels[key] for key in w.moved) for w in moved)
    return f"Leaving out one group of evidence moves by more than one standard deviation, or turns round, {told} (last table)."


def _headline(found: Report, one: Headline) -> list[str]:
    shown = [e for e in found.of(one.name, MOST_EFFECTS) if abs(e.share) >= LEAST_SHARE]
    how = (
        ""
        if math.isnan(one.linear_share)
        else f" The linear form explains {one.linear_share:.0%} of its variance over {found.draws} draws."
    )
    lines = [f"## {one.label[0].upper()}{one.label[1:]}", "", f"{_measured(one)}.{how}", ""]
    lines += ["| value | effect of one SD | share | rank | contraction | from |", "|---|---|---|---|---|---|"]
    lines += [_effect(found, one, e) for e in shown]
    return [*lines, ""]


def _effect(found: Report, one: Headline, e: Effect) -> str:
    known = found.known(e.key)
    assert known is not None
    moved = f"{100 * e.per_sd:+.1f} points of 100" if one.unit == "fraction" else f"{e.per_sd:+.2f} {one.unit}"
    rank = "-" if math.isnan(e.rank) else f"{e.rank:+.2f}"
    return f"| {known.label} (`{e.key}`) | {moved} | {e.share:.0%} | {rank} | {_contraction(known)} | {known.origin} |"


def _contraction(known: Known) -> str:
    if known.origin == OWN:
        return OWN
    return f"{known.contraction:.0%}" + ("" if known.identified else ", **not identified**")


VALUE_HEAD = [
    "| value | prior SD | posterior SD | contraction | moved (prior SDs) | goes with | informed by |",
    "|---|---|---|---|---|---|---|",
]


def _value(known: Known) -> str:
    goes = ", ".join(f"`{key}` {r:+.2f}" for key, r in known.correlated) or "-"
    by = ", ".join(f"{name} {share:.0%}" for name, share in known.informed_by) or "-"
    moved = f"{known.moved:+.1f}" if known.origin == FIT else "-"
    after = "-" if known.origin == OWN else f"{known.posterior_sd:.2f}"
    return f"| {known.label} (`{known.key}`) | {known.prior_sd:.2f} | {after} | {_contraction(known)} | {moved} | {goes} | {by} |"


def _subjects(found: Report) -> list[str]:
    lines = [
        "## Belief, driver, slow placebo, programme",
        "",
        "Parts of the model that rest on few masked or guess data. SDs are on the scale of the value's uncertainty (log, logit, or its unit).",
        "",
    ]
    for name, keys in found.subjects.items():
        known = [(key, found.known(key)) for key in keys]
        seen = [v for _, v in known if v is not None and v.identified]
        lines += [
            f"### {name[0].upper()}{name[1:]}",
            "",
            f"The data identify {len(seen)} of {len(keys)} values.",
            "",
            *VALUE_HEAD,
        ]
        lines += [_value(v) if v else _untouched(key) for key, v in known]
        lines.append("")
    return lines


def _untouched(key: str) -> str:
    """A value that no fit has touched and that moves no headline: what it was assumed to be."""
    one = value(key)
    sd = "none" if one.uncertain is None else f"{one.uncertain.sd:.2f}"
    return f"| {one.label or key} (`{key}`) | {sd} | - | {OWN}, moves no headline | - | - | - |"


def _values(found: Report) -> list[str]:
    lines = ["## Every fitted value", ""]
    for title, origin in (("Fitted to outcomes", FIT), ("Fitted to concentrations", PLASMA)):
        mine = sorted((v for v in found.values if v.origin == origin), key=lambda v: v.contraction)
        lines += [f"### {title}", "", *VALUE_HEAD, *(_value(v) for v in mine), ""]
    return lines


def _without(found: Report) -> list[str]:
    lines = [
        "## Headlines without a group of evidence",
        "",
        "One linear step from the fit to all studies: the values that outcomes inform move as the other studies ask, everything else stays. The second number is the posterior SD",
        "from the fitted values then. **Bold**: moved by more than one posterior SD of the whole fit, or turned round.",
        "",
        "| without | studies | numbers | " + " | ".join(h.label for h in found.headlines) + " |",
        "|---|---|---|" + "---|" * len(found.headlines),
    ]
    whole = [f"{_number(h.value, h.unit)} (SD {_spread(found.posterior_sd[h.name], h.unit)})" for h in found.headlines]
    lines.append("| nothing | - | - | " + " | ".join(whole) + " |")
    lines += [_row(found, w) for w in found.without]
    return lines


def _spread(x: float, unit: str) -> str:
    return f"{x:.0%}" if unit == "fraction" else f"{x:.2f}"


def _row(found: Report, w: Without) -> str:
    cells = []
    for h in found.headlines:
        result, sd = w.results[h.name]
        text = f"{_number(result, h.unit)} (SD {_spread(sd, h.unit)})"
        cells.append(f"**{text}**" if h.name in w.moved else text)
    return f"| {w.group} | {w.studies} | {w.rows} | " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the page."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.report.sensitivity_page", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args(arguments)
    found = report(lambda text: print(text, file=sys.stderr))
    text = json.dumps(found.to_dict(), indent=1) + "\n" if asked.json else page(found)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
