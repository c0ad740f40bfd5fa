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
the parameter `x` if it has a value; the port or definition `x`; the port `s_x`.

Nothing here imports Antimony or libSBML: composing is on the way of every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from ketasim.core import KetasimError, Port, Problem, Stage, Value, all_values, nearest

from . import units
from .registry import Registry, check_parts, chosen_variants, global_name, registry
from .syntax import SPACE, Parsed, Statement, parse_file
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


@dataclass(slots=True)
class Piece:
    """One copy of one file, on its way into the model."""

    stage: Stage
    file: str
    prefix: str
    parsed: Parsed
    rename: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def globally(self, local: str) -> str:
        return global_name(local, self.prefix, self.rename)

    def at(self, line: int) -> str:
        copy = f" (copy {self.prefix})" if self.prefix else ""
        return f"{self.parsed.place}:{line}{copy}"


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
        Piece(stage, fragment.file, prefix, parse_file(stage.folder / fragment.file), fragment.rename)
        for name, stage in known.stages.items()
        for variant in chosen[name]
        for fragment in stage.fragments[variant]
        for prefix in fragment.prefixes(asked)
    ]
    for parsed in dict.fromkeys(piece.parsed.path for piece in pieces):
        problems += parse_file(parsed).problems
    if problems:
        raise CompositionError(problems)

    work = _Linker(known, pieces, values)
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


