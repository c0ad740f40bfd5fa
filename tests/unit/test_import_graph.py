"""The import graph of files, not only of packages: no circle, no arrow against the order of rooms (DESIGN section 3).

Imports inside functions and below TYPE_CHECKING count: they tie files together all the same.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]

KNOWN: tuple[frozenset[str], ...] = ()  # circles that are still to be opened: none, and none may come in

ORDER = (
    ("core",),
    ("dose",),
    ("engine",),
    ("stages",),
    ("chain",),
    ("people",),
    ("forward",),
    ("ratings",),
    ("scenario",),
    ("trial",),
    ("evidence",),
    ("decide", "person"),
    ("exchange", "report"),
    ("web",),
    ("cli",),  # `ketasim serve` starts the page
)
OUTSIDE = {"__main__", "_version", "_quiet", "_start"}  # of the package as a whole


def circles(imports: Mapping[str, Iterable[str]]) -> set[frozenset[str]]:
    """Groups of two or more modules that all reach one another (strongly connected parts)."""
    reach: dict[str, set[str]] = {}
    for start in imports:
        seen: set[str] = set()
        todo = list(imports[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += imports.get(name, ())
        reach[start] = seen
    found = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in imports if a in reach[a]}
    return {group for group in found if len(group) > 1}


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_imports(text: str) -> list[str]:
    """Names with a leading underscore that a file takes from another: by `from x import _y`, or by `x._y` where nothing in the file is called `_y`.

    `_version` and the like, modules of the package as a whole, may be imported; `self._y` may be of a parent; `os._exit` is Python's public name.
    """
    tree = ast.parse(text)
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [a.name for a in node.names if _private(a.name) and a.name not in OUTSIDE]
        elif isinstance(node, ast.Attribute) and _private(node.attr) and node.attr not in own:
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            found += [] if of in ("self", "cls", "os") else [ast.unparse(node)]
    return found


def files(package: str) -> dict[str, set[str]]:
    """File -> files of the package that it imports, anywhere in its text."""
    graph = grimp.build_graph(package, cache_dir=None, exclude_type_checking_imports=False)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    return files("ketasim")


def test_the_search_finds_circles() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": []}) == set()
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == {frozenset("abc")}
    assert circles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}) == {frozenset("ab"), frozenset("cd")}


def test_no_circle_of_files_but_those_on_the_list(imports: dict[str, set[str]]) -> None:
    found = {frozenset(name.removeprefix("ketasim.") for name in group) for group in circles(imports)}
    new = [sorted(group) for group in found - set(KNOWN)]
    assert not new, f"new circles: {new}"
    opened = [sorted(group) for group in set(KNOWN) - found]
    assert not opened, f"no longer circles, take them out of KNOWN: {opened}"


def test_no_import_against_the_order_of_rooms(imports: dict[str, set[str]]) -> None:
    floor = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
    wrong = []
    for name, others in imports.items():
        room = [*name.split("."), ""][1]
        if room in OUTSIDE or name == "ketasim":
            continue
        assert room in floor, f"{name}: a room that is not in the order"
        for other in others:
            target = [*other.split("."), ""][1]
            if target == room or target in OUTSIDE:
                continue
            # the package itself is its public interface: only the outermost rooms may use it
            level = floor["exchange"] if other == "ketasim" else floor[target]
            if level >= floor[room]:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_the_search_finds_private_names() -> None:
    assert private_imports("from .forecast import DAYS, _ports") == ["_ports"]
    assert private_imports("import ketasim.person.forecast as f\nf._ports()") == ["f._ports"]
    assert private_imports("from ketasim.scenario.run import made\nmade(1)._times()") == ["made(1)._times"]
    assert private_imports("from ketasim._version import __version__\nfrom . import _quiet") == []
    assert private_imports("class A:\n    def _b(self): return self._c\nA()._b()") == []


def test_no_private_name_is_taken_from_another_file() -> None:
    """What another file needs is public, with a docstring; what is private may change without a look at the others."""
    folder = ROOT / "src" / "ketasim"
    found = {
        str(path.relative_to(folder)): names
        for path in sorted(folder.rglob("*.py"))
        if (names := private_imports(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_stages_do_not_import_each_other(imports: dict[str, set[str]]) -> None:
    for name, others in imports.items():
        parts = name.split(".")
        if parts[1:2] == ["stages"] and len(parts) > 2:
            assert all(
                o.split(".")[:2] != ["ketasim", "stages"] or o.split(".")[2:3] in ([], parts[2:3]) for o in others
            )


def test_import_linter_has_the_same_order() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(c for c in table["contracts"] if c["type"] == "layers")["layers"]
    written = [{part.strip(" ()").removeprefix("ketasim.") for part in layer.split("|")} for layer in reversed(layers)]
    asked = [set(rooms) for rooms in ORDER]
    assert [rooms for rooms in written if not rooms & {"cli", "web"}] == asked[:-2]


def test_benchmarks_have_no_circle() -> None:
    folder = ROOT / "benchmarks"
    names = {path.stem for path in folder.glob("*.py")}
    found = {}
    for path in folder.glob("*.py"):
        words = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        found[path.stem] = {w[1] for w in words if len(w) > 1 and w[0] in ("from", "import") and w[1] in names}
    assert found["peers"] >= {"page", "problems"}
    assert circles(found) == set()
