"""What every identifier of every copy of a file means in the composed model, and everything that does not fit.

The rule is in the docstring of `compose`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ketasim.core import KetasimError, Problem, Value, nearest

from . import units
from .pieces import Piece
from .registry import Registry, global_name
from .syntax import SPACE, Statement


class Linker:
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
        own_value = local in values and piece.fragment.may_share(local, piece.prefix)
        if local in copies or special in values or (local in piece.rename and placed):
            found = special
        elif own_value or local in self.defined or local in ports:
            found = local
        elif placed:
            found = special
        else:
            self._nothing(piece, local, statement, copies)
            piece.names[local] = local
            return
        piece.names[local] = found
        if found in values and found not in self.defined:
            self.parameters[found] = values[found]
        elif found not in self.defined and found not in self.nulls:
            self.nulls[found] = ports[found].null
        self._check_declared(piece, found, statement)

    def _check_declared(self, piece: Piece, name: str, statement: Statement) -> None:
        """What a file reads of another stage is an input of its own stage."""
        stage = piece.stage
        owner = self.defined[name][0] if name in self.defined else self.known.owner.get(name, stage.name)
        if owner == stage.name or any(port.name == name for port in stage.inputs):
            return
        port = self.known.ports.get(name)
        if port is None:
            fix = f"an output of {owner} with that name, and an input of {stage.name}"
        else:
            null = f", null={port.null:g}" if port.null else ""
            fix = (
                f'Port("{name}", "{port.unit}", "{port.label}"{null}) among the inputs of stages/{stage.name}/stage.py'
            )
        self._problem(
            piece.at(statement.line), f"reads {name} of the stage {owner}, which {stage.name} does not take", fix
        )

    def _nothing(self, piece: Piece, local: str, statement: Statement, copies: set[str]) -> None:
        """An identifier without meaning: a value that is missing, or a slip."""
        special = piece.globally(local)
        if statement.kind == "unit":
            what, fix = f"{local} gets a unit here but is defined nowhere", ""
        elif local in self.values:
            key, place, unit = self._missing(piece, local)
            what = f"{piece.prefix} has no value of its own for {local}, and {piece.file} does not share that of others"
            fix = (
                f"[{key}] with {unit} in knowledge/values/{place}.toml; or, if it is the same number for every "
                f'substance, Fragment("{piece.file}", ..., shared=("{local}",)) in stages/{piece.stage.name}/stage.py'
            )
            self._problem(piece.at(statement.line), what, fix)
            return
        else:
            key, place, unit = self._missing(piece, local)
            key = local if piece.fragment.may_share(local, piece.prefix) else key
            what = f"nothing defines {local}" + (f" (here {key})" if key != local else "")
            fix = f"a value [{key}] with {unit} in knowledge/values/{place}.toml, or a port"
        choices = sorted({*copies, *self.values, *self.defined, *self.known.ports})
        near = nearest(local, choices) or nearest(special, choices)
        self._problem(piece.at(statement.line), what + (f" (nearest: {', '.join(near)})" if near else ""), fix)

    def _missing(self, piece: Piece, local: str) -> tuple[str, str, str]:
        """Key, file and unit of the value that `local` wants: those that the other copies of the file have."""
        special = piece.globally(local) if not local.startswith(f"{piece.prefix}_") else local
        prefixes = dict.fromkeys(piece.fragment.instances.values())
        siblings = [self.values[key] for p in prefixes if (key := global_name(local, p, piece.rename)) in self.values]
        like = siblings[0] if siblings else self.values.get(local)
        named = len(piece.prefix) > 1  # a substance; one letter is an enantiomer, in every file of values
        beside = [v for key, v in self.values.items() if named and key.startswith(f"{piece.prefix}_")]
        place = next((v.stage for v in (*siblings, *beside, *([like] if like else ()))), piece.stage.name)
        return special, place, f'unit = "{like.unit}"' if like else "its unit"

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
