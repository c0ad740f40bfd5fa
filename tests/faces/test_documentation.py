"""The pages: their blocks print what stands in them, their links lead somewhere, the site builds without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
