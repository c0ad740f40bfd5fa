"""Text files that people write: UTF-8 with or without a byte order mark, any line ends; other encodings refused by name."""

from __future__ import annotations

import codecs
from pathlib import Path

from .errors import KetasimError

MOST_BYTES = 5_000_000  # a larger file is not one of ours
_SAVE = "save it as UTF-8 (most editors: Save as, encoding UTF-8)"
# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(path: Path) -> str:
    """The text of a file, its byte order mark dropped and its line ends made plain.

    Raises `KetasimError` that names the file for one that cannot be read, is too large, holds zero bytes, or is not
    UTF-8 (with the encoding where a byte order mark tells it, else with the first line that is not).
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise KetasimError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except ValueError as error:  # a zero byte in the name
        raise KetasimError(f"cannot read the file: {error}", where=repr(str(path))) from error
    if len(raw) > MOST_BYTES:
        raise KetasimError("the file is too large", where=str(path), allowed=f"up to {MOST_BYTES // 1_000_000} MB")
    return decoded(raw, str(path))


def decoded(raw: bytes, where: str) -> str:
    """The text of these bytes; see `read_text`."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            raise KetasimError(f"the file is {name} text", where=where, allowed="UTF-8 text", fix=_SAVE)
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if b"\x00" in raw:
        even, odd = raw[::2].count(0), raw[1::2].count(0)
        wide = max(even, odd) > 0.4 * (len(raw) // 2 or 1)
        what = "the file looks like UTF-16 text" if wide else "the file holds zero bytes: it is no text"
        raise KetasimError(what, where=where, allowed="UTF-8 text", fix=_SAVE)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise KetasimError(
            f"the file is not UTF-8 text: byte 0x{raw[error.start]:02x} in line {line}",
            where=f"{where}, line {line}",
            allowed="UTF-8 text",
            fix=_SAVE,
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
