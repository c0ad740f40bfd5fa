"""What follows from the package alone, kept on disk so that it is not worked out anew in every command: nothing of a person, nothing of the user's files.

A file of the cache folder holds the SHA-256 of its body in the first line, and the body. One that is damaged, or that another user could have written, is
ignored and written anew. Files appear by renaming, so that several processes can share the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from ketasim._version import __version__

from .errors import KetasimError
from .textfile import read_text

KNOWLEDGE = ".knowledge"  # a TOML file of the package as JSON, which is read ten times as quickly


def folder() -> Path | None:
    """The cache folder of this user, or the one in the environment variable KETASIM_CACHE; None if that is "off"."""
    asked = os.environ.get("KETASIM_CACHE")
    if asked:
        return None if asked.lower() == "off" else Path(asked)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "ketasim" / "code"


def ours(path: Path) -> bool:
    """Whether only this user can write there (systems without user ids: whether it exists)."""
    state = os.lstat(path)
    if stat.S_ISLNK(state.st_mode):
        return False
    if hasattr(os, "getuid"):
        return state.st_uid == os.getuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return True


def kept(name: str) -> bytes | None:
    """The body of a file of the cache folder; None if there is none that can be trusted."""
    place = folder()
    if place is None:
        return None
    try:
        path = place / name
        if not (ours(place) and ours(path)):
            return None
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return body if head == hashlib.sha256(body).hexdigest().encode() else None


def keep(name: str, body: bytes) -> None:
    """Keeps a body under a name; a folder that cannot be written is no error."""
    put(name, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def put(name: str, content: bytes) -> Path | None:
    """A file of the cache folder, whole or not at all; the file, or None where the folder is off, cannot be written, or is not this user's alone."""
    place = folder()
    if place is None:
        return None
    import tempfile  # with much that reading has no use for

    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not ours(place):
            return None
        handle, temporary = tempfile.mkstemp(dir=place, suffix=".part")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, place / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError:
        return None
    return place / name


@cache
def _shipped() -> str:
    return os.path.join(str(Path(__file__).resolve().parent.parent), "knowledge") + os.sep


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; a syntax error names file, line and column. See `textfile` for encodings.

    A file of the package is read from the cache folder where that knows it: the same version, place, size and time of change. Nothing is written:
    see `keep_parsed`.
    """
    if not str(path).startswith(_shipped()):
        return _parsed(path)
    try:
        mark = _mark(path)
    except OSError:
        return _parsed(path)  # which says what is wrong
    body = kept(_name(path))
    if body is not None:
        with contextlib.suppress(ValueError):
            found = json.loads(body)
            if found[0] == mark:
                return dict(found[1])
    _fresh.append(path)
    return _parsed(path)


_fresh: list[Path] = []  # files of the package that the cache folder did not know


def keep_parsed() -> None:
    """Keeps the files of the package that were parsed so far. For commands that keep what they compile; `screen` writes nothing at all."""
    while _fresh:
        path = _fresh.pop()
        with contextlib.suppress(TypeError, OSError):  # a date: JSON has none
            keep(_name(path), json.dumps([_mark(path), _parsed(path)]).encode())


def _mark(path: Path) -> list[str | int]:
    state = os.stat(path)
    return [__version__, str(path), state.st_size, state.st_mtime_ns]


def _name(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:32] + KNOWLEDGE


def _parsed(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KetasimError(f"not valid TOML: {error}", where=str(path)) from error
    except RecursionError as error:
        raise KetasimError("not valid TOML: nested too deeply", where=str(path)) from error
