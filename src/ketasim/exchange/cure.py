"""The CURE checklist (credible, understandable, reproducible, extensible; arXiv 2502.15597), computed from the package: no item is ticked by hand.

An item is a question that can be answered by looking at the package or by running it. `found` says what was seen, also where the answer is no.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ketasim._version import __version__
from ketasim.core import all_values, knowledge_path, output_register, read_toml, sources
from ketasim.core.own import KINDS as FOLDERS
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

from .export import TARGETS
from .templates import KINDS as TEMPLATES

PARTS = ("credible", "understandable", "reproducible", "extensible")
LEAST_ESS, MOST_RHAT = (
    400.0,
    1.05,
)  # what the posterior is asked for (DESIGN of the project: bulk and tail, nested R-hat)
WORDS = "ketamine iv 0.5 mg/kg over 40 min"


@dataclass(frozen=True)
class Item:
    """One question with its answer. held : True, False, or None where this installation cannot tell."""

    part: str
    asks: str
    found: str
    held: bool | None


def checklist() -> tuple[Item, ...]:
    """Every item, in the order of the four parts; a second or two."""
    return tuple(check() for check in CHECKS)


def to_dict() -> list[dict[str, Any]]:
    """Plain data."""
    return [asdict(item) for item in checklist()]


def _traced() -> Item:
    numbers, known = list(all_values()), sources()
    bare = [v.key for v in numbers if v.source not in known or not v.place or not v.basis or not v.grade]
    told = f"{len(numbers) - len(bare)} of {len(numbers)} numbers with source, place, basis and grade"
    return Item(PARTS[0], "Has every number a source?", told, not bare)


def _measured() -> Item:
    numbers = list(all_values())
    seen = sum(v.basis in ("measured", "derived") for v in numbers)
    told = f"{seen} of {len(numbers)} numbers measured or derived, the others assumed and marked so"
    return Item(PARTS[0], "Rest more numbers on measurement than on assumption?", told, 2 * seen > len(numbers))


def _converged() -> Item:
    about = read_toml(knowledge_path() / "posterior" / "values.toml")["about"]
    least = min(about.get("bulk_ess_least", 0.0), about.get("tail_ess_least", 0.0))
    worst = about.get("nested_rhat_most", float("inf"))
    told = f"{about.get('draws', 0)} draws, least effective number {least:.0f}, largest nested R-hat {worst:.3f}"
    asks = f"Has the posterior {LEAST_ESS:.0f} effective draws and a nested R-hat below {MOST_RHAT}?"
    return Item(PARTS[0], asks, told, least >= LEAST_ESS and worst < MOST_RHAT)


def _misfits() -> Item:
    from ketasim.decide.claims import ledger

    claims = ledger()
    declared = sum(bool(p.misfit) for c in claims for p in c.predictions)
    told = f"{len(claims)} claims in the ledger, {declared} predictions declared as misfits"
    return Item(PARTS[0], "Is what the model cannot reproduce written down?", told, declared > 0)


def _units() -> Item:
    outputs = output_register()
    bare = [name for name, one in outputs.items() if not one.unit or not one.label]
    return Item(
        PARTS[1],
        "Has every output a unit and a name in words?",
        f"{len(outputs) - len(bare)} of {len(outputs)} outputs",
        not bare,
    )


def _documented() -> Item:
    files = [p for p in sorted(knowledge_path().parent.rglob("*.py")) if "static" not in p.parts]
    bare = [p for p in files if not p.read_text(encoding="utf-8").startswith('"""')]
    told = f"{f'all but {len(bare)}' if bare else 'all'} modules; names, arguments and errors are tested with the documentation"
    return Item(PARTS[1], "Does every module say what it is for?", told, not bare)


def _refutable() -> Item:
    from ketasim.chain.hypothesis import hypotheses

    known = hypotheses().values()
    bare = [h.id for h in known if not h.predicts or not h.refuted_by]
    told = f"{len(known) - len(bare)} of {len(known)} hypotheses name what they predict and what would refute them"
    return Item(PARTS[1], "Does every explanation say what would refute it?", told, not bare)


def _same_again() -> Item:
    asked = scenario(WORDS, people=2, draws=0, days=1, seed=7)
    first, second = (run(asked).to_json() for _ in range(2))
    told = f"one scenario run twice: {'the same' if first == second else 'not the same'} JSON"
    return Item(PARTS[2], "Does the same scenario give the same bytes?", told, first == second)


def _recorded() -> Item:
    record = run(scenario(WORDS, people=0, draws=0, days=1)).record
    bare = [key for key, one in record.values.items() if not one.source]
    told = f"version {__version__}, the model's hash, {len(record.values) - len(bare)} of {len(record.values)} numbers with their source"
    return Item(
        PARTS[2],
        "Does a run carry version, model and numbers?",
        told,
        bool(record.model and record.values and not bare),
    )


def _formats() -> Item:
    told = ", ".join(sorted(TARGETS))
    held = {"sbml", "petab", "omex"} <= set(TARGETS)
    return Item(PARTS[3], "Is there an export to SBML, PEtab and COMBINE archives?", told, held)


def _own_parts() -> Item:
    told = f"templates for {', '.join(TEMPLATES)}; folders of {', '.join(FOLDERS)}"
    held = {"stage", "hypothesis", "finding"} <= set(TEMPLATES)
    return Item(PARTS[3], "Can a part be added without touching the package?", told, held)


def _licence() -> Item:
    try:
        told = importlib.metadata.metadata("ketasim")
    except importlib.metadata.PackageNotFoundError:
        return Item(PARTS[3], "Is there an open licence?", "not installed, no metadata", None)
    licence = str(told.get("License-Expression") or told.get("License") or "")
    return Item(PARTS[3], "Is there an open licence?", licence or "none in the metadata", licence == "MIT")


CHECKS: tuple[Callable[[], Item], ...] = (
    _traced,
    _measured,
    _converged,
    _misfits,
    _units,
    _documented,
    _refutable,
    _same_again,
    _recorded,
    _formats,
    _own_parts,
    _licence,
)
