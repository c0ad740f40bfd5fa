"""The tables of docs/how-to/screen.md: rules, facts of a person file, monitoring. Redraw: python -m ketasim.report.screen_page"""

from __future__ import annotations

import re
from pathlib import Path

from ketasim.core.values import knowledge_path, read_toml
from ketasim.person.fields import fields, scales
from ketasim.person.monitoring import steps
from ketasim.person.rules import READ, rule_sources, rules

PAGE = "docs/how-to/screen.md"
MARKS = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def rule_table() -> str:
    """Every rule: grade, words, condition, where it applies, sources."""
    lines = ["| rule | grade | what | fires if | where | source |", "|---|---|---|---|---|---|"]
    for rule in rules().values():
        where = ", ".join(rule.jurisdiction) + "".join(
            f"; {' '.join(part)}" for part in (rule.routes, rule.drugs) if part
        )
        cited = "; ".join(f"{source.key} ({place})" for source, place in rule.places)
        hand = f" **{rule.read}**"
        lines.append(
            f"| {rule.id} | {rule.grade.replace('_', ' ')} | {rule.text} | `{rule.when}` | {where} | {cited}{hand} |"
        )
    return "\n".join(lines) + "\n"


def source_table() -> str:
    """Every document: version, date, what of it was read."""
    lines = ["| key | document | version | dated | read | what was read |", "|---|---|---|---|---|---|"]
    for source in rule_sources().values():
        newer = f"; newer: {source.newer}" if source.newer else ""
        hand = f"**{READ[source.read]}**: "
        lines.append(
            f"| {source.key} | {source.title} | {source.version or '-'} | {source.dated or '-'} | {source.retrieved or '-'} "
            f"| {hand}{source.seen}{newer} |"
        )
    return "\n".join(lines) + "\n"


def fact_table() -> str:
    """Every fact that a person file may hold."""
    lines = ["| key | what | written as | also |", "|---|---|---|---|"]
    for field in fields().values():
        allowed = field.allowed.replace("|", "or")
        lines.append(f"| `{field.name}` | {field.label} | {allowed} | {', '.join(field.aliases) or '-'} |")
    return "\n".join(lines) + "\n"


def scale_table() -> str:
    """Every scale whose totals are read."""
    lines = ["| scale | from | to | rater | also |", "|---|---|---|---|---|"]
    for scale in scales().values():
        lines.append(
            f"| {scale.name} | {scale.low:g} | {scale.high:g} | {scale.rater} | {', '.join(scale.aliases) or '-'} |"
        )
    return "\n".join(lines) + "\n"


def phq9_form() -> str:
    """The form of the PHQ-9 with its permission."""
    form = read_toml(knowledge_path() / "phq9.toml")
    lines = [
        f"{form['window'].capitalize()}, how often: " + ", ".join(f"{a} {i}" for i, a in enumerate(form["answers"])),
        "",
    ]
    lines += [f"{number}. {item}" for number, item in enumerate(form["items"], start=1)]
    return "\n".join([*lines, "", f"{form['source']} Permission {form['permission']}."]) + "\n"


def monitoring_table() -> str:
    """Every step of the monitoring plans."""
    lines = ["| phase | route | when | what | where | source |", "|---|---|---|---|---|---|"]
    for step in steps():
        cited = "; ".join(f"{source.key} ({place})" for source, place in step.places)
        hand = " **second hand**" if step.not_verified else ""
        lines.append(
            f"| {step.phase} | {' '.join(step.routes) or 'every'} | {step.time or '-'} | {step.what} "
            f"| {', '.join(step.jurisdiction)} | {cited}{hand} |"
        )
    return "\n".join(lines) + "\n"


TABLES = {
    "rules": rule_table,
    "sources": source_table,
    "facts": fact_table,
    "scales": scale_table,
    "monitoring": monitoring_table,
    "phq9": phq9_form,
}


def redrawn(page: str) -> str:
    """The page with every generated table drawn anew."""
    return MARKS.sub(lambda found: found.group(1) + TABLES[found.group(2)]() + found.group(3), page)


if __name__ == "__main__":
    path = Path(PAGE)
    path.write_text(redrawn(path.read_text("utf-8")), "utf-8")
