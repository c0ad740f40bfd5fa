"""Everything that is wrong with the chain, in one list: declarations, files, links, units, things nobody uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path

from ketasim.core import (
    KetasimError,
    Problem,
    Value,
    knowledge_path,
    output_register,
    read_drug,
    stages_with_values,
    unknown_name,
    values,
)
from ketasim.core.drugs import drugs
from ketasim.core.ports import Stage
from ketasim.stages.plasma.routing import administrations

from . import units_gate
from .compose import Composition, CompositionError, compose
from .registry import Registry, declaration_problems, global_name, registry
from .rest import unrest
from .syntax import parse_file
from .whole import whole_path, whole_text

Choice = Mapping[str, tuple[str, ...]]


def lint(stage: str | None = None) -> list[Problem]:
    """All problems of the chain; of one stage when it is named.

    Composed are: every part at once, every part alone, no part, and every variant that is not on by default in the
    place of the ones it excludes. The first and the variants go through the unit gate as well. For one stage the gate
    judges its own variants only.
    """
    known = registry()
    if stage is not None and stage not in known.stages:
        raise unknown_name("stage", stage, known.stages, where="check")
    found = declaration_problems(known)
    models: list[Composition] = []
    broken: list[Problem] = []  # what stops the composition concerns every stage
    for label, parts, choice, gate in _cases(known, stage):
        try:
            model = compose(parts, choice, _example_compound() if "compound" in parts else None)
            models.append(model)
            found += units_gate.unit_problems(model) if gate else []
        except CompositionError as error:
            found += error.problems
            broken += error.problems
        except KetasimError as error:
            found.append(Problem(label, error.what + (f" ({error.allowed})" if error.allowed else "")))
    found += _unread(known, models) + _leaks(models) + _unused_values(known)
    found += unread_ports(known, {port for entry in output_register().values() for port in entry.ports})
    found += unrouted()
    unique = list(dict.fromkeys(found))
    if not unique and whole_path().read_text(encoding="utf-8") != whole_text():
        unique.append(
            Problem("chain/whole.ant", "the page is not the chain as it is now", "python -m ketasim.chain whole")
        )
    if stage is None:
        return unique
    owner = {name: place[0] for model in models for name, place in model.defined.items()}
    return [
        p
        for p in unique
        if f"{stage}/" in p.where
        or f"/{stage}.toml" in p.where
        or owner.get(p.where) == stage
        or p.where == "chain/whole.ant"
        or p in broken
        or f"stages/{stage}/" in p.fix
    ]


def all_unrest(stage: str | None = None) -> list[Problem]:
    """States that move without a dose (`rest.unrest`): of every part at once and of every variant that is not on by default.

    These are integrated, so they stand in `python -m ketasim.chain check` and not in `lint`. Of one stage: its own variants.
    """
    found: list[Problem] = []
    for label, parts, choice, gate in _cases(registry(), stage):
        if gate:
            found += unrest(compose(parts, choice, _example_compound() if "compound" in parts else None), label)
    return list(dict.fromkeys(found))


def default_choice(known: Registry) -> dict[str, tuple[str, ...]]:
    """The default variants of every stage."""
    return {name: stage.default for name, stage in known.stages.items()}


def _cases(
    known: Registry, only: str | None = None
) -> list[tuple[str, tuple[str, ...], dict[str, tuple[str, ...]], bool]]:
    """(what it is, parts, variants, whether the unit gate judges it); the variants of one stage if `only` names it."""
    default = default_choice(known)
    everything = _usable(known, tuple(known.parts), default)
    cases = [("every part", everything, default, True), ("no part", (), default, False)]
    for part in everything:
        cases.append((f"part {part}", _usable(known, (part,), default), default, False))
    for name, stage in known.stages.items():
        for variant in stage.fragments:
            if variant not in stage.default and only in (None, name):
                choice = {**default, name: _in_place(known, name, variant)}
                cases.append((f"{name}: {variant}", _usable(known, tuple(known.parts), choice), choice, True))
    return cases


def _in_place(known: Registry, name: str, variant: str) -> tuple[str, ...]:
    """The default variants of a stage with `variant` in the place of those that define the same quantities."""
    stage = known.stages[name]
    if variant == "none":
        return ("none",)
    own = _locals(known, name, variant)
    return (*(v for v in stage.default if own.isdisjoint(_locals(known, name, v))), variant)


def _locals(known: Registry, name: str, variant: str) -> set[str]:
    stage = known.stages[name]
    return {local for f in stage.fragments[variant] for local in parse_file(stage.folder / f.file).defined()}


def _usable(known: Registry, parts: tuple[str, ...], choice: Choice) -> tuple[str, ...]:
    """Those of `parts` that some chosen file uses."""
    asked = frozenset(parts)
    used = {
        part
        for name, variants in choice.items()
        for variant in variants
        for fragment in known.stages[name].fragments[variant]
        if fragment.prefixes(asked)
        for part in (*fragment.parts, *fragment.also, *fragment.instances)
    }
    return tuple(part for part in parts if part in used)


def _example_compound() -> Mapping[str, Value]:
    """Values of the example of a compound of the user's own; without any, its equations have no parameters."""
    return read_drug(knowledge_path() / "compound_example.toml").values


