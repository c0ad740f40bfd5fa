"""What the stages declare, seen together: ports, parts, variants, and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ketasim.core import KetasimError, Port, Problem, Stage, UsageError, nearest, unknown_name

from . import units
from .syntax import parse_file


@dataclass(frozen=True, slots=True)
class Registry:
    """Stages by name; ports (outputs, internal ones and totals) by name with the stage they belong to; the parts that
    exist, with the stages and variants that use them."""

    stages: Mapping[str, Stage]
    ports: Mapping[str, Port]
    owner: Mapping[str, str]
    outputs: tuple[str, ...]
    parts: Mapping[str, tuple[tuple[str, str], ...]]


_CACHE: dict[tuple[int, ...], tuple[tuple[Stage, ...], Registry]] = {}


def registry(stages: Sequence[Stage] | None = None) -> Registry:
    """The registry of the given stages; of all stages when none are given."""
    if stages is None:
        from ketasim.stages import all_stages

        stages = all_stages()
    key = tuple(id(stage) for stage in stages)
    if key not in _CACHE:
        # The stages are kept beside the result, so that their ids cannot be given to other objects.
        _CACHE[key] = (tuple(stages), _build(tuple(stages)))
    return _CACHE[key][1]


def _build(stages: tuple[Stage, ...]) -> Registry:
    ports: dict[str, Port] = {}
    owner: dict[str, str] = {}
    outputs: list[str] = []
    parts: dict[str, list[tuple[str, str]]] = {}
    for stage in stages:
        given = {port.name: port for port in stage.outputs}
        # An output may be a total as well; then the output's declaration counts, and the two must agree.
        totals = [t.port for t in stage.totals]
        inner = [port for port in totals if port.name not in given]
        for port in totals:
            first = given.get(port.name, port)
            if (first.unit, first.null) != (port.unit, port.null):
                raise KetasimError(
                    f"the output {port.name} and the total of that name differ in unit or null",
                    where=f"stages/{stage.name}/stage.py",
                )
        for port in (*stage.outputs, *stage.internal, *inner):
            if port.name in ports:
                raise KetasimError(
                    f"the port {port.name} is declared twice", where=f"stages {owner[port.name]} and {stage.name}"
                )
            ports[port.name] = port
            owner[port.name] = stage.name
        outputs += [port.name for port in stage.outputs]
        for variant, fragment in stage.all_fragments():
            for part in (*fragment.parts, *fragment.also, *fragment.instances):
                parts.setdefault(part, [])
                if (stage.name, variant) not in parts[part]:
                    parts[part].append((stage.name, variant))
    return Registry(
        {stage.name: stage for stage in stages},
        ports,
        owner,
        tuple(outputs),
        {part: tuple(users) for part, users in parts.items()},
    )


def chosen_variants(known: Registry, variants: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """The variants of every stage: those asked for, else the stage's default. Unknown names are refused."""
    for name in variants or {}:
        if name not in known.stages:
            raise unknown_name("stage", name, known.stages, where="variants")
    chosen = {}
    for name, stage in known.stages.items():
        wanted = (variants or {}).get(name, stage.default)
        wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for variant in wanted:
            if variant not in stage.fragments:
                raise unknown_name(
                    f"variant of the stage {name}",
                    variant,
                    stage.fragments,
                    where="variants",
                    fix=f'variants={{"{name}": ({", ".join(repr(v) for v in stage.default)},)}}',
                )
        chosen[name] = wanted
    return chosen


