"""SBML packages that change no number: declared and not used, or about drawing only. They are blanked before libSBML sees the text.

A Level 3 document says in its first tag which packages it needs; many programs write that of every package they know. What is not
used cannot change the meaning, required or not. Elements of packages that are not required (SBML Level 3 core, section 4.1.3)
change no mathematics either. Lines stay where they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

PACKAGE = re.compile(r"http://www\.sbml\.org/sbml/level\d+/version\d+/(?P<name>\w+)/version\d+")
KEPT = frozenset({"l3v2extendedmath"})  # it adds functions, not elements
DRAWING = frozenset({"layout", "render"})
TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")


@dataclass
class _Seen:
    """What a document holds of packages, by their namespace; places are bytes."""

    prefixes: dict[str, str] = field(default_factory=dict)
    required: dict[str, bool] = field(default_factory=dict)
    elements: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)


def without_packages(text: str) -> str:
    """`text`, well-formed XML, without the packages that change no number."""
    if not PACKAGE.search(text):
        return text
    content = text.encode("utf-8", "surrogatepass")
    seen = _seen(content)
    clean = bytearray(content)
    for uri, prefix in seen.prefixes.items():
        elements, name = seen.elements.get(uri, []), PACKAGE.fullmatch(uri)
        drawing = name is not None and name["name"] in DRAWING
        optional = drawing or seen.required.get(uri) is False
        if name is None or name["name"] in KEPT or uri in seen.attributes or (elements and not optional):
            continue
        for begin, end in elements:
            _blank(clean, begin, end)
        _forget(clean, prefix, uri)
    return clean.decode("utf-8", "surrogatepass")


def _seen(content: bytes) -> _Seen:
    found, outermost, depth = _Seen(), list[tuple[str, int, int]](), 0
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        uri = tag.rpartition(" ")[0]
        if not outermost:
            for key, value in attributes.items():
                owner, _, local = key.rpartition(" ")
                if PACKAGE.fullmatch(owner):
                    if depth == 1 and local == "required":
                        found.required[owner] = value.strip() in ("true", "1")
                    elif owner != uri:
                        found.attributes.add(owner)
            if PACKAGE.fullmatch(uri):
                outermost.append((uri, depth, parser.CurrentByteIndex))

    def end(tag: str) -> None:
        nonlocal depth
        if outermost and outermost[-1][1] == depth:
            uri, _, begin = outermost.pop()
            closing = TAG.match(content, parser.CurrentByteIndex)
            if closing:
                found.elements.setdefault(uri, []).append((begin, closing.end()))
        depth -= 1

    def declared(prefix: str | None, uri: str) -> None:
        if prefix and PACKAGE.fullmatch(uri):
            found.prefixes.setdefault(uri, prefix)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartNamespaceDeclHandler = declared
    parser.Parse(content, True)
    return found


def _blank(content: bytearray, begin: int, end: int) -> None:
    content[begin:end] = re.sub(rb"[^\r\n]", b" ", bytes(content[begin:end]))


def _forget(content: bytearray, prefix: str, uri: str) -> None:
    """Takes the declaration out of the first tag."""
    for tag in TAG.finditer(content):
        if tag[0].startswith((b"<?", b"<!")):
            continue
        quoted = rb"""\s*=\s*(?:"[^"]*"|'[^']*')"""
        for pattern in (rb"xmlns:" + re.escape(prefix.encode()), re.escape(prefix.encode()) + rb":required"):
            for place in reversed(list(re.finditer(rb"(?<=\s)" + pattern + quoted, content[tag.start() : tag.end()]))):
                _blank(content, tag.start() + place.start(), tag.start() + place.end())
        return
