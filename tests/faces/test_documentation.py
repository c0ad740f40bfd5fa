"""The pages: their blocks print what stands in them, their links lead somewhere, the site builds without a warning."""

from __future__ import annotations

import html.parser
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import ketasim

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if "_build" not in p.parts]
GENERATED = ("chain/", "api.md", "gallery")


def blocks():
    spec = importlib.util.spec_from_file_location("documentation_blocks", DOCS / "blocks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WITH_BLOCKS = [p.relative_to(DOCS).as_posix() for p in blocks().pages()]


def test_every_kind_of_user_has_a_page_whose_blocks_run() -> None:
    assert {
        "start.md",
        *(f"tutorials/{n}.md" for n in ("pharmacologist", "trial-designer", "neuroscientist", "clinician")),
    } <= set(WITH_BLOCKS)


@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_blocks_print_what_stands_in_the_page(page: str) -> None:
    """After a change of the model: python docs/blocks.py --write."""
    assert blocks().rerun(DOCS / page) == (DOCS / page).read_text(encoding="utf-8")


def test_a_block_that_prints_something_else_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n", encoding="utf-8")
    assert blocks().rerun(page) == "```pycon\n>>> 1 + 1\n2\n```\n"


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_internal_links_lead_somewhere() -> None:
    dead = []
    for page in [*PAGES, *(DOCS.parent / n for n in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            place = (page.parent / name).resolve() if name else page
            relative = place.relative_to(DOCS).as_posix() if place.is_relative_to(DOCS) else ""
            if relative.startswith(GENERATED):
                continue  # written by docs/generate.py; the build of the site looks at these
            if not place.exists() or (
                anchor and place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8"))
            ):
                dead.append(f"{page.name}: {target}")
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([\w\-/*]+)$", index, flags=re.MULTILINE))
    for page in PAGES:
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        if name != "index" and not name.startswith("chain/"):
            assert name in listed or f"{name.rpartition('/')[0]}/*" in listed, name


def typeset():
    spec = importlib.util.spec_from_file_location("documentation_typeset", DOCS / "typeset.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_equation_of_every_stage_is_typeset() -> None:
    """As many as the files hold: rules, rates and reactions counted in the text, apart from the reader."""
    sets = typeset()
    files = sorted((DOCS.parent / "src" / "ketasim" / "stages").rglob("*.ant"))
    assert len(files) > 20
    for path in files:
        text = path.read_text(encoding="utf-8")
        found = sets.equations(text)
        for block in found:
            ElementTree.fromstring(block.replace("&nbsp;", " "))
        bare = re.sub(r"//[^\n]*", "", text)
        held = len(re.findall(r":=", bare)) + len(re.findall(r"->", bare)) + len(re.findall(r"\w'\s*=", bare))
        starts = sum("<mn>0</mn><mo stretchy='false'>)</mo><mo>=</mo>" in block for block in found)
        assert len(found) - starts == held, path.name


def test_brackets_are_set_where_they_bind() -> None:
    sets = typeset()

    def plain(text: str) -> str:
        return re.sub(r"<[^>]+>", "", sets.formula(text))

    assert plain("a*(b - c)") == "a·(b-c)" and plain("a*b - c") == "a·b-c"
    assert plain("a - (b - c)") == "a-(b-c)" and plain("(a + b)^n") == "(a+b)n" and plain("-(a + b)") == "-(a+b)"
    with pytest.raises(ValueError, match="a \\*"):
        sets.formula("a *")


def public() -> list[tuple[str, object]]:
    """Public names of the package and what its documented rooms export."""
    found = [(f"ketasim.{name}", getattr(ketasim, name)) for name in ketasim.__all__ if name != "__version__"]
    for room in ("core", "dose", "engine", "chain", "people", "scenario"):
        module = importlib.import_module(f"ketasim.{room}")
        found += [(f"ketasim.{room}.{name}", getattr(module, name)) for name in getattr(module, "__all__", ())]
    return [(name, thing) for name, thing in found if inspect.isfunction(thing) or inspect.isclass(thing)]


def test_every_public_name_is_documented() -> None:
    bare = [name for name, thing in public() if not inspect.getdoc(thing)]
    assert bare == []


def test_public_functions_say_what_they_take_and_when_they_refuse() -> None:
    """Every argument of a public function of the package stands in its docstring, and errors where it can refuse."""
    missing = []
    for name in ketasim.__all__:
        thing = getattr(ketasim, name)
        if not inspect.isfunction(thing):
            continue
        text = inspect.getdoc(thing) or ""
        words = set(re.findall(r"\w+", text))
        for key, argument in inspect.signature(thing).parameters.items():
            named = key in words or key.rstrip("_") in words or argument.kind is argument.VAR_KEYWORD
            if not named:
                missing.append(f"{name}: {key}")
        if "Raises" not in text:
            missing.append(f"{name}: Raises")
    assert missing == []


class Links(html.parser.HTMLParser):
    """Targets and anchors of one page of the site."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attributes}
        self.anchors.update(v for k, v in given.items() if k in ("id", "name"))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "link"):
            self.fetched += [given[k] for k in ("src", "href") if k in given]


def dead_links(site: Path) -> list[str]:
    """Links within the site that lead nowhere, and scripts, styles or pictures that come from another machine."""
    pages = {path: Links() for path in site.rglob("*.html")}
    for path, found in pages.items():
        found.feed(path.read_text(encoding="utf-8"))
    dead = []
    for path, found in pages.items():
        for link in found.links:
            name, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            place = (path.parent / name).resolve() if name else path
            if not place.exists() or (anchor and place in pages and anchor not in pages[place].anchors):
                dead.append(f"{path.relative_to(site)}: {link}")
        dead += [f"{path.relative_to(site)}: from outside, {a}" for a in found.fetched if re.match(r"(https?:)?//", a)]
    return dead


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#x">b</a><a href="c.html">c</a><script src="https://x/y.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="y">b</p>')
    assert dead_links(tmp_path) == ["a.html: b.html#x", "a.html: c.html", "a.html: from outside, https://x/y.js"]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="pip install 'ketasim[docs]'")
    pytest.importorskip("myst_parser")
    pytest.importorskip("furo")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(tmp_path / "site")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for page in ("index", "chain/circuit", "api", "tutorials/pharmacologist", "decisions/plasma"):
        assert (tmp_path / "site" / f"{page}.html").exists()
    assert (tmp_path / "site" / "searchindex.js").exists()
    assert dead_links(tmp_path / "site") == []
    assert "<math" in (tmp_path / "site" / "chain" / "plasma.html").read_text(encoding="utf-8")
