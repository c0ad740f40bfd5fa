"""The guide for people who have heard that ketamine lifts depression: text as data, every number resolved, nobody told what to do.

from ketasim.report.guide import guide
guide()["sections"][0]["blocks"][1]["parts"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from ketasim.core import UsageError, knowledge_path, read_toml, sources
from ketasim.core.records import NOTICE
from ketasim.decide import claims
from ketasim.decide.claims_file import known_records

from .crisis import crisis_lines, crisis_text
from .guide_numbers import WHERE, number

PLACE = re.compile(r"\{([a-z-]+)(?:\.(range|within))?\}")
CRISIS = "crisis"
OWN = "own"
KINDS = ("text", "list", "array", "table", "questions", "faq", "glossary")


def book() -> dict[str, Any]:
    """The file as it stands: text with its places, nothing resolved."""
    return read_toml(knowledge_path() / "guide.toml")


def guide() -> dict[str, Any]:
    """The guide with every number resolved; the first call carries out its runs and claims (some seconds).

    Sections of blocks; a block is text (`parts`), or rows of it. A part is plain text or the name of one of `numbers`, with what is
    printed. Raises UsageError naming what is missing.
    """
    table = book()
    found = {name: asdict(number(name, entry, table)) for name, entry in table["numbers"].items()}
    return {
        "language": table["language"],
        "title": table["title"],
        "reviewed": table["reviewed"],
        "checked": table["checked"],
        "notice": NOTICE,
        "sections": [
            {
                "key": s["key"],
                "title": s["title"],
                "blocks": [
                    _block(f"{WHERE}, section {s['key']}, block {i + 1}", b, found) for i, b in enumerate(s["block"])
                ],
            }
            for s in table["section"]
        ],
        "numbers": found,
        "claims": {name: claims.claim(name).claim for name in sorted(set(_claims_of(table)))},
        "crisis": crisis(),
    }


def crisis() -> dict[str, Any]:
    """Where help is, for every place with a verified number; the general line for all others. Offline."""
    lines = [{**asdict(line), "countries": list(line.countries), "text": str(line)} for line in crisis_lines()]
    return {"general": crisis_text({}), "lines": lines}


def plain_text(found: Mapping[str, Any]) -> str:
    """The guide as lines of text, as a reader without a screen meets it: the same words, the same numbers."""
    lines = [found["title"], found["crisis"]["general"], found["notice"]]
    for section in found["sections"]:
        lines += ["", f"# {section['title']}"]
        for block in section["blocks"]:
            lines += [block["title"]] if block["title"] else []
            lines += [words(block["parts"])] if block["parts"] else []
            for item in block["items"]:
                head = item["ask"] or item["head"]
                cells = [words(cell) for cell in item["cells"]]
                lines.append(
                    " | ".join([*([head] if head else []), *cells, *([words(item["parts"])] if item["parts"] else [])])
                )
            lines += [f"{found['numbers'][row['number']]['text']}: {words(row['parts'])}" for row in block["rows"]]
    return "\n".join([*lines, "", found["crisis"]["general"]])


def words(parts: list[dict[str, Any]]) -> str:
    """Parts as one line."""
    return "".join(part["text"] for part in parts)


def texts(table: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(where, text, glossary) of everything that a reader reads: paragraphs, items, cells, titles, labels."""
    for section in table["section"]:
        yield f"{section['key']}, title", section["title"], False
        for i, block in enumerate(section["block"]):
            where = f"{section['key']}, block {i + 1}"
            glossary = block.get("kind") == "glossary"
            for key in ("title", "text"):
                if block.get(key):
                    yield f"{where}, {key}", block[key], glossary
            for k, item in enumerate([*block.get("items", ()), *block.get("rows", ())]):
                for key in ("ask", "head", "text", "label"):
                    if item.get(key):
                        yield f"{where}, {key} {k + 1}", item[key], glossary
                for cell in item.get("cells", ()):
                    yield f"{where}, row {k + 1}", cell, glossary


def fingerprint() -> str:
    """Hash of the files that the guide is written from: its text, the ledger, the crisis lines."""
    files = ("guide.toml", "claims.toml", "crisis.toml")
    return sha256(b"\0".join((knowledge_path() / name).read_bytes() for name in files)).hexdigest()[:32]


# parts of it -----------------------------------------------------------------------------------------------------------


def _block(where: str, table: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    kind = table.get("kind", "text")
    if kind not in KINDS:
        raise UsageError(f"unknown kind '{kind}'", where=where, allowed=", ".join(KINDS))
    items = table.get("items", ()) if kind != "table" else table["rows"]
    rows = table.get("rows", ()) if kind == "array" else ()
    return {
        "kind": kind,
        "title": table.get("title", ""),
        "mark": table.get("mark", ""),
        "columns": list(table.get("columns", ())),
        "parts": _parts(where, table.get("text", ""), numbers),
        "items": [
            {
                "ask": item.get("ask", ""),
                "head": item.get("head", ""),
                "parts": _parts(where, item.get("text", ""), numbers),
                "cells": [_parts(where, cell, numbers) for cell in item.get("cells", ())],
                "rests_on": _rests_on(where, item, kind),
            }
            for item in items
        ],
        "rows": [{"number": r["number"], "parts": _parts(where, r["label"], numbers)} for r in rows],
        "rests_on": _rests_on(where, table, kind),
    }


def _parts(where: str, text: str, numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Plain text and numbers in turn."""
    found: list[dict[str, Any]] = []
    at = 0
    for place in PLACE.finditer(text):
        name, form = place.groups()
        if place.start() > at:
            found.append({"text": text[at : place.start()], "number": ""})
        if name == CRISIS:
            found.append({"text": crisis_text({}).partition(": ")[2], "number": CRISIS})
        elif name not in numbers:
            raise UsageError(f"no number '{name}'", where=where, allowed=", ".join(numbers))
        else:
            shown = numbers[name][form or "text"]
            if not shown:
                raise UsageError(f"'{name}' has no {form}", where=where, allowed="a number with an interval")
            found.append({"text": shown, "number": name})
        at = place.end()
    if text[at:]:
        found.append({"text": text[at:], "number": ""})
    return found


def _rests_on(where: str, table: Mapping[str, Any], kind: str) -> list[dict[str, str]]:
    """Claims, records and sources as name and kind."""
    asked = table.get("rests_on", [])
    if not asked and kind in ("text", "array") and "items" not in table:
        raise UsageError("nothing is said about where this comes from", where=where, fix='rests_on = ["lasts-a-week"]')
    known = {c.name for c in claims.ledger()}
    found = []
    for name in asked:
        if name == OWN:
            continue
        if name in known:
            found.append({"name": name, "kind": "claim"})
        elif name in known_records():
            found.append({"name": name, "kind": "record"})
        elif name in sources():
            found.append({"name": name, "kind": "source"})
        else:
            raise UsageError(
                f"'{name}' is neither a claim, a record nor a source", where=where, allowed="ketasim claims"
            )
    return found


def _claims_of(table: Mapping[str, Any]) -> Iterator[str]:
    known = {c.name for c in claims.ledger()}
    for section in table["section"]:
        for block in section["block"]:
            for item in (block, *block.get("items", ()), *block.get("rows", ())):
                yield from (name for name in item.get("rests_on", ()) if name in known)
    yield from (entry["claim"] for entry in table["numbers"].values() if "claim" in entry)
