"""The claims ledger in words: one line per claim, or one claim in full; and the same as a page of the documentation."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from ketasim._version import __version__
from ketasim.core.records import NOTICE
from ketasim.decide.claims import OUTSIDE, PEOPLE, SEED, VERDICTS, Evaluated, Evidence, Found
from ketasim.decide.claims_file import citation_of, study_of

from .crisis import crisis_text
from .words import clock, number

DIGITS = 2
WIDTH = 100
NEVER = "beyond the end of the run"
MEANINGS = {
    "supported": "seen independently, and nothing here contradicts it",
    "supported with limits": "it points that way; the limits are named",
    "disputed": "studies contradict each other",
    "not supported": "looked for and not found, or the contrary was found",
    "unknown": "nobody has tested it, or no source that can be cited",
}


def quantity(value: float | None, unit: str) -> str:
    """A number of the ledger with its unit, two digits: "-9.3 points", "60 %", "7 h 15 min", "4.6-fold"."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return NEVER
    if unit == "share":
        return f"{_plain(round(100 * value, 1))} %"
    if unit == "h":
        return clock(value) if abs(value) < 0.25 or value == 0 else clock(_rounded(value))
    if unit == "fold":
        return f"{_plain(value)}-fold"
    return f"{_plain(value)} {unit}"


def _plain(value: float) -> str:
    text = number(value, DIGITS)
    return text if abs(value) < 10 or "e" in text else f"{value:.0f}"


def _rounded(hours: float) -> float:
    """To five minutes under ten hours, to the hour beyond: more would claim too much."""
    step = 1 / 12 if abs(hours) < 10 else 1.0
    return round(hours / step) * step


def band(found: Found) -> str:
    """ " (low to high)" in the unit of the number; nothing where there is no band or no width."""
    if found.low is None or found.high is None or found.low == found.high:
        return ""
    low, high = quantity(found.low, found.prediction.unit), quantity(found.high, found.prediction.unit)
    return f" ({_range(low, high, unit_once=False)})" if low != high else ""


def _range(low: str, high: str, unit_once: bool = True) -> str:
    """ "low to high", with the unit once at the end, or (where it stands before already) not at all."""
    for tail in (" points", " %", " d", " mmHg", "-fold"):
        if low.endswith(tail) and high.endswith(tail):
            return f"{low.removesuffix(tail)} to {high if unit_once else high.removesuffix(tail)}"
    return f"{low} to {high}"


def headline(one: Evaluated) -> str:
    """What the model says, in a few words; the first prediction, or that the claim is outside the model."""
    if not one.found:
        return OUTSIDE
    first = one.found[0]
    return f"{first.prediction.label}: {quantity(first.value, first.prediction.unit)}{band(first)}" + (
        "" if one.stands else "  CHANGED"
    )


def claims_text(found: Sequence[Evaluated], width: int | None = None) -> str:
    """The ledger as a table by groups, one line per claim; in blocks if it does not fit into `width` columns."""
    rows = [(one.claim.group, one.claim.name, one.claim.verdict, one.claim.claim, headline(one)) for one in found]
    names, verdicts, claims = (max(len(row[i]) for row in rows) for i in (1, 2, 3))
    blocks = width is not None and names + verdicts + claims + 6 + max(len(row[4]) for row in rows) > width
    lines = [
        f"{len(found)} claims about ketamine: what evidence and model say. Ketasim {__version__}, {PEOPLE} people, seed {SEED}.",
        NOTICE,
        "",
    ]
    for group, members in groupby(rows, key=lambda row: row[0]):
        lines.append(group)
        for _, name, verdict, claim, model in members:
            if blocks:
                lines += [f"  {verdict.upper()}: {claim}", f"      model: {model}   [{name}]"]
            else:
                lines.append(
                    f"  {name.ljust(names)}  {verdict.ljust(verdicts)}  {claim.ljust(claims)}  {model}".rstrip()
                )
        lines.append("")
    counts = Counter(one.claim.verdict for one in found)
    lines.append("Verdicts: " + "; ".join(f"{counts[v]} {v} ({MEANINGS[v]})" for v in VERDICTS if counts[v]) + ".")
    lines.append(bracket_note(found))
    lines.append("One claim in full: ketasim claims NAME")
    lines.append(crisis_text())
    return "\n".join(
        textwrap.fill(line, WIDTH) if line.startswith(("In brackets", "Verdicts")) else line for line in lines
    )


def bracket_note(found: Sequence[Evaluated]) -> str:
    """What the bands are, and that they do not hold the model's own uncertainty where they do not."""
    text = (
        "In brackets: 5th to 95th percentile between people; for proportions of people, times of relapse and spreads the 90 % interval from "
        f"having simulated only {PEOPLE} people."
    )
    posterior = any(f.model_low is not None for one in found for f in one.found)
    return text + (
        " The 90 % credible interval is in the full text of a claim."
        if posterior
        else " Neither includes the uncertainty of the estimated parameters."
    )