def _mentioned(known: Registry) -> set[str]:
    """Every identifier that an equation of any file reads, in all its copies."""
    found: set[str] = set()
    for stage in known.stages.values():
        for _, fragment in stage.all_fragments():
            read = {
                name for s in parse_file(stage.folder / fragment.file).statements for name in s.uses if s.kind != "unit"
            }
            found |= read
            for prefix in fragment.instances.values():
                found |= {global_name(name, prefix, fragment.rename) for name in read}
        found |= {total.local for total in stage.totals}
    return found


def _unread(known: Registry, models: list[Composition]) -> list[Problem]:
    """Algebra that no equation of any file reads and that is no port and no term of a total."""
    read = _mentioned(known) | {n for model in models for e in model.equations for n in e.uses}
    found = {}
    for model in models:
        for equation in model.equations:
            if equation.kind == "algebra" and equation.name not in read and equation.name not in known.ports:
                found[equation.name] = Problem(
                    f"{equation.stage}/{equation.file}:{equation.line}",
                    f"{equation.name} is computed, but nothing reads it and it is no port",
                    "delete it, or declare it as an output",
                )
    return list(found.values())


def unread_ports(known: Registry, shown: Set[str]) -> list[Problem]:
    """Ports that no equation reads, that no output of the register shows (`shown`) and that nobody observes.

    Such a port does nothing: a mechanism that is on and changes no number.
    """
    read = _mentioned(known) | set(shown)
    for stage in known.stages.values():
        ends = tuple(total.local for total in stage.totals)
        read |= {name for name, owner in known.owner.items() if owner == stage.name and _ends(name, ends)}
    return [
        Problem(
            f"stages/{known.owner[name]}/stage.py",
            f"nothing reads the port {name}: what drives it changes no number",
            _how_to_read(known.stages[known.owner[name]], name),
        )
        for name, port in known.ports.items()
        if name not in read and not port.observed
    ]


def _ends(name: str, locals_: tuple[str, ...]) -> bool:
    return any(name == local or name.endswith("_" + local) for local in locals_)


def _how_to_read(stage: Stage, name: str) -> str:
    sums = f"NAME_{stage.totals[0].local} (summed in {stage.totals[0].port.name})" if len(stage.totals) == 1 else ""
    ways = f'read it in an equation, show it in knowledge/names.toml, or say who looks at it: Port("{name}", ..., observed="...")'
    return (f"call it {sums}; or " if sums else "") + ways


def unrouted() -> list[Problem]:
    """Drugs that have a route in knowledge/drugs which the plasma stage cannot follow."""
    found = []
    for entry in drugs().values():
        for route in entry.routes:
            for part in entry.parts:
                refused = [error for hours in (0.0, 1.0) if (error := _refusal(part, route, hours))]
                if len(refused) == 2:  # neither at once nor over an hour
                    where = f"knowledge/drugs/{entry.name}.toml, [routes.{route}]"
                    found.append(Problem(where, refused[0].what, refused[0].fix))
    return found


def _refusal(part: str, route: str, hours: float) -> KetasimError | None:
    try:
        administrations(part, route, duration=hours, amount=1.0)
    except KetasimError as error:
        return error
    return None


def _leaks(models: list[Composition]) -> list[Problem]:
    """Reactions that make or lose amounts: only a dose input may come from nowhere, nothing goes to nowhere.

    With this, the sum of all species of a composition equals what its inputs and jumps gave, whatever the numbers.
    """
    found = {}
    for model in models:
        inputs = set(model.inputs)
        for equation in model.equations:
            if equation.kind != "reaction":
                continue
            left, right = (_molecules(side) for side in equation.text.split(":", 1)[1].split(";", 1)[0].split("->"))
            dose = not left and right == 1 and inputs.issuperset(equation.uses[1:])
            if left != right and not dose:
                found[equation.name] = Problem(
                    f"{equation.stage}/{equation.file}:{equation.line}",
                    f"the reaction {equation.name} turns {left} into {right}: amounts appear or vanish",
                    "let it end in a sink (`eliminated_...`), or take its rate from a dose input alone",
                )
    return list(found.values())


def _molecules(side: str) -> int:
    """How many molecules stand on one side of an arrow."""
    terms = [term.split() for term in side.split("+") if term.strip()]
    return sum(int(term[0]) if len(term) > 1 else 1 for term in terms)


def _unused_values(known: Registry) -> list[Problem]:
    """Values of the stages that neither an equation of any file nor any Python text mentions."""
    used = _mentioned(known)
    for path in Path(__file__).resolve().parent.parent.rglob("*.py"):
        used.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    families = tuple(word for word in used if word.endswith("_") and len(word) > 3)  # f"secretion_{genotype}"
    return [
        Problem(f"knowledge/values/{stage}.toml", f"nothing uses the value [{key}]", "delete it")
        for stage in known.stages
        if stage in stages_with_values()
        for key in values(stage)
        if key not in used and not key.startswith(families)
    ]