def check_parts(known: Registry, asked: frozenset[str], chosen: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a part that no stage knows, and one that no file of the chosen variants uses."""
    for part in sorted(asked):
        if part not in known.parts:
            raise unknown_name("part of the chain", part, known.parts, where="parts")
    used = {
        part
        for name, variants in chosen.items()
        for variant in variants
        for fragment in known.stages[name].fragments[variant]
        if fragment.prefixes(asked)
        for part in (*fragment.parts, *fragment.also, *fragment.instances)
    }
    for part in sorted(asked - used):
        users = [f"{variant} of {name}" for name, variant in known.parts[part]]
        raise UsageError(
            f"nothing in the chosen variants uses the part '{part}'",
            where="parts",
            allowed="it belongs to " + ", ".join(users),
        )


def declaration_problems(known: Registry) -> list[Problem]:
    """What is wrong with the declarations of the stages, all at once: ports, files, names."""
    found: list[Problem] = []
    seen: set[str] = set()
    for stage in known.stages.values():
        where = f"stages/{stage.name}/stage.py"
        for port in (*stage.outputs, *stage.internal, *(t.port for t in stage.totals)):
            try:
                units.parse(port.unit)
            except KetasimError as error:
                found.append(Problem(f"{where}, port {port.name}", error.what, error.fix))
        for port in stage.inputs:
            giver = known.owner.get(port.name)
            if giver is None:
                near = nearest(port.name, known.ports)
                found.append(Problem(where, f"no stage gives the input {port.name}", ", ".join(near)))
            elif giver == stage.name:
                found.append(Problem(where, f"{port.name} is an input and an output of the same stage"))
            elif giver not in seen:
                found.append(Problem(where, f"{port.name} comes from {giver}, which is further down the chain"))
            else:
                given = known.ports[port.name]
                if _dimension(given.unit) != _dimension(port.unit):
                    found.append(
                        Problem(
                            where,
                            f"takes {port.name} in {port.unit}; {giver} gives it in {given.unit}",
                            f'Port("{port.name}", "{given.unit}", ...)',
                        )
                    )
                if given.null != port.null:
                    found.append(
                        Problem(
                            where,
                            f"takes {port.name} with null {port.null:g}; {giver} declares {given.null:g}",
                            f"null={given.null:g}",
                        )
                    )
        seen.add(stage.name)
        found += _file_problems(stage, where)
        found += _reading_problems(known, stage, where)
    return found


def _file_problems(stage: Stage, where: str) -> list[Problem]:
    found: list[Problem] = []
    named = set()
    given = set()
    for variant, fragment in stage.all_fragments():
        named.add(fragment.file)
        path = stage.folder / fragment.file
        if not path.exists():
            near = nearest(fragment.file, [p.name for p in stage.folder.glob("*.ant")])
            found.append(
                Problem(where, f"variant {variant} names {fragment.file}, which is not there", ", ".join(near))
            )
            continue
        parsed = parse_file(path)
        found += [p for p in parsed.problems if p not in found]
        defined = parsed.defined()
        for local in fragment.provides:
            if local not in defined:
                found.append(
                    Problem(
                        f"{stage.name}/{fragment.file}",
                        f"says it provides {local}, but does not define it",
                        ", ".join(nearest(local, defined)),
                    )
                )
        prefixes = tuple(dict.fromkeys(fragment.instances.values())) or ("",)
        given |= {global_name(local, prefix, fragment.rename) for prefix in prefixes for local in defined}
    for path in sorted(stage.folder.glob("*.ant")):
        if path.name not in named:
            found.append(Problem(f"{stage.name}/{path.name}", "no variant of the stage uses this file"))
    given |= {total.port.name for total in stage.totals}
    for port in stage.outputs:
        if port.name not in given:
            found.append(
                Problem(
                    where, f"no file of the stage defines the output {port.name}", ", ".join(nearest(port.name, given))
                )
            )
    for variant in stage.default:
        if variant not in stage.fragments:
            found.append(
                Problem(
                    where, f"the default variant {variant} does not exist", ", ".join(nearest(variant, stage.fragments))
                )
            )
    return found


def _reading_problems(known: Registry, stage: Stage, where: str) -> list[Problem]:
    """Inputs that no file of the stage reads, and ports of other stages that a file reads without taking them."""
    taken = {port.name for port in stage.inputs}
    read: dict[str, str] = {}
    own: set[str] = set()
    for _, fragment in stage.all_fragments():
        path = stage.folder / fragment.file
        if not path.exists():
            continue
        parsed = parse_file(path)
        for prefix in tuple(dict.fromkeys(fragment.instances.values())) or ("",):
            own |= {global_name(local, prefix, fragment.rename) for local in parsed.defined()}
            for statement in parsed.statements:
                if statement.kind != "unit":
                    for name in statement.uses:
                        for meaning in (name, global_name(name, prefix, fragment.rename)):
                            read.setdefault(meaning, f"{parsed.place}:{statement.line}")
    found = [
        Problem(where, f"no file of the stage reads the input {name}", f"read it, or remove Port({name!r}, ...)")
        for name in sorted(taken - set(read))
    ]
    for name, place in read.items():
        owner = known.owner.get(name, stage.name)
        if owner != stage.name and name not in taken and name not in own:
            port = known.ports[name]
            found.append(
                Problem(
                    place,
                    f"reads {name} of the stage {owner}, which {stage.name} does not take",
                    f'Port("{name}", "{port.unit}", "{port.label}") among the inputs of {where}',
                )
            )
    return found


def global_name(local: str, prefix: str, rename: Mapping[str, str]) -> str:
    """The name a local identifier gets in the copy `prefix`."""
    if local in rename:
        return rename[local].replace("{instance}", prefix)
    return f"{prefix}_{local}" if prefix else local


def _dimension(unit: str) -> units.Dimension | None:
    try:
        return units.parse(unit)
    except KetasimError:
        return None