def claim_text(one: Evaluated) -> str:
    """One claim in full: verdict and why, evidence with records, predictions with interval and what the verdict needs."""
    c = one.claim
    lines = [*_wrap(f'"{c.claim}"', ""), "", *_wrap(f"Verdict: {c.verdict.upper()}. {c.why}", "")]
    if c.as_of:
        lines.append(f"As of: {c.as_of}.")
    lines += ["", "What the evidence says"]
    for item in c.evidence:
        lines += _wrap(item.says, "  - ")
        lines += _wrap(provenance(item), "    ")
    people = one.found[0].people if one.found else PEOPLE
    lines += [
        "",
        f"What the model says (computed now: Ketasim {__version__}, {people} people, seed {SEED})"
        if one.found
        else "What the model says",
    ]
    for found in one.found:
        lines += _wrap(_sentence(found), "  - ")
        lines += _wrap(needs(found), "    ")
    if c.outside:
        lines += _wrap(f"{OUTSIDE.capitalize()}: {c.outside}.", "  ")
    studies = {study_of(r): citation_of(r) for item in c.evidence for r in item.records}
    cited = [f"{key}: {text}" for key, text in sorted(studies.items()) if text]
    if cited:
        lines += ["", "Sources", *(line for text in cited for line in _wrap(text, "  "))]
    return "\n".join([*lines, "", NOTICE, *_wrap(crisis_text(), "")])


def provenance(item: Evidence) -> str:
    """Studies and records behind a sentence, with what is from memory."""
    studies = dict.fromkeys(study_of(r) for r in item.records)
    parts = [f"{study} ({', '.join(r for r in item.records if study_of(r) == study)})" for study in studies]
    text = "[" + "; ".join([*parts, *item.sources]) + "]"
    if item.memory:
        text += f" Of these from memory, not counted: {', '.join(item.memory)}."
    return text


def _sentence(found: Found) -> str:
    p = found.prediction
    text = f"{p.says[0].upper()}{p.says[1:]}: {quantity(found.value, p.unit)}{band(found)}."
    if found.model_low is not None and found.model_high is not None:
        low, high = quantity(found.model_low, p.unit), quantity(found.model_high, p.unit)
        # two equal ends are no certainty: nothing that this number rests on was estimated, so nothing was varied
        text += f" 90 % credible interval: {'not varied' if low == high else _range(low, high)}."
    return text


def needs(found: Found) -> str:
    """The interval that the verdict rests on, where it comes from, and whether the number lies inside."""
    p = found.prediction
    low, high = quantity(p.low, p.unit), quantity(p.high, p.unit)
    if p.low is None:
        asked = f"{high} or less"
    elif p.high is None:
        asked = f"{low} or more"
    else:
        asked = _range(low, high)
    verdict = "inside" if found.inside else "OUTSIDE"
    text = f"{'Published or claimed' if p.misfit else 'The verdict needs'} {asked} ({p.rests_on}): {verdict}."
    if p.misfit:
        text += f" Known discrepancy: {p.misfit}."
    elif not found.inside:
        text += " The verdict no longer stands on this number."
    return text


def _wrap(text: str, lead: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
    ) or [""]


# the page --------------------------------------------------------------------------------------------------------------


def claims_page(found: Sequence[Evaluated]) -> str:
    """The ledger as a Markdown page: a table by groups, then every claim in full."""
    counts = Counter(one.claim.verdict for one in found)
    lines = [
        "# Claims about ketamine, weighed",
        "",
        "Generated by `python -m ketasim.report.claims_page`; do not edit. The source is `src/ketasim/knowledge/claims.toml`;",
        "every number of the model is computed anew, none is typed in, and a test fails when one leaves what its verdict needs.",
        "",
        NOTICE,
        "",
        crisis_text({}),
        "",
        *(f"- **{v}** ({counts[v]}): {MEANINGS[v]}" for v in VERDICTS),
        "",
        bracket_note(found),
        "",
        "Records named in square brackets are those of the evidence.",
        "",
    ]
    for group, members in groupby(found, key=lambda one: one.claim.group):
        here = list(members)
        lines += [f"## {group}", "", "| claim | verdict | model |", "|---|---|---|"]
        lines += [f"| [{one.claim.claim}](#{one.claim.name}) | {one.claim.verdict} | {headline(one)} |" for one in here]
        lines.append("")
        for one in here:
            lines += _section(one)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(one: Evaluated) -> list[str]:
    c = one.claim
    lines = [
        f"### {c.name}",
        "",
        f"*{c.claim}*",
        "",
        f"**{c.verdict.capitalize()}.** {c.why}" + (f" (As of: {c.as_of}.)" if c.as_of else ""),
        "",
    ]
    lines += [f"- Evidence: {item.says} {provenance(item)}" for item in c.evidence]
    lines += [f"- Model: {_sentence(found)} {needs(found)}" for found in one.found]
    if c.outside:
        lines.append(f"- {OUTSIDE.capitalize()}: {c.outside}.")
    return [*lines, ""]
