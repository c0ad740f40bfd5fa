"""COMBINE archives (OMEX): written with the standard library, and read without trusting a byte of them.

libcombine unpacks `../` outside its folder; here nothing is unpacked at all: the entries are read into memory, under limits, and their
names are only names.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ketasim.core import UsageError

MANIFEST = "manifest.xml"
NAMESPACE = "http://identifiers.org/combine.specifications/omex-manifest"
FORMATS = {
    ".": "http://identifiers.org/combine.specifications/omex",
    MANIFEST: NAMESPACE,
    ".xml": "http://identifiers.org/combine.specifications/sbml.level-3.version-2",
    ".csv": "https://purl.org/NET/mediatypes/text/csv",
    ".json": "https://purl.org/NET/mediatypes/application/json",
    ".svg": "https://purl.org/NET/mediatypes/image/svg+xml",
    ".txt": "https://purl.org/NET/mediatypes/text/plain",
}
WHEN = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
MOST_ENTRIES = 500
MOST_BYTES = 50_000_000  # of all entries together, unpacked
MOST_PACKED = 50_000_000
MOST_RATIO = 200  # unpacked over packed: text packs 20-fold, a bomb a thousandfold
LONGEST_NAME = 200
DEEPEST_XML = 50
MOST_ELEMENTS = 5_000


@dataclass(frozen=True)
class Archive:
    """An archive as read: content by name, format by name as the manifest says, the name of the master file ("" if none)."""

    files: Mapping[str, bytes]
    formats: Mapping[str, str]
    master: str = ""


def packed(files: Mapping[str, bytes], master: str) -> bytes:
    """A COMBINE archive: the files, and a manifest that lists them, itself and the archive."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<omexManifest xmlns="{NAMESPACE}">']
    for name in (".", MANIFEST, *files):
        form = FORMATS.get(name) or FORMATS[PurePosixPath(name).suffix]
        place = name if name == "." else f"./{name}"
        lines.append(
            f"  <content location={quoteattr(place)} format={quoteattr(form)}"
            + (' master="true"' if name == master else "")
            + "/>"
        )
    manifest = "\n".join([*lines, "</omexManifest>", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in {MANIFEST: manifest, **files}.items():
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            made.writestr(entry, content)
    return buffer.getvalue()


def read_archive(path: str | Path) -> Archive:
    """The archive in a file. Nothing is written to the disk.

    Raises UsageError for what is no such archive, and for everything that could leave its folder or fill the memory: absolute names,
    `..`, backslashes, links, special files, doubled names, encryption, too many entries, too much or too tightly packed content, a
    manifest with a document type or nested without end, a manifest and entries that do not agree.
    """
    place = Path(path)
    try:
        if place.stat().st_size > MOST_PACKED:
            raise _refused(place, "the archive is too large", f"up to {MOST_PACKED // 1_000_000} MB")
        raw = place.read_bytes()
    except OSError as error:
        raise _refused(place, f"cannot read the file: {error.strerror}", "a COMBINE archive (.omex)") from error
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as opened:
            files = _files(place, opened)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise _refused(place, f"the archive cannot be read: {str(error)[:200]}", "a ZIP archive") from error
    except (OverflowError, UnicodeError) as error:
        raise _refused(place, "the archive cannot be read: it is damaged", "a ZIP archive") from error
    if MANIFEST not in files:
        raise _refused(place, f"the archive has no {MANIFEST}", "a COMBINE archive, which lists its content there")
    formats, master = read_manifest(files[MANIFEST], str(place))
    missing = sorted(set(formats) - set(files) - {"."})
    if missing:
        raise _refused(place, f"the manifest names '{missing[0]}', which is not in the archive", "a whole archive")
    return Archive(MappingProxyType(files), MappingProxyType(formats), master)


def _files(place: Path, opened: zipfile.ZipFile) -> dict[str, bytes]:
    entries = opened.infolist()
    if len(entries) > MOST_ENTRIES:
        raise _refused(place, f"the archive has {len(entries)} entries", f"up to {MOST_ENTRIES}")
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    left = MOST_BYTES
    for entry in entries:
        name = checked_name(entry.filename, str(place))
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(place, f"'{name}' is a link or a special file", "plain files")
        if entry.flag_bits & 1:
            raise _refused(place, f"'{name}' is encrypted", "entries without a password")
        if name.casefold() in seen:
            raise _refused(place, f"'{name}' occurs twice", "each name once, whatever its capitals")
        seen.add(name.casefold())
        if entry.is_dir():
            continue
        if entry.file_size > max(10_000, MOST_RATIO * entry.compress_size) or entry.file_size > left:
            raise _refused(place, f"'{name}' unpacks to {entry.file_size:,} bytes", f"{left:,}, {MOST_RATIO}-fold")
        with opened.open(entry) as stream:
            content = stream.read(left + 1)
        left -= len(content)
        if left < 0:
            raise _refused(place, "the archive unpacks to too much", f"up to {MOST_BYTES // 1_000_000} MB")
        found[name] = content
    return found


def checked_name(name: str, where: str) -> str:
    """The name of an entry without `./`, if it can only mean a file below the archive's own folder."""
    parts = name.removeprefix("./").rstrip("/").split("/")
    bad = (
        not name
        or len(name) > LONGEST_NAME
        or name.startswith("/")
        or "\\" in name
        or ":" in name
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in name)
        or any(part in ("", ".", "..") or part != part.strip() for part in parts)
    )
    if bad:
        raise UsageError(
            f"the archive has an entry with a name that is refused: {name[:80]!r}",
            where=where,
            allowed="names of files below the archive's own folder",
        )
    return "/".join(parts)


def read_manifest(raw: bytes, where: str) -> tuple[dict[str, str], str]:
    """name -> format, and the master file, of a manifest. No document type, hence no entities; bounded depth and size."""
    formats: dict[str, str] = {}
    master: list[str] = []
    depth = elements = 0

    def refuse(what: str) -> UsageError:
        return UsageError(what, where=f"{where}, {MANIFEST}", allowed="an OMEX manifest")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > DEEPEST_XML or elements > MOST_ELEMENTS:
            raise refuse("the manifest is nested too deeply or too long")
        if tag == f"{NAMESPACE} content":
            place = attributes.get("location", "")
            name = "." if place in (".", "./") else checked_name(place, f"{where}, {MANIFEST}")
            if name in formats:
                raise refuse(f"the manifest names '{name}' twice")
            formats[name] = attributes.get("format", "")
            if attributes.get("master") == "true":
                master.append(name)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: object) -> None:
        raise refuse("the manifest has a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise refuse(f"the manifest is no XML: {error}") from error
    except (LookupError, ValueError) as error:
        raise refuse(f"the manifest cannot be read: {str(error)[:100]}") from error
    if "." not in formats:
        raise refuse("the manifest does not list the archive itself")
    return formats, master[0] if master else ""


def _refused(place: Path, what: str, allowed: str) -> UsageError:
    return UsageError(what, where=str(place), allowed=allowed)
