"""Runs the code blocks of the pages and compares what they print: `python docs/blocks.py [--write] [PAGE ...]`.

A block marked `console` holds lines `$ ketasim ...` and what they print; one marked `pycon` holds `>>>` lines and what they print. All blocks of a
page run in one process and one empty folder, one after the other. `--write` puts the output that came into the page.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Every page with blocks that run."""
    return [
        p for p in sorted(HERE.rglob("*.md")) if "_build" not in p.parts and BLOCK.search(p.read_text(encoding="utf-8"))
    ]


def rerun(page: Path) -> str:
    """The page with the output that its blocks print now."""
    space: dict[str, Any] = {"__name__": "page"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return BLOCK.sub(
                lambda found: (
                    f"```{found[1]}\n"
                    + (_console(found[2]) if found[1] == "console" else _python(found[2], space))
                    + "```"
                ),
                page.read_text(encoding="utf-8"),
            )
        finally:
            os.chdir(before)


def _console(block: str) -> str:
    return "".join(f"{line}\n{_called(line[2:])}" for line in block.splitlines() if line.startswith("$ "))


def _called(line: str) -> str:
    from ketasim.cli.main import main

    out = io.StringIO()
    words = shlex.split(line)
    assert words[0] == "ketasim", line
    kept, sys.argv = sys.argv, words
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
            main()
    finally:
        sys.argv = kept
    return out.getvalue().rstrip() + "\n"


def _python(block: str, space: dict[str, Any]) -> str:
    found = ""
    for example in doctest.DocTestParser().get_examples(block):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(example.source, "page", "single"), space)
        first, *rest = example.source.rstrip("\n").split("\n")
        found += "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in rest)]) + f"\n{out.getvalue()}"
    return found


if __name__ == "__main__":
    write = "--write" in sys.argv
    asked = [Path(word).resolve() for word in sys.argv[1:] if word != "--write"]
    wrong = 0
    for page in asked or pages():
        text = rerun(page)
        if text != page.read_text(encoding="utf-8"):
            wrong += 1
            print(("written: " if write else "prints something else: ") + str(page.relative_to(HERE)))
            if write:
                page.write_text(text, encoding="utf-8")
    sys.exit(0 if write else min(wrong, 1))
