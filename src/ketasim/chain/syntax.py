"""Reading one `.ant` file: the part of Antimony that the stages use, as statements with their identifiers.

Everything else of the language (events, delays, functions, plain species, numbers in equations) is refused by name
and line. A file stays valid Antimony on its own; nothing here needs the Antimony library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ketasim.core import Problem

Kind = Literal["comment", "blank", "species", "reaction", "rate", "algebra", "start", "input", "unit", "label"]

SPACE = "body_space"
"""The compartment of every amount. It has no meaning beyond SBML's wish for one: amounts are amounts."""

LITERALS = ("0", "1", "2")
FUNCTIONS = frozenset(
    {
        "exp",
        "ln",
        "log10",
        "sqrt",
        "abs",
        "tanh",
        "piecewise",
        "max",
        "min",
        "floor",
        "ceil",
    }
)
RESERVED = (
    frozenset(
        {
            "model",
            "module",
            "end",
            "function",
            "import",
            "species",
            "substanceOnly",
            "compartment",
            "reaction",
            "gene",
            "operator",
            "is",
            "has",
            "in",
            "at",
            "after",
            "before",
            "var",
            "const",
            "ext",
            "formula",
            "unit",
            "delete",
            "time",
            "avogadro",
            "delay",
            "pi",
            "exponentiale",
            "e",
            "infinity",
            "inf",
            "nan",
            "notanumber",
            "true",
            "false",
            "time_unit",
            "substance",
            "volume",
            "area",
            "length",
            "extent",
            "and",
            "or",
            "not",
            "xor",
            "pow",
            "power",
            "log",
            "sin",
            "cos",
            "tan",
            "root",
            "gamma",
            "DNA",
            "constraint",
            "event",
            "t",
            "priority",
            "persistent",
            "identical",
            "maximize",
            "minimize",
            "rateOf",
            "rate_of",
            "since",
        }
    )
    | FUNCTIONS
)

_TOKEN = re.compile(r"[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|:=|->|=>|<=|>=|==|!=|&&|\|\||\"[^\"]*\"|\s+|.")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_NUMBER = re.compile(r"\d|\.\d")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file.

    targets : what it defines or speaks about (species, reaction name, variable). tokens : its text, token by token,
    white space included; joined they give the statement back. uses : identifiers it reads or, in a reaction, moves.
    word : the unit of a `has` statement. comment : the comment on the same line, or the whole line.
    """

    kind: Kind
    line: int
    targets: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    word: str = ""
    comment: str = ""
    indent: str = ""

    def text(self, names: Mapping[str, str]) -> str:
        """The statement with identifiers replaced by `names`; what is not in it stays."""
        return "".join(names.get(token, token) for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as statements, and what it defines: name -> line."""

    path: Path
    model: str
    statements: tuple[Statement, ...]
    species: Mapping[str, int]
    reactions: Mapping[str, int]
    rates: Mapping[str, int]
    algebra: Mapping[str, int]
    inputs: Mapping[str, int]
    problems: tuple[Problem, ...]

    @property
    def place(self) -> str:
        """Folder and name of the file, as messages print it."""
        return f"{self.path.parent.name}/{self.path.name}"

    def defined(self) -> dict[str, int]:
        """Every identifier the file defines, with its line."""
        return {**self.species, **self.reactions, **self.rates, **self.algebra, **self.inputs}


def tokens_of(text: str) -> list[str]:
    """Antimony tokens of one statement, white space included; joined they give the text back."""
    return _TOKEN.findall(text)


