"""The engine's files: none imports itself by way of others, rooms import downwards, and none grows out of hand."""

from __future__ import annotations

import ast
from pathlib import Path

import ketasim.engine

ROOT = Path(ketasim.engine.__file__).parent
ROOMS = ("read", "symbolic", "code", "run")  # each imports from those before it
LONGEST = 410  # lines


def imports() -> dict[str, set[str]]:
    """File -> files of the engine that it imports, wherever the import stands."""
    files = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in ROOT.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = Path(name).parents[node.level - 1]
                stem = (base / (node.module or "").replace(".", "/")).as_posix()
                each = [f"{stem}/{a.name}".removeprefix("./") for a in node.names]
                found[name] |= {m for m in [stem.removeprefix("./"), *each] if m in files}
    return found


def test_no_file_imports_itself_by_way_of_others() -> None:
    open_files = {name: targets - {name} for name, targets in imports().items() if not name.endswith("__init__")}
    assert len(open_files) > 40
    while True:
        leaves = {name for name, targets in open_files.items() if not targets & set(open_files)}
        if not leaves:
            break
        open_files = {name: targets for name, targets in open_files.items() if name not in leaves}
    assert not open_files, f"a circle among {sorted(open_files)}"


def test_rooms_import_downwards() -> None:
    for name, targets in imports().items():
        for target in targets:
            if "/" in name and "/" in target:
                assert ROOMS.index(target.split("/")[0]) <= ROOMS.index(name.split("/")[0]), (name, target)


def test_files_stay_short() -> None:
    lengths = {path.name: path.read_text(encoding="utf-8").count("\n") for path in ROOT.rglob("*.py")}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}
