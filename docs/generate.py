"""Pages that are written from the package itself: one per stage of the chain, and the API. Called by conf.py; `python docs/generate.py` alone too."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from typeset import equations

import ketasim
from ketasim.chain import registry
from ketasim.chain.hypothesis import hypotheses
from ketasim.chain.registry import chosen_variants
from ketasim.chain.syntax import parse_file
from ketasim.core import FrozenMapping
from ketasim.core.values import all_values, sources
from ketasim.report.gallery import PICTURES, README, paint

ROOMS = (
    "core",
    "dose",
    "engine",
    "chain",
    "people",
    "forward",
    "ratings",
    "scenario",
    "evidence",
    "decide",
    "exchange",
    "report",
)
PEOPLE = 100  # of the figures of the gallery
NOTE = "<!-- Written by docs/generate.py; do not edit. -->\n"


def write_all(folder: Path) -> list[Path]:
    """Every generated page below `folder`; a page whose text is the same is left as it is."""
    pages = {f"chain/{name}.md": stage_page(name) for name in registry().stages}
    pages["chain/index.md"] = chain_index()
    pages["api.md"] = api_page()
    pages["gallery.md"] = gallery_page()
    written = []
    for name, text in pages.items():
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
        written.append(place)
    return written


def gallery_page() -> str:
    """Every figure with what it shows and the command that draws it; `draw_gallery` draws them."""
    lines = [
        NOTE,
        "# Gallery",
        "",
        f"Each figure is drawn when these pages are built ({PEOPLE} people), from the run that its command names. `ketasim reproduce FOLDER` draws all of them, with the",
        "tables and a record of checksums.",
        "",
    ]
    for name, picture in PICTURES.items():
        lines += [f"## {picture.title}", "", picture.shows, "", "```text", picture.command, "```", ""]
        lines += [f"![{cell(picture.title)}](gallery/{name}.svg)", ""]
    return "\n".join(lines)


def draw_gallery(folder: Path) -> list[Path]:
    """Every figure of the gallery below `folder`/gallery, as SVG. One that was drawn from the same numbers is left as it is."""
    from ketasim.exchange.reproduce import numbers_hash

    place = folder / "gallery"
    place.mkdir(exist_ok=True)
    stamp = place / "drawn.txt"
    told = f"{ketasim.__version__} {numbers_hash()} {PEOPLE} {len(PICTURES)}\n"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != told:
        for name in PICTURES:
            paint(name, place / f"{name}.svg", PEOPLE)
        stamp.write_text(told, encoding="utf-8")
    return [place / f"{name}.svg" for name in PICTURES]


def write_readme_figure(folder: Path) -> None:
    """docs/readme-figure.svg, and beside it what made it: command, version, numbers, seed, checksum."""
    from ketasim.exchange.reproduce import numbers_hash

    place = paint(README, folder / "readme-figure.svg", PEOPLE)
    record = {
        "command": f"{PICTURES[README].command.replace('FILE', 'docs/readme-figure.svg')} --people {PEOPLE}",
        "again": "python docs/generate.py --readme",
        "ketasim": ketasim.__version__,
        "numbers": numbers_hash(),
        "people": PEOPLE,
        "seed": 1,
        "sha256": hashlib.sha256(place.read_bytes()).hexdigest(),
    }
    (folder / "readme-figure.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def chain_index() -> str:
    """The stages in order, with what they take and give."""
    lines = [
        NOTE,
        "# The chain",
        "",
        "From plasma to mood and body. Each stage is a folder of `.ant` files; stages meet only through ports.",
        "",
    ]
    lines += ["| stage | takes | gives | mechanisms |", "|---|---|---|---|"]
    for name, stage in registry().stages.items():
        lines.append(
            f"| [{stage.label}]({name}.md) | {len(stage.inputs)} ports | {len(stage.outputs)} ports | {', '.join(stage.fragments)} |"
        )
    lines += ["", "```{toctree}", ":hidden:", "", *registry().stages, "```", ""]
    return "\n".join(lines)


def stage_page(name: str) -> str:
    """One stage: ports, mechanisms with their equations, numbers with their sources."""
    stage = registry().stages[name]
    known = {value.key: value for value in all_values()}
    lines = [
        NOTE,
        f"# {stage.label}",
        "",
        f"On unless told otherwise: {', '.join(stage.default)}. Others: `ketasim run WORDS --variant {name}=...`.",
        "",
    ]
    for title, ports in (("Takes", stage.inputs), ("Gives", stage.outputs)):
        if ports:
            lines += [f"## {title}", "", "| port | unit | what | without it |", "|---|---|---|---|"]
            lines += [f"| `{p.name}` | {p.unit} | {cell(p.label)} | {p.null:g} |" for p in ports] + [""]
    shown: set[str] = set()
    used: dict[str, None] = {}
    lines += ["## Mechanisms", ""]
    for variant, fragments in stage.fragments.items():
        lines += [f"### {variant}", ""]
        for fragment in fragments:
            parsed = parse_file(stage.folder / fragment.file)
            told = [
                f"for {', '.join(fragment.parts or fragment.instances)}"
                if fragment.parts or fragment.instances
                else "always"
            ]
            lines += [
                f"`{fragment.file}`, {told[0]}."
                + (f" Off when {', '.join(fragment.switch)} = 0." if fragment.switch else ""),
                "",
            ]
            if fragment.file in shown:
                continue
            shown.add(fragment.file)
            text = Path(stage.folder / fragment.file).read_text(encoding="utf-8").rstrip()
            lines += [*equations(text), "", "<details><summary>As it is written, with units</summary>", ""]
            lines += ["```text", text, "```", "", "</details>", ""]
            for statement in parsed.statements:
                for word in statement.uses:
                    for prefix in ("", *(f"{p}_" for p in fragment.instances.values())):
                        if prefix + word in known:
                            used.setdefault(prefix + word)
    lines += _refuted(name)
    if used:
        lines += [
            "## Numbers",
            "",
            "| number | value | unit | basis | grade | source | place |",
            "|---|---|---|---|---|---|---|",
        ]
        for key in sorted(used):
            v = known[key]
            source = sources().get(v.source)
            doi = f"[{v.source}](https://doi.org/{source.doi})" if source is not None and source.doi else v.source
            lines.append(
                f"| `{key}` {cell(v.label)} | {v.value:.6g} | {v.unit} | {v.basis} | {v.grade} | {doi} | {cell(v.place)} |"
            )
        lines.append("")
    return "\n".join(lines)


def _refuted(name: str) -> list[str]:
    """The explanations that pick a mechanism of this stage which not all of them pick, and what would refute them."""
    known = hypotheses().values()
    chosen = {entry.id: set(chosen_variants(registry(), entry.variants)[name]) for entry in known}
    shared = set.intersection(*chosen.values())
    lines = []
    for entry in known:
        own = [variant for variant in registry().stages[name].fragments if variant in chosen[entry.id] - shared]
        if own:
            lines += [f"- `{entry.id}` ({', '.join(own)}): {cell('; '.join(entry.refuted_by))}."]
    if not lines:
        return []
    head = "What explanations that pick mechanisms of this stage name as their refutation ([hypotheses](../hypotheses.md))."
    return ["## What would refute it", "", head, "", *lines, ""]


def cell(text: str) -> str:
    """Text that a table of Markdown leaves alone."""
    return (
        text.replace("|", "\\|")
        .replace("<", "&lt;")
        .replace("*", "\\*")
        .replace("_", "\\_")
        .replace("$", "\\$")
        .replace("\n", " ")
    )


def api_page() -> str:
    """Every public name with signature and docstring; then the public functions and classes of the rooms."""
    lines = [
        NOTE,
        "# API",
        "",
        "`import ketasim`: the names below do not change their meaning within a major version.",
        "",
    ]
    for name in ketasim.__all__:
        if name != "__version__":
            lines += entry(f"ketasim.{name}", getattr(ketasim, name), "##")
    lines += ["## Rooms", "", "What a room exports; these may change between minor versions.", ""]
    for room in ROOMS:
        module = importlib.import_module(f"ketasim.{room}")
        lines += [f"### ketasim.{room}", "", (inspect.getdoc(module) or "").split("\n\n")[0].replace("*", "\\*"), ""]
        inner = [f"`{m.name}`" for m in pkgutil.iter_modules(module.__path__) if not m.name.startswith("_")]
        lines += [f"Modules: {', '.join(inner)}.", ""]
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                lines += entry(f"ketasim.{room}.{name}", thing, "####")
    return "\n".join(lines)


def entry(name: str, thing: Any, level: str) -> list[str]:
    """Heading, signature, docstring as it is written in the code."""
    try:
        signature = str(inspect.signature(thing)).replace(" -> None", "")
    except (TypeError, ValueError):
        signature = ""
    text = inspect.getdoc(thing) or ""
    if thing is FrozenMapping:
        signature = "(...)"
    return [f"{level} {name}", "", "```text", f"{name.rpartition('.')[2]}{signature}", "", text, "```", ""]


if __name__ == "__main__":
    if "--readme" in sys.argv:
        write_readme_figure(Path(__file__).resolve().parent)
        sys.exit(0)
    for path in write_all(Path(__file__).resolve().parent):
        print(path)