def identifiers(tokens: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Identifiers among tokens, in order and once each, without functions."""
    return tuple(dict.fromkeys(t for t in tokens if _NAME.match(t) and t not in FUNCTIONS))


def parse_file(path: Path) -> Parsed:
    """The statements of a file, read anew when it has changed.

    Problems are collected in the result, all at once, and are not raised.
    """
    try:
        state = path.stat()
        return _parse_state(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        problem = Problem(f"{path.parent.name}/{path.name}", f"cannot be read: {error.strerror}")
        return Parsed(path, "", (), {}, {}, {}, {}, {}, (problem,))


@lru_cache(maxsize=512)
def _parse_state(path: Path, changed: int, size: int) -> Parsed:
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> Parsed:
    """The statements of an Antimony text; `path` is for messages only."""
    reader = _Reader(path)
    for number, line in enumerate(text.splitlines(), start=1):
        reader.line(number, line)
    reader.close()
    return Parsed(
        path,
        reader.model,
        tuple(reader.statements),
        reader.species,
        reader.reactions,
        reader.rates,
        reader.algebra,
        reader.inputs,
        tuple(reader.problems),
    )


class _Reader:
    """Collects statements line by line; Antimony has no statement that spans lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = ""
        self.ended = False
        self.statements: list[Statement] = []
        self.problems: list[Problem] = []
        self.species: dict[str, int] = {}
        self.reactions: dict[str, int] = {}
        self.rates: dict[str, int] = {}
        self.algebra: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.starts: dict[str, int] = {}

    def problem(self, number: int, what: str, fix: str = "") -> None:
        self.problems.append(Problem(f"{self.path.parent.name}/{self.path.name}:{number}", what, fix))

    def line(self, number: int, line: str) -> None:
        code, comment = _split_comment(line)
        indent = line[: len(line) - len(line.lstrip())]
        if not code.strip():
            kind: Kind = "comment" if line.strip() else "blank"
            self.statements.append(Statement(kind, number, comment=comment, indent=indent))
            return
        if "/*" in code or "*/" in code:
            self.problem(number, "block comments are not used here", "// one line each")
            return
        pieces = [piece for piece in _split_statements(code) if piece.strip()]
        for place, piece in enumerate(pieces):
            found = list(self.statement(number, piece.strip()))
            for index, statement in enumerate(found):
                last = place == len(pieces) - 1 and index == len(found) - 1
                self.statements.append(
                    Statement(
                        statement.kind,
                        number,
                        statement.targets,
                        statement.tokens,
                        statement.uses,
                        statement.moved,
                        statement.word,
                        comment if last else "",
                        indent,
                    )
                )

    def close(self) -> None:
        if not self.model:
            self.problem(1, "the file has no `model NAME` line", "model " + self.path.stem)
        elif not self.ended:
            self.problem(len(self.statements) + 1, "the model has no `end`", "end")
        states = {**self.species, **self.rates}
        for name, number in self.starts.items():
            if name not in states:
                self.problem(
                    number,
                    f"`{name} = ...` sets a start value, but {name} is not a state of this file",
                    f"{name} := ...   (algebra), or put the number into knowledge/values",
                )

    def define(self, table: dict[str, int], name: str, number: int) -> None:
        for other in (self.species, self.reactions, self.rates, self.algebra, self.inputs):
            if name in other:
                self.problem(number, f"{name} is defined twice (first in line {other[name]})")
                return
        if not _NAME.match(name):
            self.problem(number, f"'{name}' is not an identifier")
        elif name in RESERVED:
            self.problem(number, f"{name} is a word of Antimony and cannot be a name", f"{name}_of_something")
        table[name] = number

    def statement(self, number: int, piece: str) -> Iterator[Statement]:
        tokens = tokens_of(piece)
        first = tokens[0]
        if first in ("model", "module"):
            self.model = piece.split(None, 1)[1].strip("*() ") if " " in piece else self.path.stem
        elif piece == "end":
            self.ended = True
        elif first == "compartment" or (first == SPACE):
            if SPACE not in tokens:
                self.problem(number, "the only compartment is " + SPACE, f"compartment {SPACE} = 1;")
        elif first == "substanceOnly":
            yield self._species(number, piece)
        elif first == "species":
            self.problem(number, "species are amounts in this chain", piece.replace("species", "substanceOnly species"))
        elif first == "const":
            yield from self._inputs(number, piece)
        elif first in ("unit", "function", "import", "var", "ext", "reaction", "gene", "operator", "at", "delete"):
            self.problem(
                number,
                f"`{first}` is not used in a stage's file",
                "units are defined by the composer" if first == "unit" else "",
            )
        elif "has" in tokens:
            yield from self._units(number, piece)
        elif "is" in tokens:
            yield Statement("label", number, (first,), tuple(tokens), (first,))
        elif "->" in tokens or "=>" in tokens:
            found = self._reaction(number, tokens)
            if found:
                yield found
        elif ":=" in tokens or "=" in tokens:
            found = self._equation(number, tokens)
            if found:
                yield found
        else:
            self.problem(number, f"cannot read `{piece}`")

    def _species(self, number: int, piece: str) -> Statement:
        names = []
        body = re.sub(r"\AsubstanceOnly\s+(species\s+)?", "", piece)
        for item in body.split(","):
            match = re.fullmatch(r"\s*(\w+)\s+in\s+(\w+)\s*", item)
            if not match:
                self.problem(
                    number, f"cannot read the species `{item.strip()}`", f"substanceOnly species x in {SPACE};"
                )
                continue
            if match.group(2) != SPACE:
                self.problem(number, "the only compartment is " + SPACE, f"{match.group(1)} in {SPACE}")
            self.define(self.species, match.group(1), number)
            names.append(match.group(1))
        return Statement("species", number, tuple(names), tuple(tokens_of(piece)))

    def _inputs(self, number: int, piece: str) -> Iterator[Statement]:
        for item in piece.removeprefix("const").split(","):
            match = re.fullmatch(r"\s*(\w+)\s*=\s*0\s*", item)
            if not match:
                self.problem(number, f"`const {item.strip()}` is not a dose input", "const infusion_rate = 0;")
                continue
            self.define(self.inputs, match.group(1), number)
            yield Statement("input", number, (match.group(1),), tuple(tokens_of(f"const {item.strip()}")))

    def _units(self, number: int, piece: str) -> Iterator[Statement]:
        for item in piece.split(","):
            match = re.fullmatch(r"\s*(\w+)\s+has\s+(\w+)\s*", item)
            if not match:
                self.problem(number, f"cannot read the unit in `{item.strip()}`", "x has umol_per_hour;")
                continue
            yield Statement(
                "unit",
                number,
                (match.group(1),),
                tuple(tokens_of(item.strip())),
                (match.group(1),),
                word=match.group(2),
            )

    def _reaction(self, number: int, tokens: list[str]) -> Statement | None:
        solid = [t for t in tokens if not t.isspace()]
        if "=>" in solid:
            self.problem(number, "write `->` for a reaction", "".join(tokens).replace("=>", "->"))
            return None
        if len(solid) < 2 or solid[1] != ":" or not _NAME.match(solid[0]):
            self.problem(number, "every reaction needs a name", "elimination: " + "".join(tokens))
            return None
        if ";" not in solid:
            self.problem(number, f"the reaction {solid[0]} has no rate", f"{solid[0]}: a -> b; k*a;")
            return None
        arrow, stop = solid.index("->"), solid.index(";")
        moved = []
        for side in (solid[2:arrow], solid[arrow + 1 : stop]):
            for token in side:
                if _NAME.match(token):
                    moved.append(token)
                elif token not in ("+", *LITERALS):
                    self.problem(number, f"cannot read `{token}` in the reaction {solid[0]}")
        self.define(self.reactions, solid[0], number)
        law = solid[stop + 1 :]
        self._formula(number, law)
        uses = tuple(dict.fromkeys((*moved, *identifiers(law))))
        return Statement("reaction", number, (solid[0],), tuple(tokens), uses, tuple(dict.fromkeys(moved)))

    def _equation(self, number: int, tokens: list[str]) -> Statement | None:
        solid = [t for t in tokens if not t.isspace()]
        name = solid[0]
        if solid[1] == ":=":
            kind, right, table = "algebra", solid[2:], self.algebra
        elif solid[1] == "'" and len(solid) > 2 and solid[2] == "=":
            kind, right, table = "rate", solid[3:], self.rates
        elif solid[1] == "=":
            kind, right, table = "start", solid[2:], self.starts
        else:
            self.problem(number, f"cannot read `{''.join(tokens)}`", "y := ...;   x' = ...;   x = start_of_x;")
            return None
        if kind == "start":
            if name in self.starts:
                self.problem(number, f"{name} gets two start values")
            self.starts[name] = number
        else:
            self.define(table, name, number)
        self._formula(number, right)
        return Statement(kind, number, (name,), tuple(tokens), identifiers(right))  # type: ignore[arg-type]

    def _formula(self, number: int, tokens: list[str]) -> None:
        """Refuse naked numbers, unknown functions, words of the language and powers of a quotient."""
        if not tokens:
            self.problem(number, "the right-hand side is empty")
        for place, token in enumerate(tokens):
            after = tokens[place + 1] if place + 1 < len(tokens) else ""
            if _NUMBER.match(token) and token not in LITERALS:
                self.problem(
                    number,
                    f"the number {token} stands naked in an equation (allowed: {', '.join(LITERALS)})",
                    "give it a name, and a value with source in knowledge/values",
                )
            elif _NAME.match(token) and after == "(" and token not in FUNCTIONS:
                self.problem(
                    number,
                    f"the function {token}() is not used here",
                    "x^y" if token in ("pow", "power") else f"one of {', '.join(sorted(FUNCTIONS))}",
                )
            elif token in RESERVED and token not in FUNCTIONS:
                self.problem(number, f"{token} is a word of Antimony and cannot be read as a name")
            elif token == "^" and place and tokens[place - 1] == ")" and _quotient(tokens[:place]):
                self.problem(
                    number,
                    "a power of a quotient hides a wrong scale from the unit check",
                    "C^n/(EC50^n + C^n) instead of (C/EC50)^n",
                )


def _quotient(tokens: list[str]) -> bool:
    """Whether the parenthesis that ends `tokens` holds a division at its own level."""
    depth = 0
    for token in reversed(tokens):
        if token == ")":
            depth += 1
        elif token == "(":
            depth -= 1
            if not depth:
                return False
        elif token == "/" and depth == 1:
            return True
    return False


def _split_comment(line: str) -> tuple[str, str]:
    """Code and comment of a line; `//` and `#` inside quotation marks belong to the code."""
    quoted = False
    for place, sign in enumerate(line):
        if sign == '"':
            quoted = not quoted
        elif not quoted and (sign == "#" or line.startswith("//", place)):
            return line[:place], line[place:].lstrip("/#").removeprefix(" ").rstrip()
    return line, ""


def _split_statements(code: str) -> list[str]:
    """Statements of a line. A reaction keeps the semicolon between its arrow and its rate."""
    pieces: list[str] = []
    for piece in code.split(";"):
        if pieces and re.search(r"[-=]>", pieces[-1]) and ";" not in pieces[-1] and piece.strip():
            pieces[-1] += ";" + piece
        else:
            pieces.append(piece)
    return pieces
