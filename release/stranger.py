"""The README and the tutorials in a fresh clone, exactly as they are written, timed: `python release/stranger.py [--page docs/start.md ...] [--from FOLDER]`.

What a stranger would do: clone, the README's first command as it stands, the README's example in Python, then the blocks of each page, in the environment that the first
command made. Every block marked `console`, `pycon` or `python`, and every plain block of `ketasim` commands, is run in a shell; a block marked `toml` or `csv` is saved under
the file name before it (a part of a file that is there already takes the place of its tables). Words in capitals (WORDS, FILE, FOLDER, NAME) stand for something to fill in,
so such lines are listed, not run. Exit 1 if anything stops; each step is printed with the
time since the start, and the processor time.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TO_FILL_IN = re.compile(r"\b(WORDS|FILE|FOLDER|NAME|STUDY|PROBABILITY|MODULE|ADDRESS)\b")
COMMAND = re.compile(r"([A-Z_]+=\S+ )?(ketasim \w|python -m ketasim|mkdir \w)")
FILE = re.compile(r"`([\w/]+\.(?:toml|csv))`|([\w/]+\.(?:toml|csv))\b")
LONG = (
    "check",
    "claims",
    "lint",
    "reproduce",
    "--replay",
    "--outcomes",
    "weigh_fit",
)  # minutes: `release/stranger.py --all`


@dataclass(frozen=True)
class Step:
    """One thing that is done: the page, what kind of block, its text; shows: the first line that the page says it prints; name: of a file to save."""

    page: str
    kind: str
    text: str
    shows: str = ""
    name: str = ""


def steps(page: Path, root: Path = ROOT) -> list[Step]:
    """What a page asks its reader to run, in order: commands one by one; Python with what stood before it on the page. `$` lines of a plain block are shown, not asked."""
    found = []
    name = page.relative_to(root).as_posix()
    whole = page.read_text(encoding="utf-8")
    before = ""
    for block in BLOCK.finditer(whole):
        kind, text = block.groups()
        if kind in ("python", "pycon"):
            before += _code(text) if kind == "pycon" else text
            found.append(Step(name, "python", before))
        elif kind in ("toml", "csv"):
            found.append(Step(name, "file", text, name=_file(whole, block.start(), kind)))
        elif kind == "console":
            lines = text.splitlines()
            for number, line in enumerate(lines):
                if line.startswith("$ "):
                    found.append(Step(name, "command", line[2:], "".join(lines[number + 1 : number + 2])))
        elif kind in ("", "text"):
            found += [
                Step(name, "command", re.sub(r"\s{3,}.*$", "", line))
                for line in text.splitlines()
                if COMMAND.match(line)
            ]
    return _before_use(found)


def _before_use(found: list[Step]) -> list[Step]:
    """A file that the page shows below the first command that reads it is saved before that command."""
    for file in [step for step in found if step.kind == "file"]:
        used = next((i for i, s in enumerate(found) if s.kind == "command" and file.name in s.text.split()), len(found))
        if used < found.index(file):
            found.remove(file)
            found.insert(used, file)
    return found


def _file(page: str, at: int, kind: str) -> str:
    """The file that a block is saved as: the last one named in the sentence before it, else the first one in a command of the page."""
    last = page[:at].rstrip().rpartition("\n\n")[2]
    named = [a or b for a, b in FILE.findall(last) if (a or b).endswith(kind)]
    asked = re.findall(rf"^(?:\$ )?ketasim [^\n]*?([\w/]+\.{kind})\b", page, flags=re.MULTILINE)
    return (named[-1:] or asked[:1] or [f"page.{kind}"])[0]


def saved(place: Path, text: str) -> None:
    """Write a file; what is there already keeps the tables that `text` does not have."""
    tables = re.compile(r"^(?=\[)", re.MULTILINE)
    if place.suffix == ".toml" and place.exists() and text.startswith("["):
        new = {part.partition("\n")[0]: part for part in tables.split(text) if part}
        kept = [new.pop(part.partition("\n")[0], part) for part in tables.split(place.read_text(encoding="utf-8"))]
        text = "".join([*kept, *new.values()])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def _code(block: str) -> str:
    lines = [line[4:] for line in block.splitlines() if line.startswith((">>> ", "... ", "...")) or line == ">>>"]
    return "\n".join(lines) + "\n"


def runnable(step: Step, everything: bool, place: Path) -> str:
    """Empty if the step is run in the folder `place`, else why not."""
    if step.kind == "command":
        words = step.text.partition(">")[0].split()
        if TO_FILL_IN.search(step.text):
            return "to be filled in"
        if any(word.endswith((".toml", ".csv")) and not (place / word).exists() for word in words):
            return "needs a file of one's own"
        if "serve" in words:
            return "a server"
        if any(word in LONG or word.endswith(LONG) for word in words) and not everything:
            return "takes minutes (--all)"
    return ""


def processor() -> float:
    """Processor seconds of everything that was started, so that a busy machine can be told from a slow step; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_command(readme: str) -> str:
    """The README's first command, which installs and runs the main job."""
    return next(line for line in readme.splitlines() if line.startswith("python3"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Clone, install, run, time."""
    parser = argparse.ArgumentParser(prog="python release/stranger.py", description=__doc__)
    parser.add_argument("--page", action="append", default=[], help="a page after the README; may be repeated")
    parser.add_argument("--all", action="store_true", help="what takes minutes too")
    parser.add_argument("--source", default=str(ROOT), help="what is cloned")
    asked = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "ketasim"
        begin = time.monotonic()

        def told(what: str) -> None:
            print(f"{time.monotonic() - begin:7.0f} s {processor():6.0f} CPU s  {what}", flush=True)

        subprocess.run(["git", "clone", "--quiet", asked.source, str(clone)], check=True)
        told("cloned")
        line = first_command((clone / "README.md").read_text(encoding="utf-8"))
        wrong += _run(["bash", "-c", line], clone, {}, "README: " + line[:60])
        told("installed, main job run")
        place = Path(folder) / "work"
        place.mkdir()
        scripts = clone / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
        path = {"PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
        words = "ketamine iv 0.5 mg/kg over 40 min"
        wrong += _run(["ketasim", "run", words, "--plot", "first.svg"], place, path, "first figure")
        told("first figure")
        for page in [clone / "README.md", *(clone / name for name in asked.page)]:
            for step in steps(page, clone):
                why = runnable(step, asked.all, place)
                label = f"{step.page}: {step.text.strip().splitlines()[0][:90]}"
                if why:
                    told(f"not run, {why}: {label}")
                    continue
                wrong += _do(step, place, path, label)
                told(label)
    print(f"{wrong} stopped" if wrong else "nothing stopped")
    return min(wrong, 1)


def _do(step: Step, place: Path, path: dict[str, str], label: str) -> int:
    if step.kind == "file":
        saved(place / step.name, step.text)
        return 0
    if step.kind == "python":
        return _run(["python", "-c", step.text], place, path, label)
    return _run(["bash", "-c", step.text], place, path, label, step.shows)


def _run(command: list[str], place: Path, extra: dict[str, str], label: str, shows: str = "") -> int:
    """1 if the command stopped, or did not print the line that the page shows."""
    surroundings = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")} | extra
    program = shutil.which(command[0], path=surroundings.get("PATH")) or command[0]
    done = subprocess.run(
        [program, *command[1:]], cwd=place, env=surroundings, capture_output=True, text=True, check=False
    )
    stopped = shows not in done.stdout + done.stderr if shows else bool(done.returncode)
    if stopped:
        print(f"          stopped with {done.returncode}: {label}\n{(done.stdout + done.stderr)[-1500:]}", flush=True)
    return int(stopped)


if __name__ == "__main__":
    sys.exit(main())
