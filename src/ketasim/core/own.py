"""Parts of one's own beside the package: folders that are laid out as `knowledge/`, and read with the same checks.

A folder is named by the environment variable KETASIM_PLUGINS (several with `os.pathsep` between them), or by an installed package with
an entry point in the group `ketasim.plugins` whose object is the folder (a path) or a function that returns it.

    FOLDER/stages/NAME.toml     a mechanism: which stage, which .ant file beside it, its ports (see `ketasim new stage NAME`)
    FOLDER/values/NAME.toml     its numbers
    FOLDER/sources/NAME.toml    their sources
    FOLDER/hypotheses/NAME.toml an explanation
    FOLDER/designs/NAME.toml    studies that could be done
    FOLDER/findings/NAME.toml   what was found in experiments of one's own, for `ketasim weigh`

Nothing in the package is touched; a name that the package has already is refused.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from .errors import UsageError

VARIABLE = "KETASIM_PLUGINS"
GROUP = "ketasim.plugins"
KINDS = ("stages", "values", "sources", "hypotheses", "designs", "findings")
_ADDED: list[Path] = []


@cache
def own_folders() -> tuple[Path, ...]:
    """Every folder of one's own, those of the variable first. Raises UsageError for one that does not exist."""
    named = [part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip()]
    found = []
    for part in named:
        place = Path(part).expanduser().resolve()
        if not place.is_dir():
            raise UsageError(
                f"the folder {place} does not exist", where=VARIABLE, allowed="a folder", fix=f"mkdir -p {place}"
            )
        found.append(place)
    return tuple(dict.fromkeys([*found, *_ADDED, *_installed()]))


def add_folder_of(file: str | Path) -> Path:
    """Read the folder around FOLDER/hypotheses/NAME.toml (or another kind) as one more folder of one's own; returns the folder.

    Raises UsageError for a file that is not there or does not lie in a folder of a kind, and when parts of one's own have been read already
    (then the folder is named by KETASIM_PLUGINS before the start).
    """
    place = Path(file).expanduser().resolve()
    if not place.is_file():
        raise UsageError(f"there is no file {file}", where=str(file), allowed="FOLDER/hypotheses/NAME.toml")
    if place.parent.name not in KINDS:
        raise UsageError(
            f"{place.name} does not lie in a folder of parts of one's own",
            where=str(file),
            allowed=f"FOLDER/KIND/NAME.toml, KIND one of {', '.join(KINDS)}: numbers and mechanisms lie beside it",
            fix=f"ketasim new hypothesis {place.stem.replace('-', '_')} --folder FOLDER",
        )
    folder = place.parent.parent
    if own_folders.cache_info().currsize and folder in own_folders():
        return folder
    if own_files.cache_info().currsize:
        raise UsageError(
            "parts of one's own have been read already in this process", where=str(file), fix=f"{VARIABLE}={folder}"
        )
    _ADDED.append(folder)
    own_folders.cache_clear()
    return folder


def _installed() -> list[Path]:
    from importlib.metadata import entry_points

    found = []
    for point in entry_points(group=GROUP):
        thing = point.load()
        place = Path(thing() if callable(thing) else thing).resolve()
        if not place.is_dir():
            raise UsageError(f"the plug-in {point.name} names no folder: {place}", where=f"entry point {GROUP}")
        found.append(place)
    return found


@cache
def own_files(kind: str) -> tuple[Path, ...]:
    """The TOML files of one kind in every folder of one's own, in the order of folders and names."""
    found = [path for folder in own_folders() for path in sorted((folder / kind).glob("*.toml"))]
    stems: dict[str, Path] = {}
    for path in found:
        if path.stem in stems:
            raise UsageError(f"two files are called {path.name}", where=f"{stems[path.stem]} and {path}")
        stems[path.stem] = path
    return tuple(found)