class _Linker:
    """Decides what every identifier of every copy means, and finds what does not fit."""

    def __init__(self, known: Registry, pieces: list[Piece], values: Mapping[str, Value]) -> None:
        self.known, self.pieces, self.values = known, pieces, values
        self.problems: list[Problem] = []
        self.defined: dict[str, tuple[str, str, str]] = {}
        self.parameters: dict[str, Value] = {}
        self.inputs: list[str] = []
        self.states: list[str] = []
        self.unit_of: dict[str, units.Dimension] = {}
        self.unit_place: dict[str, str] = {}
        self.totals: dict[str, tuple[str, ...]] = {}
        self.nulls: dict[str, float] = {}
        self.species: set[str] = set()

    def link(self) -> None:
        copies: dict[tuple[str, str], set[str]] = {}
        for piece in self.pieces:
            self._define(piece, copies.setdefault((piece.stage.name, piece.prefix), set()))
        self._sum_totals()
        for piece in self.pieces:
            local = copies[piece.stage.name, piece.prefix]
            for statement in piece.parsed.statements:
                if statement.kind == "unit":
                    self._unit(piece, statement, local)
                for name in (*statement.uses, *statement.targets):
                    if name not in piece.names:
                        self._resolve(piece, name, statement, local)
                if statement.kind == "reaction":
                    self._check_moved(piece, statement)
        self._check_units()

    def _define(self, piece: Piece, copies: set[str]) -> None:
        parsed = piece.parsed
        for local, line in parsed.defined().items():
            name = piece.globally(local)
            piece.names[local] = name
            copies.add(local)
            if name in self.defined:
                stage, file, copy = self.defined[name]
                self._problem(
                    piece.at(line),
                    f"{name} is already defined in {stage}/{file}" + (f" (copy {copy})" if copy else ""),
                    "two variants that give the same quantity cannot be on together",
                )
                continue
            owner = self.known.owner.get(name)
            if owner not in (None, piece.stage.name):
                self._problem(piece.at(line), f"{name} is a port of the stage {owner} and cannot be defined here")
            if name in self.values:
                self._problem(
                    piece.at(line),
                    f"{name} is defined here and has a value in knowledge/values/{self.values[name].stage}.toml",
                    "rename one of the two",
                )
            self.defined[name] = (piece.stage.name, piece.file, piece.prefix)
            if local in parsed.inputs:
                self.inputs.append(name)
            elif local in parsed.species or local in parsed.rates:
                self.states.append(name)
                if local in parsed.species:
                    self.species.add(name)

    def _sum_totals(self) -> None:
        from_files = tuple(self.defined.items())  # a total is never a term of another one
        for stage in self.known.stages.values():
            for total in stage.totals:
                name = total.port.name
                if name in self.defined:
                    self._problem(f"stages/{stage.name}/stage.py", f"the total {name} is also defined in a file")
                terms = tuple(
                    other
                    for other, (owner, _, _) in from_files
                    if owner == stage.name and (other == total.local or other.endswith("_" + total.local))
                )
                if terms:
                    self.totals[name] = terms
                    self.defined[name] = (stage.name, "stage.py", "")

    def _resolve(self, piece: Piece, local: str, statement: Statement, copies: set[str]) -> None:
        """Enter the meaning of `local` into `piece.names`; the rule is in the docstring of this module."""
        if local == SPACE:
            return
        special = piece.globally(local)
        ports, values = self.known.ports, self.values
        placed = special in self.defined or special in ports
        if local in copies or special in values or (local in piece.rename and placed):
            found = special
        elif local in values or local in self.defined or local in ports:
            found = local
        elif placed:
            found = special
        else:
            if statement.kind == "unit":
                what, fix = f"{local} gets a unit here but is defined nowhere", ""
            else:
                what = f"nothing defines {local}"
                fix = f"a value [{local}] in knowledge/values/{piece.stage.name}.toml, or a port"
            choices = sorted({*copies, *values, *self.defined, *ports})
            near = nearest(local, choices) or nearest(special, choices)
            self._problem(piece.at(statement.line), what + (f" (nearest: {', '.join(near)})" if near else ""), fix)
            piece.names[local] = local
            return
        piece.names[local] = found
        if found in values and found not in self.defined:
            self.parameters[found] = values[found]
        elif found not in self.defined and found not in self.nulls:
            self.nulls[found] = ports[found].null

    def _unit(self, piece: Piece, statement: Statement, copies: set[str]) -> None:
        local = statement.targets[0]
        if local not in piece.names:
            self._resolve(piece, local, statement, copies)
        name = piece.names.get(local, local)
        try:
            dimension = units.parse_word(statement.word)
        except KetasimError as error:
            self._problem(piece.at(statement.line), error.what, error.fix)
            return
        earlier = self.unit_of.setdefault(name, dimension)
        if earlier != dimension:
            self._problem(
                piece.at(statement.line),
                f"{name} has {units.symbol(dimension)} here and {units.symbol(earlier)} in {self.unit_place[name]}",
            )
        self.unit_place.setdefault(name, piece.at(statement.line))

    def _check_moved(self, piece: Piece, statement: Statement) -> None:
        for local in statement.moved:
            name = piece.names[local]
            if name not in self.species and (name in self.defined or name in self.parameters or name in self.nulls):
                self._problem(piece.at(statement.line), f"the reaction moves {name}, which is not a species")

    def _check_units(self) -> None:
        for name, value in self.parameters.items():
            self._meet(name, value.unit, f"knowledge/values/{value.stage}.toml, [{value.key}]")
        for name in (*self.nulls, *self.defined):
            if name in self.known.ports:
                port = self.known.ports[name]
                self._meet(name, port.unit, f"stages/{self.known.owner[name]}/stage.py, Port {name}")
        for piece in self.pieces:
            for local, line in piece.parsed.defined().items():
                name = piece.names[local]
                if local not in piece.parsed.reactions and name not in self.unit_of:
                    self._problem(piece.at(line), f"{name} has no unit", f"{local} has dimensionless;")

    def _meet(self, name: str, unit: str, place: str) -> None:
        try:
            dimension = units.parse(unit)
        except KetasimError as error:
            self._problem(place, error.what, error.fix)
            return
        earlier = self.unit_of.setdefault(name, dimension)
        if earlier != dimension:
            self._problem(
                place,
                f"{name} is in {units.symbol(dimension)} there, but in {units.symbol(earlier)} "
                f"in {self.unit_place.get(name, 'another place')}",
            )

    def _problem(self, where: str, what: str, fix: str = "") -> None:
        problem = Problem(where, what, fix)
        if problem not in self.problems:
            self.problems.append(problem)
