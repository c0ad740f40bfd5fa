"""What is released, built and installed as a stranger would: `python release/check.py` (needs `pip install build twine`; minutes, network).

Sources and wheel are built in a copy (the wheel from the sources), looked into and judged by twine. The wheel is installed in an empty
environment of every Python that is here (3.12, 3.13, 3.14; `--python PATH` adds one), the sources in one more of the first. In each the README's main
job must run, the page and the licence must be there, `import ketasim` must load little, and every dependency must stand in
docs/licences.md. What could not be run is said. Exit 1 if anything is not right.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.12", "3.13", "3.14")
MOST_MODULES = (
    60  # that `import ketasim` may load beyond those of Python itself; how long it takes is benchmarks/start.py
)
NOT_AT_IMPORT = ("numpy", "scipy", "llvmlite", "matplotlib", "xarray", "pyarrow", "pint", "libsbml", "fastapi", "typer")
MUST_BE_IN_THE_WHEEL = (
    "ketasim/py.typed",
    "ketasim/web/static/index.html",
    "ketasim/web/static/licences.txt",
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
LOOK = """
import importlib.metadata as metadata, importlib.resources as resources, json, sys
before = set(sys.modules)
import ketasim
loaded = sorted(set(sys.modules) - before)
files = [str(f) for f in metadata.files("ketasim") or ()]
page = resources.files("ketasim") / "web" / "static"
print(json.dumps({
    "python": ".".join(map(str, sys.version_info[:3])), "version": metadata.version("ketasim"), "loaded": loaded,
    "licence": [f for f in files if "licenses/LICENSE" in f.replace(chr(92), "/")],
    "page": [p.name for p in page.iterdir()], "packages": sorted({d.metadata["Name"].lower().replace("_", "-") for d in metadata.distributions()}),
}))
"""


def wrong_in(names: list[str], wanted: tuple[str, ...], what: str) -> list[str]:
    """Missing files and files that must not be there."""
    found = [f"{what}: no {name}" for name in wanted if not any(n == name or n.endswith(f"/{name}") for n in names)]
    return found + [f"{what}: {name} must not be there" for name in names if NEVER.search(name)][:5]


def version() -> str:
    """The one version, of `_version.py`."""
    found = re.search(
        r'__version__ = "([^"]+)"', (ROOT / "src" / "ketasim" / "_version.py").read_text(encoding="utf-8")
    )
    return found[1] if found else ""


def wheel_problems(wheel: Path) -> list[str]:
    """What is wrong with the content of a wheel: files, licence, version, tag."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        metadata = opened.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    found = wrong_in(names, MUST_BE_IN_THE_WHEEL, wheel.name)
    if not any(".dist-info/licenses/LICENSE" in n for n in names):
        found.append(f"{wheel.name}: no licence")
    if any(n.startswith(("tests/", "docs/")) for n in names):
        found.append(f"{wheel.name}: tests or docs at the top level")
    if f"Version: {version()}\n" not in metadata:
        found.append(f"{wheel.name}: another version than _version.py ({version()})")
    if not wheel.name.endswith("-py3-none-any.whl"):
        found.append(f"{wheel.name}: bound to a system, although the package is pure Python")
    return found


def version_problems() -> list[str]:
    """One version everywhere: the package, the citation file and a heading of the changes agree."""
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    told = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if cited is None or version() != cited[1]:
        return [f"_version.py says {version()}, CITATION.cff {cited and cited[1]}"]
    return [] if version() in told else [f"CHANGELOG.md has no heading for {version()}"]


def installed_problems(seen: dict[str, object], ran: str, listed: str, what: str) -> list[str]:
    """What is wrong with an installed package: `seen` is what LOOK printed there, `ran` what the main job printed, `listed` the page of licences."""
    found = []
    loaded = [str(name) for name in seen["loaded"]]  # type: ignore[attr-defined]
    if len(loaded) > MOST_MODULES:
        found.append(f"{what}: import ketasim loads {len(loaded)} modules, more than {MOST_MODULES}")
    heavy = sorted({name.partition(".")[0] for name in loaded} & set(NOT_AT_IMPORT))
    if heavy:
        found.append(f"{what}: import ketasim loads {', '.join(heavy)}")
    if not seen["licence"]:
        found.append(f"{what}: no licence is installed")
    if "index.html" not in seen["page"]:  # type: ignore[operator]
        found.append(f"{what}: the page is not installed")
    if seen["version"] != version():
        found.append(f"{what}: installed as {seen['version']}")
    if "MADRS" not in ran:
        found.append(f"{what}: the main job prints no MADRS")
    for name in seen["packages"]:  # type: ignore[attr-defined]
        if name not in ("pip", "setuptools", "wheel", "ketasim") and f"| {str(name).replace('.', '-')} |" not in listed:
            found.append(f"{what}: {name} is installed but not in docs/licences.md")
    return found


