"""One model out of the stages' files: choose, copy, connect, give every parameter its value, unit and source.

A stage declares its ports and files in `stage.py` (dataclasses in `ketasim.core.ports`):

    STAGE = Stage(
        name="circuit", label="Circuit", folder=Path(__file__).parent,
        inputs=(Port("nmda_occupancy", "dimensionless"),),
        outputs=(Port("glutamate", "dimensionless", "Glutamate", null=1.0), Port("drive", "dimensionless")),
        internal=(Port("rest_block", "dimensionless"),),         # null when the variant that defines it is off
        fragments={
            "disinhibition": (Fragment("disinhibition.ant", provides=("glutamate",)),),
            "rest_block": (Fragment("rest_block.ant", provides=("rest_block",)),),
            "drive": (Fragment("drive.ant", provides=("drive",)),),
            "none": (Fragment("none.ant"),),
        },
        default=("disinhibition", "drive"),
    )

A file with `instances={"s_ketamine": "s", "r_ketamine": "r"}` is copied once per enantiomer asked for. In the copy `s`
an identifier `x` means, first match: `s_x` if a copy `s` of this stage defines x; the parameter `s_x` if it has a value;
the parameter `x` if it has a value and the file shares it (`shared=` of its Fragment); the port or definition `x`; the
port `s_x`. What a file reads of another stage must be among the inputs that its stage declares.

Nothing here imports Antimony or libSBML: composing is on the way of every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ketasim.core import KetasimError, Port, Problem, Stage, Value, all_values

from . import units
from .link import Linker
from .pieces import Piece
from .registry import Registry, check_parts, chosen_variants, registry
from .syntax import parse_file
from .text import Writer

DEFAULT_PARTS = ("s_ketamine", "r_ketamine")
"""Racemic ketamine: both enantiomers."""


class CompositionError(KetasimError):
    """The files do not fit together; `problems` names everything that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(problems)
        super().__init__(
            f"the chain cannot be composed: {count} problem{'s' if count > 1 else ''}\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation of the composed model.

    name : the reaction, state or variable. kind : reaction | rate | algebra | start. text : as in the model. uses : the
    identifiers it reads or moves. stage, file, copy, line : where it comes from. comment : what the file says beside it.
    """

    name: str
    kind: str
    text: str
    uses: tuple[str, ...]
    stage: str
    file: str
    copy: str
    line: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Composition:
    """A model as text, with everything the engine and a reader need to know about it.

    antimony : the model; deterministic for the same parts, variants and values.
    parameters : identifier -> Value of every parameter. inputs : dose inputs, zero unless a schedule sets them.
    states : species and rate-rule variables, all starting at `antimony`'s start values.
    outputs : output ports that this model computes. nulls : ports that nothing provides here -> their null value.
    ports : every output port of the stages. units : identifier -> unit of every quantity.
    defined : identifier -> (stage, file, copy) that defines it. equations : in the order of the text.
    hash : of the model text without its comments.
    """

    antimony: str
    parameters: Mapping[str, Value]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[str, ...]
    ports: Mapping[str, Port]
    nulls: Mapping[str, float]
    units: Mapping[str, str]
    defined: Mapping[str, tuple[str, str, str]]
    equations: tuple[Equation, ...]
    hash: str
    parts: tuple[str, ...]
    variants: Mapping[str, tuple[str, ...]]


def compose(
    parts: Sequence[str] = DEFAULT_PARTS,
    variants: Mapping[str, Sequence[str]] | None = None,
    values: Mapping[str, Value] | None = None,
    stages: Sequence[Stage] | None = None,
) -> Composition:
    """The model of the parts asked for.

    parts : drugs (and whatever else the stages' files are bound to), such as ("s_ketamine", "naltrexone").
    variants : stage -> variants that replace its default ones.
    values : values by identifier that are added to, or replace, those of knowledge/values (a compound of the user's).
    stages : stages to compose instead of the package's own (tests).

    Raises UsageError for an unknown or unused part or variant, CompositionError with all problems of the files.
    """
    asked = frozenset(parts)
    chosen_key = tuple(sorted((k, (v,) if isinstance(v, str) else tuple(v)) for k, v in (variants or {}).items()))
    if values is None and stages is None:
        return _standard(asked, chosen_key)
    known = registry(stages)
    return _compose(known, asked, chosen_variants(known, dict(chosen_key)), values or {})


@cache
def _standard(asked: frozenset[str], variants: tuple[tuple[str, tuple[str, ...]], ...]) -> Composition:
    known = registry()
    return _compose(known, asked, chosen_variants(known, dict(variants)), {})


@cache
def _knowledge() -> dict[str, Value]:
    """Every value of the package by its identifier."""
    found: dict[str, Value] = {}
    for value in all_values():
        if value.key in found:
            raise KetasimError(
                f"the identifier {value.key} has two values",
                where=f"knowledge/values: {found[value.key].stage}.toml and {value.stage}.toml",
            )
        found[value.key] = value
    return found


def _compose(
    known: Registry, asked: frozenset[str], chosen: Mapping[str, tuple[str, ...]], extra: Mapping[str, Value]
) -> Composition:
    check_parts(known, asked, chosen)
    values = {**_knowledge(), **extra}
    problems: list[Problem] = []
    pieces = [
        Piece(stage, fragment, prefix, parse_file(stage.folder / fragment.file))
        for name, stage in known.stages.items()
        for variant in chosen[name]
        for fragment in stage.fragments[variant]
        for prefix in fragment.prefixes(asked)
    ]
    for parsed in dict.fromkeys(piece.parsed.path for piece in pieces):
        problems += parse_file(parsed).problems
    if problems:
        raise CompositionError(problems)

    work = Linker(known, pieces, values)
    work.link()
    if work.problems:
        raise CompositionError(work.problems)
    writer = Writer(work.unit_of, work.parameters, work.totals, work.nulls, known)
    text, code = writer.write(pieces, tuple(sorted(asked)), chosen)
    outputs = tuple(name for name in known.outputs if name in work.defined)
    return Composition(
        antimony=text,
        parameters=MappingProxyType(work.parameters),
        inputs=tuple(work.inputs),
        outputs=outputs,
        states=tuple(work.states),
        ports=MappingProxyType({name: known.ports[name] for name in known.outputs}),
        nulls=MappingProxyType({n: known.ports[n].null for n in known.outputs if n not in work.defined}),
        units=MappingProxyType({name: units.symbol(d) for name, d in work.unit_of.items()}),
        defined=MappingProxyType(work.defined),
        equations=_equations(pieces, work.totals, work.defined),
        hash=hashlib.blake2b(code.encode(), digest_size=16).hexdigest(),
        parts=tuple(sorted(asked)),
        variants=MappingProxyType(dict(chosen)),
    )


def _equations(
    pieces: Sequence[Piece], totals: Mapping[str, tuple[str, ...]], defined: Mapping[str, tuple[str, str, str]]
) -> tuple[Equation, ...]:
    found = [
        Equation(
            name,
            "algebra",
            f"{name} := {' + '.join(terms)}",
            terms,
            defined[name][0],
            "stage.py",
            "",
            0,
            "sum over the stage",
        )
        for name, terms in totals.items()
    ]
    for piece in pieces:
        names = piece.names
        found += [
            Equation(
                names[s.targets[0]],
                s.kind,
                s.text(names),
                tuple(names[u] for u in s.uses),
                piece.stage.name,
                piece.file,
                piece.prefix,
                s.line,
                s.comment,
            )
            for s in piece.parsed.statements
            if s.kind in ("reaction", "rate", "algebra", "start")
        ]
    return tuple(found)
