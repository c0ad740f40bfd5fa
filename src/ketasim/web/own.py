"""Parts of one's own that the page offers: what `KETASIM_PLUGINS` or `ketasim serve --parts` names, read by `core.own`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ketasim.chain.hypothesis import hypotheses, hypothesis
from ketasim.chain.registry import chosen_variants, registry
from ketasim.core import read_toml, unknown_name
from ketasim.core.own import own_files

KINDS = ("stages", "hypotheses", "designs", "findings")


def own_list() -> list[dict[str, str]]:
    """Every part: kind, name, file; of a mechanism also its stage and what it is called there."""
    return [
        {"kind": kind, "name": path.stem, "file": str(path), **_place(kind, path)}
        for kind in KINDS
        for path in own_files(kind)
    ]


def variants_with(names: Sequence[str], explanation: str = "") -> dict[str, tuple[str, ...]]:
    """Stage -> mechanisms of an explanation (empty: the working default) with those of one's own beside them, as `--variant` takes them.

    Raises UsageError for a name that is no mechanism of one's own.
    """
    known = {path.stem: _place("stages", path) for path in own_files("stages")}
    for name in names:
        if name not in known:
            raise unknown_name(
                "mechanism of one's own", name, known, where="mechanisms", fix="ketasim serve --parts FOLDER"
            )
    if not names:
        return {}
    base = hypothesis(explanation) if explanation else next(h for h in hypotheses().values() if h.default)
    chosen = chosen_variants(registry(), base.variants)
    found: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(names):
        stage, variant = known[name]["stage"], known[name]["variant"]
        beside = found.get(stage, chosen[stage])
        found[stage] = beside if variant in beside else (*beside, variant)
    return found


def _place(kind: str, path: Path) -> dict[str, str]:
    if kind != "stages":
        return {"stage": "", "variant": ""}
    table = read_toml(path)
    return {"stage": str(table["stage"]), "variant": str(table["variant"])}