def pythons(asked: Sequence[str] = ()) -> dict[str, str]:
    """Interpreters by version: this one, those named, and those found as python3.N; one that does not answer with its version is none."""
    found: dict[str, str] = {}
    for path in (sys.executable, *asked, *(f"python{name}" for name in PYTHONS)):
        code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
        try:
            done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        except OSError:
            continue
        told = done.stdout.strip()
        if not done.returncode and told in PYTHONS:
            found.setdefault(told, path)
    return found


def installed(python: str, thing: Path, place: Path, what: str) -> list[str]:
    """Install one thing in an empty environment and look at it there. Returns what is wrong."""
    begin = time.monotonic()
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
    done = subprocess.run(
        [str(scripts / "python"), "-m", "pip", "install", "--quiet", str(thing)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return [f"{what}: cannot be installed: {done.stderr.strip()[-600:]}"]
    took = time.monotonic() - begin
    ran = _called([str(scripts / "ketasim"), "run", "ketamine iv 0.5 mg/kg over 40 min"], place)
    looked = _called([str(scripts / "python"), "-c", LOOK], place)
    if ran.returncode or looked.returncode:
        return [f"{what}: does not run: {(ran.stderr + looked.stderr)[-800:]}"]
    seen = json.loads(looked.stdout)
    print(
        f"{what}: Python {seen['python']}, {len(seen['packages'])} packages installed in {took:.0f} s, main job after {time.monotonic() - begin:.0f} s, "
        f"import loads {len(seen['loaded'])} modules",
        flush=True,
    )
    return installed_problems(seen, ran.stdout, (ROOT / "docs" / "licences.md").read_text(encoding="utf-8"), what)


def _called(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Away from the sources, so that what answers is what was installed."""
    import os

    surroundings = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "KETASIM_PLUGINS")}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=surroundings)


def built(folder: Path) -> tuple[Path, Path]:
    """Source distribution and wheel, built in a copy of the tree."""
    copy, out = folder / "copy", folder / "dist"
    left = shutil.ignore_patterns(".git", "node_modules", ".venv", "__pycache__", "build", "dist", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=left)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(copy)], check=True, stdout=sys.stderr)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def twine_is_content(thing: Path) -> bool:
    """What twine thinks of the metadata and of the README as a page, warnings being errors."""
    return not subprocess.run([sys.executable, "-m", "twine", "check", "--strict", str(thing)], check=False).returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, look, install, run."""
    parser = argparse.ArgumentParser(prog="python release/check.py", description=__doc__)
    parser.add_argument("--python", action="append", default=[], help="one more interpreter; may be repeated")
    asked = parser.parse_args(arguments)
    problems = version_problems() + public_problems()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sources = built(folder)
        problems += wheel_problems(wheel)
        with tarfile.open(sources) as opened:
            problems += wrong_in(opened.getnames(), MUST_BE_IN_THE_SOURCES, sources.name)
        problems += [
            f"twine is not content with {thing.name}" for thing in (wheel, sources) if not twine_is_content(thing)
        ]
        for thing in (wheel, sources):
            print(f"{thing.name}: {thing.stat().st_size / 1e6:.1f} MB", flush=True)
        found = pythons(asked.python)
        for told in PYTHONS:
            if told not in found:
                print(f"wheel on Python {told}: not run, no such interpreter here", flush=True)
                continue
            problems += installed(found[told], wheel, folder / f"wheel{told}", f"wheel on Python {told}")
        first = next(iter(found))
        problems += installed(found[first], sources, folder / "sources", f"sources on Python {first}")
    print("\n".join(problems) or "nothing is wrong")
    return 1 if problems else 0


def public_problems() -> list[str]:
    """What users may lean on and what has gone or is not listed (release/public.py)."""
    asked = [sys.executable, str(ROOT / "release" / "public.py"), "--release"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines() if done.returncode else []


def dependencies() -> list[str]:
    """Names of the dependencies of the core, of pyproject.toml."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.split(r"[<>=!~ \[]", word)[0] for word in table["dependencies"]]


if __name__ == "__main__":
    sys.exit(main())
