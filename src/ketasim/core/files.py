"""Files appear whole or not at all; a place that cannot be written is an error before anything is computed."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import UsageError

PART = ".part"


def check_writable(path: str | Path, endings: tuple[str, ...] = ()) -> Path:
    """The path, if a file can be made there; a UsageError otherwise."""
    place = Path(path)
    if place.is_dir():
        raise UsageError(
            "that is a folder, not a file", where=str(place), fix=str(place / f"ketasim{endings[0] if endings else ''}")
        )
    if endings and place.suffix.lower() not in endings:
        raise UsageError(
            f"cannot write a {place.suffix or 'file without ending'}",
            where=str(place),
            allowed=", ".join(endings),
            fix=str(place.with_suffix(endings[0])),
        )
    if not place.parent.is_dir():
        raise UsageError(f"the folder {place.parent} does not exist", where=str(place), fix=f"mkdir -p {place.parent}")
    if not os.access(place.parent, os.W_OK) or (place.exists() and not os.access(place, os.W_OK)):
        raise UsageError("nothing can be written there", where=str(place), allowed="a file in a folder of your own")
    return place


def write_whole(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file beside `path`, then put it in place at once; nothing is left after an error."""
    place = check_writable(path)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.stem}-", suffix=place.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)
    return place


def write_durably(path: Path, write: Callable[[Path], None]) -> Path:
    """The same for a file that another process goes on from: `write` fills `.NAME.HOST-PID.part`, whose bytes are on the disk before it gets its name.

    A process that is killed at any moment (kill -9, power) leaves no file or the whole one, and at most a part that nobody reads (`sweep`).
    """
    part = path.with_name(f".{path.name}{mark_of(os.getpid())}")
    try:
        write(part)
        _to_disk(part)
        os.replace(part, path)
        _to_disk(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return path


def sweep(folder: Path) -> int:
    """Remove the parts that processes of this machine left when they were killed; those of processes that live stay. Returns how many went."""
    gone = 0
    for part in folder.glob(f".*.{_host()}-*{PART}"):
        number = part.name.removesuffix(PART).rpartition("-")[2]
        if number.isdigit() and not _alive(int(number)):
            part.unlink(missing_ok=True)
            gone += 1
    return gone


def mark_of(process: int) -> str:
    """What the name of a part of this process ends with."""
    return f".{_host()}-{process}{PART}"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", platform.node()) or "host"


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's, or no number of a process: left alone
    return True


def _to_disk(place: Path) -> None:
    """fsync of a file or, where the system knows that, of a folder."""
    if place.is_dir() and os.name == "nt":
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
