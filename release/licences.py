"""`python release/licences.py --write`: docs/licences.md, from the metadata of what is installed (all dependencies of the core, theirs too)."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "release"))

from check import dependencies  # noqa: E402

PAGE = ROOT / "docs" / "licences.md"
HEAD = """# Licences of what Ketasim needs

Ketasim itself is under the MIT licence. Everything below is installed with it (the core, without extras), as its own metadata says.

| package | licence |
|---|---|
"""
FOOT = """
The script of the page of `ketasim serve` contains, minified, code of Svelte, clsx and uPlot (all MIT); their notices are written by the build into `licences.txt`
beside the page (`frontend/notices.js`), which is part of the wheel and served with it.
"""


def closure(names: list[str]) -> list[str]:
    """The packages and everything they need, without extras, alphabetical."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # needed on another system only
        found[name] = None
        waiting += [re.split(r"[<>=!~ \[(;]", need)[0] for need in needs if "extra ==" not in need]
    return sorted(found)


def licence(name: str) -> str:
    """What a package says of itself."""
    told = metadata.metadata(name)
    classified = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    plain = (
        (told.get("License-Expression") or "").strip()
        or ", ".join(classified)
        or (told.get("License") or "").strip().split("\n")[0]
    )
    return plain or "not said in its metadata"


def page() -> str:
    """The page."""
    return HEAD + "".join(f"| {name} | {licence(name)} |\n" for name in closure(dependencies())) + FOOT


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8") if "--write" in sys.argv else print(page())
