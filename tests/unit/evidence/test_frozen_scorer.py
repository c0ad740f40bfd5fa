"""Baseline, rival and scorer were frozen before any structure of round 2 was touched (docs/decisions/0004-baseline-rival-scorer.md).

How to open them: not to make a model look better. Where one is wrong (an error in a formula, a word of the form that it does not know), mend it
in a commit of its own that changes nothing else, run `ketasim check` before and after, write both figures and the reason into
0004-baseline-rival-scorer.md, and put the new hash here (`python tests/unit/evidence/test_frozen_scorer.py` prints it).
The hash is of the code without comments, docstrings and layout.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

import ketasim.evidence.compare

FROZEN = {
    "baseline": "47fe4f9218b7e4c46b5ce34aa65f0212f71836a23af936f6259c7427f1039b22",
    "design": "8c2923c419b0d3167d60dcd911e03cb1ab21f86c51a41b2b4125b6d906131413",
    "rival": "3c2e1054f7d7f293012ceb279260740e43b4ecfe411883f88efe6a837fb8b319",
    "scorer": "66696ae80d73160bb27721fbcb456850d6fb37d66d24b215b73070ab8110cbd4",
}


def digest(name: str) -> str:
    """sha256 of the syntax tree without docstrings."""
    tree = ast.parse((Path(ketasim.evidence.compare.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@pytest.mark.parametrize("name", FROZEN)
def test_frozen(name: str) -> None:
    assert digest(name) == FROZEN[name], f"compare/{name}.py is frozen: read the head of this file"


if __name__ == "__main__":
    for each in ("baseline", "design", "rival", "scorer"):
        print(f'    "{each}": "{digest(each)}",')
