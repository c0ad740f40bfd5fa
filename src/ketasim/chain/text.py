"""The composed model as a text that people can read on one page: sections per stage, equation, then the numbers in it
with unit and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ketasim.core import Value

from . import units
from .pieces import Piece
from .registry import Registry
from .syntax import SPACE, Statement

_RULE = "=" * 100


def number(value: float) -> str:
    """Shortest text that reads back as the same float."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def source_comment(value: Value) -> str:
    """One line on where a number comes from: symbol, label, printed form, basis, grade, source, place."""
    head = ", ".join(part for part in (value.symbol, value.label) if part)
    printed = f"printed {value.printed}; " if value.printed else ""
    return f"{head + '; ' if head else ''}{printed}{value.basis}, grade {value.grade}; {value.source}, {value.place}"


class Writer:
    """Writes the text, and beside it the same model without comments, whose hash names the model."""

    def __init__(
        self,
        unit_of: Mapping[str, units.Dimension],
        parameters: Mapping[str, Value],
        totals: Mapping[str, tuple[str, ...]],
        nulls: Mapping[str, float],
        known: Registry,
    ) -> None:
        self.unit_of, self.parameters, self.totals = unit_of, parameters, totals
        self.nulls, self.known = nulls, known
        self.lines: list[str] = []
        self.code: list[str] = []
        self.written: set[str] = set()
        self.explained: set[Path] = set()

    def write(
        self, pieces: Sequence[Piece], parts: tuple[str, ...], chosen: Mapping[str, tuple[str, ...]]
    ) -> tuple[str, str]:
        """The text and its code (no comments)."""
        self._comment("Ketasim: " + (", ".join(parts) or "no drug") + ". Written by ketasim.chain; do not edit.")
        self._comment(
            "Time in h, amounts in umol, concentrations in umol/L. A parameter stands below its first equation."
        )
        self._line(["model ketasim"], indent="")
        self._heading("Units: one per dimension (a point is a candela, a beat an item: bases used by nothing else)")
        for line in units.definitions(set(self.unit_of.values())):
            self._line([line])
        self._line([f"compartment {SPACE} = 1;", f"{SPACE} has litre;"])
        for name, stage in self.known.stages.items():
            own = [piece for piece in pieces if piece.stage is stage]
            self._heading(f"{stage.label or name}: " + (", ".join(chosen[name]) or "nothing"))
            for port, terms in self.totals.items():
                if self.known.owner[port] == name:
                    comment = f"everything of this stage that ends in {self._local(name, port)}"
                    self._line([f"{port} := {' + '.join(terms)};", *self._unit(port)], comment)
            for piece in own:
                self._piece(piece)
        if self.nulls:
            self._heading("Not given here: ports at their null")
            for name, null in self.nulls.items():
                self._line([f"const {name} = {number(null)};", *self._unit(name)], self.known.ports[name].label)
        self._line(["end"], indent="")
        return "\n".join(self.lines) + "\n", "\n".join(self.code)

    def _local(self, stage: str, port: str) -> str:
        return next(t.local for t in self.known.stages[stage].totals if t.port.name == port)

    def _piece(self, piece: Piece) -> None:
        copy = f", copy {piece.prefix}" if piece.prefix else ""
        path = piece.parsed.path
        again = path in self.explained
        self.explained.add(path)
        self._comment(f"---- {piece.parsed.place}{copy}" + (" (comments above)" if again else ""), "\n  ")
        names = piece.names
        started = {s.targets[0] for s in piece.parsed.statements if s.kind == "start"}
        for statement in piece.parsed.statements:
            if statement.kind == "comment":
                if not again:
                    self._comment(statement.comment, "  ")
            elif statement.kind not in ("blank", "unit"):
                line = [f"{statement.text(names)};"]
                if statement.kind in ("species", "rate"):
                    line += [f"{names[local]} = 0;" for local in statement.targets if local not in started]
                if statement.kind in ("species", "rate", "algebra", "input"):
                    line += [unit for local in statement.targets for unit in self._unit(names[local])]
                self._line(line, "" if again else statement.comment)
                self._parameters_after(statement, names)

    def _unit(self, name: str) -> list[str]:
        return [f"{name} has {units.word(self.unit_of[name])};"]

    def _parameters_after(self, statement: Statement, names: Mapping[str, str]) -> None:
        for local in statement.uses:
            name = names[local]
            if name in self.parameters and name not in self.written:
                self.written.add(name)
                value = self.parameters[name]
                self._line([f"{name} = {number(value.value)};", *self._unit(name)], source_comment(value), "      ")

    def _line(self, statements: Sequence[str], comment: str = "", indent: str = "  ") -> None:
        self.code += statements
        # Species come with a start value and a unit each: one line per sort, or they push the equations off the page.
        if len(statements) > 3:
            third = (len(statements) - 1) // 2
            rows = [statements[:1], statements[1 : 1 + third], statements[1 + third :]]
        else:
            rows = [statements]
        text = "\n".join(indent + " ".join(row) for row in rows)
        self.lines.append(text + (f"  // {comment}" if comment else ""))

    def _comment(self, text: str, lead: str = "") -> None:
        self.lines.append(f"{lead}// {text}".rstrip())

    def _heading(self, text: str) -> None:
        self.lines += ["", f"  // {_RULE}", f"  // {text}", f"  // {_RULE}"]
