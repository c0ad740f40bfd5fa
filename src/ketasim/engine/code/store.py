"""Machine code on disk: one file per model, options, processor and version; checked before use.

A file holds a magic line, the SHA-256 of the rest, and the rest: the full key, the description of the model (JSON) and the
object code. A file that is damaged, that belongs to another key, or that another user could have written is ignored
and written anew. Files appear by renaming, so that several processes can share the folder.

The folder is the user's cache folder, or the one in the environment variable KETASIM_CACHE ("off" switches it off).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from ketasim._version import __version__
from ketasim.core.kept import folder, ours, put

from ..symbolic.evaluate import Program
from ..symbolic.sizes import Size
from ..symbolic.time_switch import Gap, TimeSwitch
from .description import Description

MAGIC = b"ketasim machine code 1\n"
SUFFIX = ".code"
MOST_FILES = 300


@cache
def engine_hash() -> str:
    """Hash of the engine's own source, so that code of another version is never used."""
    digest = hashlib.sha256(__version__.encode())
    engine = Path(__file__).parent.parent
    for path in sorted(engine.rglob("*.py")):
        digest.update(path.relative_to(engine).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def key_of(**parts: Any) -> str:
    """SHA-256 of everything that the machine code depends on."""
    return hashlib.sha256(json.dumps([engine_hash(), parts], sort_keys=True).encode()).hexdigest()


def read(key: str) -> tuple[Description, bytes] | None:
    """The entry of `key`, None if there is none that can be trusted."""
    place = folder()
    if place is None:
        return None
    try:
        path = place / (key + SUFFIX)
        if not (ours(place) and ours(path)):
            return None
        content = path.read_bytes()
        os.utime(path)
        return _unpack(key, content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(key: str, description: Description, code: bytes) -> None:
    """Stores an entry; a folder that cannot be written is no error."""
    path = put(key + SUFFIX, _pack(key, description, code))
    if path is not None:
        with contextlib.suppress(OSError):
            _prune(path.parent)


def _pack(key: str, description: Description, code: bytes) -> bytes:
    head = json.dumps({"key": key, "description": dataclasses.asdict(description)}).encode()
    body = len(head).to_bytes(8, "little") + head + code
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _unpack(key: str, content: bytes) -> tuple[Description, bytes] | None:
    start = len(MAGIC) + 65
    if not content.startswith(MAGIC) or len(content) < start + 8:
        return None
    body = content[start:]
    if content[len(MAGIC) : start] != hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    size = int.from_bytes(body[:8], "little")
    head = json.loads(body[8 : 8 + size])
    if head["key"] != key:
        return None
    return _description(head["description"]), body[8 + size :]


def _description(data: dict[str, Any]) -> Description:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    switches = tuple(
        TimeSwitch(
            **{
                **s,
                "truth": _program(s["truth"]),
                "gaps": tuple(Gap(_program(g["code"]), g["straight"]) for g in s["gaps"]),
                "inner": tuple(s["inner"]),
            }
        )
        for s in data["switches"]
    )
    fields["switches"] = switches
    fields["varying_sizes"] = tuple(Size(s["compartment"], _program(s["value"])) for s in data["varying_sizes"])
    return Description(**fields)


def _program(data: dict[str, Any]) -> Program:
    return Program(tuple((op, tuple(args), value) for op, args, value in data["steps"]), tuple(data["results"]))


def _prune(place: Path) -> None:
    """Removes the entries not used for longest when there are many."""
    files = [(path.stat().st_mtime, path) for path in place.glob("*" + SUFFIX)]
    for _, path in sorted(files)[: max(0, len(files) - MOST_FILES)]:
        path.unlink(missing_ok=True)
