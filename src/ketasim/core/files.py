"""Files appear whole or not at all; a place that cannot be written is an error before anything is computed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import UsageError


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
