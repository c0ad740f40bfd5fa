"""Writes LLVM IR as text. A value is a string such as "%12" or a literal; its type is known from where it came.

Vector type `<W x real>`: one lane per person. Masks are `<W x i1>`. Time, step and tolerances are scalars (double).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Sums may be contracted to multiply-adds; NaN, infinities and the sign of zero keep their meaning.
FAST = "contract"


@dataclass
class Module:
    """Functions and declarations of one compilation unit; `width` lanes of `real` (double or float)."""

    width: int
    real: str
    parts: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    flush: bool = (
        False  # whether this processor has the control word of x86, and numbers below the normal range shall be 0
    )
    short: bool = False  # whether this LLVM reads "splat (double 1.0)" (version 20 and later)

    @property
    def vector(self) -> str:
        return f"<{self.width} x {self.real}>"

    @property
    def integers(self) -> str:
        return f"<{self.width} x {'i64' if self.real == 'double' else 'i32'}>"

    @property
    def mask(self) -> str:
        return f"<{self.width} x i1>"

    @property
    def suffix(self) -> str:
        """Mangling of vector intrinsics, such as v4f64."""
        return f"v{self.width}{'f64' if self.real == 'double' else 'f32'}"

    @property
    def bytes(self) -> int:
        return self.width * (8 if self.real == "double" else 4)

    def declare(self, name: str, signature: str) -> None:
        self.declared[name] = f"declare {signature}"

    def text(self) -> str:
        return "\n".join([*self.declared.values(), *self.parts]) + "\n"


def double(value: float) -> str:
    return "0x" + struct.pack(">d", value).hex().upper()


class Function:
    """One function under construction. Use as a context manager; the text goes into the module at the end."""

    def __init__(self, module: Module, name: str, arguments: list[tuple[str, str]], attributes: str = "") -> None:
        self.module, self.name, self.attributes = module, name, attributes
        self.arguments = arguments
        self.lines: list[str] = []
        self.entry: list[str] = []  # allocas
        self.count = 0
        self._constants: dict[float, str] = {}
        self.vector, self.mask, self.real = module.vector, module.mask, module.real
        self.integers = module.integers

    def __enter__(self) -> Function:
        return self

    def __exit__(self, *_: object) -> None:
        if _[0] is None:
            arguments = ", ".join(f"{kind} %{name}" for kind, name in self.arguments)
            head = f"define void @{self.name}({arguments}) {self.attributes} {{\nentry:"
            self.module.parts.append("\n".join([head, *self.entry, *self.lines, "  ret void", "}"]))

    # ---- instructions ----------------------------------------------------------------------------------
    def new(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text: str) -> None:
        self.lines.append("  " + text)

    def splat_number(self, value: float) -> str:
        """A vector literal with `value` in each lane, rounded to the arithmetic of the module."""
        if value not in self._constants:
            if self.real == "float":
                value = struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 3.4e38 else value
                if abs(value) > 3.4e38 and value == value:
                    value = float("inf") if value > 0 else float("-inf")
            item = f"{self.real} {double(value)}"
            literal = f"splat ({item})" if self.module.short else "<" + ", ".join([item] * self.module.width) + ">"
            self._constants[value] = literal
        return self._constants[value]

    def splat(self, scalar: str, kind: str = "double") -> str:
        """A scalar in each lane; a double is rounded first when the module computes in float."""
        if kind == "double" and self.real == "float":
            scalar = self.new(f"fptrunc double {scalar} to float")
        one = self.new(f"insertelement {self.vector} poison, {self.real} {scalar}, i32 0")
        zeros = f"<{self.module.width} x i32> zeroinitializer"
        return self.new(f"shufflevector {self.vector} {one}, {self.vector} poison, {zeros}")

    def op(self, name: str, a: str, b: str) -> str:
        """fadd, fsub, fmul or fdiv of vectors."""
        return self.new(f"{name} {FAST} {self.vector} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        return self.op("fadd", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.op("fsub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.op("fmul", a, b)

    def div(self, a: str, b: str) -> str:
        return self.op("fdiv", a, b)

    def neg(self, a: str) -> str:
        return self.new(f"fneg {self.vector} {a}")

    def muladd(self, a: str, b: str, c: str) -> str:
        """a b + c, fused where the machine does that at no cost."""
        v = self.vector
        return self.call(f"llvm.fmuladd.{self.module.suffix}", v, (v, a), (v, b), (v, c))

    def call(self, name: str, result: str, *arguments: tuple[str, str]) -> str:
        kinds = ", ".join(kind for kind, _ in arguments)
        if name.startswith("llvm."):
            self.module.declare(name, f"{result} @{name}({kinds})")
        given = ", ".join(f"{kind} {value}" for kind, value in arguments)
        if result == "void":
            self.do(f"call void @{name}({given})")
            return ""
        return self.new(f"call {result} @{name}({given})")

    def intrinsic(self, name: str, a: str) -> str:
        """A vector intrinsic of one argument: sqrt, fabs, floor, ceil, trunc, rint."""
        return self.call(f"llvm.{name}.{self.module.suffix}", self.vector, (self.vector, a))

    def compare(self, condition: str, a: str, b: str) -> str:
        """Mask; `condition` as in LLVM's fcmp (olt, ole, oeq, une, uno, ...)."""
        return self.new(f"fcmp {condition} {self.vector} {a}, {b}")

    def select(self, mask: str, a: str, b: str) -> str:
        return self.new(f"select {self.mask} {mask}, {self.vector} {a}, {self.vector} {b}")

    def largest(self, a: str, b: str) -> str:
        """a > b ? a : b, which processors have in one instruction; b where one of them is no number."""
        return self.select(self.compare("ogt", a, b), a, b)

    def logic(self, name: str, a: str, b: str) -> str:
        return self.new(f"{name} {self.mask} {a}, {b}")

    def all_true(self) -> str:
        return "<" + ", ".join(["i1 true"] * self.module.width) + ">"

    def invert(self, mask: str) -> str:
        return self.logic("xor", mask, self.all_true())

    # ---- memory ----------------------------------------------------------------------------------------
    def address(self, kind: str, pointer: str, index: str | int) -> str:
        return self.new(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {index}")

    def load_vector(self, pointer: str, index: str | int) -> str:
        place = self.address(self.vector, pointer, index)
        return self.new(f"load {self.vector}, ptr {place}, align {self.module.bytes}")

    def store_vector(self, pointer: str, index: str | int, value: str) -> None:
        place = self.address(self.vector, pointer, index)
        self.do(f"store {self.vector} {value}, ptr {place}, align {self.module.bytes}")

    def load(self, kind: str, pointer: str, index: str | int = 0) -> str:
        place = self.address(kind, pointer, index)
        return self.new(f"load {kind}, ptr {place}")

    def store(self, kind: str, pointer: str, index: str | int, value: str) -> None:
        place = self.address(kind, pointer, index)
        self.do(f"store {kind} {value}, ptr {place}")

    def variable(self, kind: str, start: str | None = None) -> Variable:
        self.count += 1
        name = f"%m{self.count}"
        self.entry.append(f"  {name} = alloca {kind}")
        variable = Variable(self, kind, name)
        if start is not None:
            variable.set(start)
        return variable

    # ---- scalars ---------------------------------------------------------------------------------------
    def scalar(self, name: str, a: str, b: str, kind: str = "double") -> str:
        return self.new(f"{name} {kind} {a}, {b}")

    def logic_and(self, a: str, b: str) -> str:
        return self.new(f"and i1 {a}, {b}")

    def scalar_select(self, condition: str, a: str, b: str, kind: str = "double") -> str:
        return self.new(f"select i1 {condition}, {kind} {a}, {kind} {b}")

    def smaller(self, a: str, b: str) -> str:
        return self.scalar_select(self.new(f"fcmp olt double {a}, {b}"), a, b)

    def larger(self, a: str, b: str) -> str:
        return self.scalar_select(self.new(f"fcmp ogt double {a}, {b}"), a, b)

    # ---- control ---------------------------------------------------------------------------------------
    def label(self) -> str:
        self.count += 1
        return f"L{self.count}"

    def place(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        self.do(f"br i1 {condition}, label %{yes}, label %{no}")

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """The body runs if `condition` (i1) holds."""
        body, after = self.label(), self.label()
        self.branch(condition, body, after)
        self.place(body)
        yield
        self.jump(after)
        self.place(after)

    @contextmanager
    def loop(self, stop: str | int, start: str | int = 0) -> Iterator[str]:
        """Counts an i64 from `start` to `stop` - 1; gives the counter."""
        counter = self.variable("i64", str(start))
        head, body, after = self.label(), self.label(), self.label()
        self.jump(head)
        self.place(head)
        index = counter.get()
        self.branch(self.new(f"icmp slt i64 {index}, {stop}"), body, after)
        self.place(body)
        yield index
        counter.set(self.scalar("add", index, "1", "i64"))
        self.jump(head)
        self.place(after)

    @contextmanager
    def forever(self) -> Iterator[str]:
        """Repeats the body; gives the label to jump to for leaving (then place a fresh label yourself)."""
        head, after = self.label(), self.label()
        self.jump(head)
        self.place(head)
        yield after
        self.jump(head)
        self.place(after)

    def leave_if(self, condition: str, label: str) -> None:
        """Jumps to `label` if `condition` holds; goes on below otherwise."""
        on = self.label()
        self.branch(condition, label, on)
        self.place(on)


@dataclass(frozen=True)
class Variable:
    """A scalar or vector that changes; lives in a register after optimisation."""

    function: Function
    kind: str
    name: str

    def get(self) -> str:
        return self.function.new(f"load {self.kind}, ptr {self.name}")

    def set(self, value: str) -> None:
        self.function.do(f"store {self.kind} {value}, ptr {self.name}")
