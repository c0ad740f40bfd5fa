"""What is released, built and installed as a stranger would: `python release/check.py` (needs `pip install build twine`; minutes, network for dependencies).

Wheel and source distribution are built in a copy, looked into, judged by twine, and the wheel is installed in an empty environment,
where the README's main job must run. Exit 1 at the first thing that is not right.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUST_BE_IN_THE_WHEEL = (
    "ketasim/py.typed",
    "ketasim/web/static/index.html",
    "ketasim/knowledge/names.toml",
    "ketasim/knowledge/posterior/draws.csv",
    "ketasim/stages/plasma/ketamine.ant",
    "ketasim/exchange/export.py",
)
MUST_BE_IN_THE_SOURCES = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "SECURITY.md",
    "docs/index.md",
    "tests/conftest.py",
    "hatch_build.py",
)
NEVER = re.compile(r"(^|/)(node_modules|__pycache__|\.git|\.venv|build|test-artefacts)(/|$)|\.pyc$")


def wrong_in(names: list[str], wanted: tuple[str, ...], what: str) -> list[str]:
    """Missing files and files that must not be there."""
    found = [f"{what}: no {name}" for name in wanted if not any(n == name or n.endswith(f"/{name}") for n in names)]
    return found + [f"{what}: {name} must not be there" for name in names if NEVER.search(name)][:5]


def wheel_problems(wheel: Path) -> list[str]:
    """What is wrong with the content of a wheel: files, licence, version."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        metadata = opened.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    found = wrong_in(names, MUST_BE_IN_THE_WHEEL, wheel.name)
    if not any(".dist-info/licenses/LICENSE" in n for n in names):
        found.append(f"{wheel.name}: no licence")
    if any(n.startswith(("tests/", "docs/")) for n in names):
        found.append(f"{wheel.name}: tests or docs at the top level")
    version = re.search(r'"([^"]+)"', (ROOT / "src" / "ketasim" / "_version.py").read_text(encoding="utf-8"))
    if version and f"Version: {version[1]}\n" not in metadata:
        found.append(f"{wheel.name}: another version than _version.py ({version[1]})")
    return found


def version_problems() -> list[str]:
    """One version everywhere: the package, the citation file and a heading of the changes agree."""
    version = re.search(r'"([^"]+)"', (ROOT / "src" / "ketasim" / "_version.py").read_text(encoding="utf-8"))
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    told = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if version is None or cited is None or version[1] != cited[1]:
        return [f"_version.py says {version and version[1]}, CITATION.cff {cited and cited[1]}"]
    return [] if version[1] in told else [f"CHANGELOG.md has no heading for {version[1]}"]


def main() -> int:
    """Build, look, install, run."""
    problems = version_problems()
    with tempfile.TemporaryDirectory() as folder:
        copy, out = Path(folder) / "copy", Path(folder) / "dist"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", "node_modules", ".venv", "__pycache__", "build", "dist")
        )
        subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(copy)], check=True)
        wheel, sources = next(out.glob("*.whl")), next(out.glob("*.tar.gz"))
        problems += wheel_problems(wheel)
        with tarfile.open(sources) as opened:
            problems += wrong_in(opened.getnames(), MUST_BE_IN_THE_SOURCES, sources.name)
        if subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sources)], check=False
        ).returncode:
            problems.append("twine is not content")
        place = Path(folder) / "clean"
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([str(scripts / "pip"), "install", "--quiet", str(wheel)], check=True)
        ran = subprocess.run(
            [str(scripts / "ketasim"), "run", "ketamine iv 0.5 mg/kg over 40 min"],
            check=False,
            capture_output=True,
            text=True,
        )
        if ran.returncode or "MADRS" not in ran.stdout:
            problems.append(f"the installed wheel does not run: {ran.stderr[-500:]}")
        print(
            f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {sources.name}: {sources.stat().st_size / 1e6:.1f} MB"
        )
    print("\n".join(problems) or "nothing is wrong")
    return 1 if problems else 0


def dependencies() -> list[str]:
    """Names of the dependencies of the core, of pyproject.toml."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.split(r"[<>=!~ \[]", word)[0] for word in table["dependencies"]]


if __name__ == "__main__":
    sys.exit(main())
