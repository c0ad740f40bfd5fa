"""Two hundred hostile archives, manifests and tables: each is refused in words or read as plain data, and nothing is written anywhere.

Bounds in the slow run: a second of processor time and 200 MB each.
"""

from __future__ import annotations

import io
import stat
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ketasim.core import KetasimError
from ketasim.exchange.archive import MANIFEST, NAMESPACE, packed, read_archive, read_manifest
from ketasim.exchange.dosing_table import read_table

GOOD = {"model.xml": b"<sbml/>", "run.json": b"{}"}


def manifest(names: list[str], more: str = "") -> bytes:
    lines = "".join(f'<content location="{n}" format="x"/>' for n in [".", *names])
    return f'<?xml version="1.0"?><omexManifest xmlns="{NAMESPACE}">{lines}{more}</omexManifest>'.encode()


def zipped(entries: list[tuple[str, bytes, int]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made, warnings.catch_warnings(action="ignore"):  # doubled names
        for name, content, mode in entries:
            info = zipfile.ZipInfo("x", (1980, 1, 1, 0, 0, 0))
            info.filename, info.compress_type, info.external_attr = name, method, mode << 16
            made.writestr(info, content)
    return buffer.getvalue()


NAMES = (
    "../evil.txt", "../../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "//server/evil", "C:\\evil.txt", "c:evil.txt", "..\\evil.txt",
    "a\\..\\..\\evil.txt", "\\\\server\\share\\evil", "./../evil", "a/./../../evil", "~/../evil", "a//evil", "a/ /evil", "evil\n.txt",
    "evil\x7f.txt", "x" * 300, "a/" * 120 + "evil", "con:aux", "..", ".", "a/..", "%2e%2e/../evil", "a/../evil",
)  # fmt: skip
KINDS = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)


def archives() -> Iterator[tuple[str, bytes]]:
    plain = [(MANIFEST, manifest(["model.xml"]), 0o100644), ("model.xml", b"<sbml/>", 0o100644)]
    for name in NAMES:
        yield f"name {name[:20]!r}", zipped([*plain, (name, b"evil", 0o100644)])
        yield f"manifest names {name[:20]!r}", zipped([(MANIFEST, manifest([name.replace("&", "")]), 0), *plain[1:]])
    for kind in KINDS:
        yield f"special {kind:o}", zipped([*plain, ("link", b"/etc/passwd", kind | 0o777)])
    bomb = b"\0" * 30_000_000
    yield "bomb", zipped([*plain, ("bomb.txt", bomb, 0)])
    yield "many bombs", zipped([*plain, *((f"b{i}", b"\0" * 9_900, 0) for i in range(400))])
    yield "too many", zipped([*plain, *((f"f{i}", b"", 0) for i in range(600))])
    yield "twice", zipped([*plain, ("a", b"1", 0), ("a", b"2", 0)])
    yield "capitals", zipped([*plain, ("Model.XML", b"1", 0)])
    yield "no manifest", zipped(plain[1:])
    yield "manifest of another archive", zipped([(MANIFEST, manifest(["other.xml"]), 0), *plain[1:]])
    yield (
        "not itself",
        zipped([(MANIFEST, manifest([]).replace(b'location="."', b'location="./model.xml"'), 0), *plain[1:]]),
    )
    good = packed(GOOD, "model.xml")
    for cut in (0, 1, 10, 30, len(good) // 3, len(good) // 2, len(good) - 30, len(good) - 1):
        yield f"cut at {cut}", good[:cut]
    for at in range(0, len(good), max(1, len(good) // 60)):
        yield f"bit {at}", good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]
    lied = bytearray(zipped([*plain, ("b", b"\0" * 100_000, 0)]))
    central = lied.rfind(b"PK\x01\x02")
    lied[central + 24 : central + 28] = struct.pack("<I", 10)
    yield "size that lies", bytes(lied)
    locked = bytearray(zipped(plain))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark)
        locked[at + offset] |= 1
    yield "locked", bytes(locked)
    yield "nested", zipped([*plain, ("inner.zip", zipped([("b", bomb[:3_000_000], 0)]), 0)])
    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield name, zipped([*plain, ("b.txt", b"\0" * 5_000_000, 0)], method)
    yield "text", b"this is no archive"
    yield "empty", b""


def manifests() -> Iterator[tuple[str, bytes]]:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    yield "laughs", f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l9;</x>'.encode()
    yield "file entity", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    yield "remote", b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>'
    yield "parameter entity", b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><x/>'
    for depth in (60, 5_000, 200_000):
        yield f"depth {depth}", b"<a>" * depth + b"</a>" * depth
    yield "long", manifest([], '<content location="./f" format="x"/>' * 20_000)
    yield "attributes", b"<a " + b" ".join(b'k%d="v"' % i for i in range(50_000)) + b"/>"
    yield "one attribute", b'<a k="' + b"x" * 3_000_000 + b'"/>'
    for encoding in ("utf-16", "utf-32", "utf-7", "cp037"):
        yield f"written in {encoding}", manifest(["model.xml"]).decode().encode(encoding)
    yield "unknown encoding", b'<?xml version="1.0" encoding="no-such"?><a/>'
    yield "idna", b'<?xml version="1.0" encoding="idna"?><a/>'
    yield "zeros", b"\0" * 1000
    yield "half", manifest(["model.xml"])[:-9]
    yield "control", manifest(["a&#1;b"])
    yield "other root", b"<html/>"
    yield "twice", manifest(["a", "a"])


HEAD = "ID,TIME,AMT,EVID\n"


def tables() -> Iterator[tuple[str, bytes]]:
    for text in ("=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\")", "@SUM(A1)", "+1+1", "-2-3", "=1", "${jndi:x}", "__import__('os')", "1;2", "0x10", "1_000", "１", "∞", "1e400", "--5", "5 mg"):  # fmt: skip
        yield f"formula {text[:10]}", (HEAD + f'1,0,"{text.replace(chr(34), chr(34) * 2)}",1\n').encode()
        yield f"formula in time {text[:10]}", (HEAD + f'1,"{text.replace(chr(34), chr(34) * 2)}",5,1\n').encode()
    for encoding in ("utf-16", "utf-16-le", "utf-32", "cp037"):
        yield encoding, (HEAD + "1,0,5,1\n").encode(encoding)
    yield "latin", (HEAD + "Jérôme,0,5,1\n").encode("latin-1")
    yield "zeros", b"ID,TIME\x00,AMT\n1,0,5\n"
    yield "binary", bytes(range(256)) * 100
    yield "quote", (HEAD + '"1,0,5,1\n' * 3).encode()
    yield "one long cell", (HEAD + "1,0," + "9" * 4_000_000 + ",1\n").encode()
    yield "one long line", ("ID,TIME,AMT," + "X," * 1_000_000 + "\n1,0,5\n").encode()
    yield "many columns", (",".join(["ID", "TIME", "AMT", *(f"c{i}" for i in range(900_000 // 8))]) + "\n").encode()
    yield "many rows", (HEAD + "1,0,.,0\n" * 500_000).encode()
    yield "empty lines", ("\n" * 3_000_000 + HEAD).encode()
    yield "many doses", ("ID,TIME,AMT,EVID,II,ADDL\n" + "1,0,5,1,1,4999\n1,1,5,1,1,4999\n").encode()
    yield (
        "many people with many doses",
        ("ID,TIME,AMT,EVID,II,ADDL\n" + "".join(f"{i},0,5,1,1,5001\n" for i in range(5_000))).encode(),
    )
    yield "too large", b"ID,TIME,AMT\n" + b"1,0,5\n" * 1_000_000
    yield "backtracking", (HEAD + "1," + "1" * 100_000 + "x,5,1\n").encode()
    yield "long name", (HEAD + "1,0,.,0\n").encode().replace(b"EVID", b"a" * 100_000 + b".")
    yield "late time", (HEAD + "1,1e300,5,1\n").encode()
    yield "carriage returns", (HEAD + "1,0,-5,1\r" * 10).encode()


def every_case() -> Iterator[tuple[str, str, bytes]]:
    """Made one after the other: together they would fill the memory that they must not fill."""
    for kind, made in (("archive", archives), ("manifest", manifests), ("table", tables)):
        for name, raw in made():
            yield kind, name, raw


def carried_out(kind: str, raw: bytes, folder: Path) -> bool:
    """As the command would read it: True if it was read, False if it was refused in words."""
    place = folder / ("in.omex" if kind == "archive" else "in.csv")
    try:
        if kind == "manifest":
            read_manifest(raw, "in.omex")
        else:
            place.write_bytes(raw)
            read_archive(place) if kind == "archive" else read_table(place)
    except KetasimError as error:
        assert len(str(error)) < 2_000, "a message is no copy of the file"
        return False
    return True


DANGEROUS = (
    *(
        "name ",
        "special",
        "formula",
        "laughs",
        "file entity",
        "remote",
        "parameter",
        "depth",
        "bomb",
        "size that lies",
    ),
    *(
        "twice",
        "locked",
        "cut at",
        "not itself",
        "too many",
        "backtracking",
        "many people",
        "late time",
        "binary",
        "zeros",
    ),
)


def test_each_is_refused_or_read_and_nothing_is_written(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    count, passed = 0, []
    for kind, name, raw in every_case():
        count += 1
        if carried_out(kind, raw, inside) and name.startswith(DANGEROUS):
            passed.append((kind, name))
    assert count >= 200
    assert passed == []
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")}
    assert left <= {"a", "a/b", "a/b/in.omex", "a/b/in.csv"}


def test_a_good_archive_is_read(tmp_path: Path) -> None:
    place = tmp_path / "good.omex"
    place.write_bytes(packed(GOOD, "model.xml"))
    archive = read_archive(place)
    assert (
        archive.files["model.xml"] == b"<sbml/>"
        and archive.master == "model.xml"
        and set(archive.formats) == {".", MANIFEST, *GOOD}
    )


@pytest.mark.slow
def test_each_takes_at_most_a_second_and_200_megabytes(tmp_path: Path) -> None:
    worst: list[tuple[float, float, str]] = []
    for kind, name, raw in every_case():
        tracemalloc.start()
        begin = time.process_time()
        carried_out(kind, raw, tmp_path)
        used = time.process_time() - begin
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        worst.append((used, peak, f"{kind}: {name}"))
    assert max(worst)[0] < 5.0, sorted(worst)[-3:]  # tracing makes it several times slower
    assert max(w[1] for w in worst) < 200.0
    for kind, name, raw in every_case():
        begin = time.process_time()
        carried_out(kind, raw, tmp_path)
        assert time.process_time() - begin < 1.0, (kind, name)
