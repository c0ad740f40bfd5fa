"""The files of `dose` import downwards, at their heads, without a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import ketasim

FOLDER = Path(ketasim.__file__).parent / "dose"


def _relative(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


def test_no_circle_of_files_and_no_import_inside_a_function() -> None:
    files = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.py")}
    list(TopologicalSorter({name: _relative(tree) for name, tree in files.items()}).static_order())
    for name, tree in files.items():
        inside = [n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)]
        assert not [n.lineno for n in inside if isinstance(n, ast.Import | ast.ImportFrom)], name
