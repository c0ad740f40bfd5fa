"""Pages that are written from the package itself: one per stage of the chain, and the API. Called by conf.py; `python docs/generate.py` alone too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import ketasim
from ketasim.chain import registry
from ketasim.chain.syntax import parse_file
from ketasim.core import FrozenMapping
from ketasim.core.values import all_values, sources

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
NOTE = "<!-- Written by docs/generate.py; do not edit. -->\n"


def write_all(folder: Path) -> list[Path]:
    """Every generated page below `folder`; a page whose text is the same is left as it is."""
    pages = {f"chain/{name}.md": stage_page(name) for name in registry().stages}
    pages["chain/index.md"] = chain_index()
    pages["api.md"] = api_page()
    written = []
    for name, text in pages.items():
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
        written.append(place)
    return written


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
            lines += ["```text", Path(stage.folder / fragment.file).read_text(encoding="utf-8").rstrip(), "```", ""]
            for statement in parsed.statements:
                for word in statement.uses:
                    for prefix in ("", *(f"{p}_" for p in fragment.instances.values())):
                        if prefix + word in known:
                            used.setdefault(prefix + word)
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
    for path in write_all(Path(__file__).resolve().parent):
        print(path)
