"""The algebra after the integration, from the `.ant` text: outputs as NumPy functions of integrated courses.

Sizes, gains and maxima of mood and of the acute effects act on states that they do not feed back into. A fit that changes only
such values need not integrate again: it evaluates the same equations on stored courses. Nothing of that is written down a second
time or listed by hand. The engine's own graph of the composed model says

    after    parameters that the outputs reach and no rate, start or other port does:
             reach(outputs) - reach(rates, starts, other ports)
    needed   the named quantities nearest to the outputs that no `after` parameter enters: what has to be integrated

and each output becomes a short program over `needed` and parameters, exact to rounding.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core import KetasimError, unknown_name
from ketasim.core.arrays import Array
from ketasim.core.kept import folder, keep, kept
from ketasim.engine.code import store
from ketasim.engine.symbolic.evaluate import Program, evaluate, program

from .compose import Composition
from .registry import registry

RATED_STAGES = ("mood", "body")
SUFFIX = ".readout"
MOST_FILES = 200


def rated_outputs() -> tuple[str, ...]:
    """Output ports of the stages at the end of the chain: what is felt, measured or rated."""
    stages = registry().stages
    return tuple(port.name for name in RATED_STAGES for port in stages[name].outputs)


@dataclass(frozen=True)
class Formula:
    """One output: a program over courses (`reads`, in the order of its states) and parameters (`parameters`)."""

    code: Program
    reads: tuple[str, ...]
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Readout:
    """Outputs of one composition after the integration.

    needed : identifiers to integrate. after : parameters that act only afterwards. within : parameters of the composition that the
    integration reads. numbers : shipped number of every parameter of `after`. formulas : output -> how it is worked out.
    nulls : outputs that this composition does not compute -> their null value.
    """

    needed: tuple[str, ...]
    after: frozenset[str]
    within: frozenset[str]
    numbers: Mapping[str, float]
    formulas: Mapping[str, Formula]
    nulls: Mapping[str, float]

    def __call__(
        self, output: str, rows: Mapping[str, Array], numbers: Mapping[str, float | Array], times: Array | float = 0.0
    ) -> Array:
        """The course of an output, broadcast over people and times.

        rows : `needed` identifier -> (P, T), or any shape that broadcasts. numbers : parameter -> one number or one per person (P,); the
        shipped number where nothing is given. times (T,) h, for equations that name the time. A null output is (1, 1).
        Raises UsageError for an output that was not asked for when the readout was made.
        """
        if output in self.nulls:
            return np.full((1, 1), self.nulls[output])
        if output not in self.formulas:
            raise unknown_name("output", output, (*self.formulas, *self.nulls), where="readout")
        formula = self.formulas[output]
        given = [_column(numbers.get(key, self.numbers[key])) for key in formula.parameters]
        states = [rows[name] for name in formula.reads]
        return evaluate(formula.code, time=times, parameters=given, states=states)[0]

    def reads(self, output: str) -> tuple[str, ...]:
        """Parameters of an output that act after the integration."""
        return tuple(k for k in self.formulas[output].parameters if k in self.after) if output in self.formulas else ()


def _column(number: float | Array) -> Any:
    return number[:, None] if isinstance(number, np.ndarray) and number.ndim == 1 else number


def readout(composition: Composition, outputs: Sequence[str] | None = None) -> Readout:
    """The readout of a composition; outputs : ports (those of the last stages unless given). Kept in this process and on disk."""
    wanted = tuple(outputs) if outputs is not None else rated_outputs()
    for name in wanted:
        if name not in composition.ports:
            raise unknown_name("output", name, composition.ports, where="readout")
    nulls = {n: composition.nulls[n] for n in wanted if n in composition.nulls}
    inside = tuple(n for n in wanted if n not in nulls)
    others = tuple(n for n in composition.outputs if n not in inside)
    plain = _analysed(
        composition.antimony,
        tuple(composition.parameters),
        composition.inputs,
        composition.states,
        tuple(e.name for e in composition.equations if e.kind == "algebra"),
        inside,
        others,
    )
    numbers = {k: composition.parameters[k].value for f in plain["formulas"].values() for k in f[2]}
    formulas = {
        name: Formula(_program(code), tuple(reads), tuple(keys))
        for name, (code, reads, keys) in plain["formulas"].items()
    }
    return Readout(
        tuple(plain["needed"]), frozenset(plain["after"]), frozenset(plain["within"]), numbers, formulas, nulls
    )


def _program(code: Sequence[Any]) -> Program:
    steps, results = code
    return Program(tuple((op, tuple(args), value) for op, args, value in steps), tuple(results))


@lru_cache(maxsize=128)
def _analysed(
    text: str,
    parameters: tuple[str, ...],
    inputs: tuple[str, ...],
    states: tuple[str, ...],
    algebra: tuple[str, ...],
    outputs: tuple[str, ...],
    others: tuple[str, ...],
) -> dict[str, Any]:
    """Plain data of a readout, from the disk where it is known: reading the text takes a third of a second."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    key = store.key_of(readout=own, text=text, parameters=list(parameters), outputs=list(outputs), others=list(others))
    found = _read(key)
    if found is None:
        found = _analyse(text, parameters, inputs, states, algebra, outputs, others)
        _write(key, found)
    return found


def _analyse(
    text: str,
    parameters: tuple[str, ...],
    inputs: tuple[str, ...],
    states: tuple[str, ...],
    algebra: tuple[str, ...],
    outputs: tuple[str, ...],
    others: tuple[str, ...],
) -> dict[str, Any]:
    from ketasim.engine.read.reader import read_model
    from ketasim.engine.symbolic.collect import Renamed
    from ketasim.engine.symbolic.system import assemble

    names = tuple(dict.fromkeys((*states, *algebra, *outputs, *others)))
    if not names:
        return {"needed": [], "after": [], "within": [], "formulas": {}}
    system = assemble(read_model(text), parameters, names, inputs)
    g = system.graph
    node = dict(zip(system.outputs, system.output_nodes, strict=True))
    called: dict[int, str] = {}
    for name in names:  # a state's own name before that of a quantity that equals it
        called.setdefault(node[name], name)

    def parameters_of(roots: Sequence[int]) -> set[str]:
        return {parameters[int(g.value[n])] for n in g.reach(roots) if g.op[n] == "parameter"}

    within = parameters_of([*system.rates, *system.starts, *(node[n] for n in others)])
    after = parameters_of([node[n] for n in outputs]) - within
    late: dict[int, bool] = {}  # nodes that an `after` parameter enters; arguments are created before what uses them
    for n in sorted(g.reach([node[name] for name in outputs])):
        own = g.op[n] == "parameter" and parameters[int(g.value[n])] in after
        late[n] = own or any(late[a] for a in g.args[n])
    dynamic = _dynamic(g, late)

    formulas: dict[str, Any] = {}
    needed: dict[str, None] = {}
    for output in outputs:
        leaves: dict[int, str] = {}
        stack, seen = [node[output]], set[int]()
        while stack:
            n = stack.pop()
            if n in seen:
                continue
            seen.add(n)
            if n in called and n in dynamic and not late[n]:
                leaves[n] = called[n]
            elif g.op[n] == "input":
                raise KetasimError(
                    f"'{output}' reads a dose input and a value that acts after the integration in one equation",
                    where=f"the equations of {output}",
                    fix="give the part with the dose input a name of its own (x := ...)",
                )
            else:
                stack.extend(g.args[n])
        order = sorted(leaves, key=lambda n: leaves[n])
        keys = sorted(_parameters_outside(g, node[output], set(leaves), parameters))
        exchange = {n: g.state(i) for i, n in enumerate(order)}
        exchange |= {g.parameter(parameters.index(k)): g.parameter(i) for i, k in enumerate(keys)}
        code = program(g, [Renamed(g, exchange)(node[output])])
        formulas[output] = [[[list(s) for s in code.steps], list(code.results)], [leaves[n] for n in order], keys]
        needed |= dict.fromkeys(leaves[n] for n in order)
    return {"needed": sorted(needed), "after": sorted(after), "within": sorted(within), "formulas": formulas}


def _dynamic(g: Any, nodes: Iterable[int]) -> set[int]:
    """Nodes that change during a run because a state or an input does."""
    found: set[int] = set()
    for n in sorted(nodes):
        if g.op[n] in ("state", "input") or any(a in found for a in g.args[n]):
            found.add(n)
    return found


def _parameters_outside(g: Any, root: int, stop: set[int], parameters: Sequence[str]) -> set[str]:
    """Parameters that `root` reads outside the nodes `stop`."""
    found, seen, stack = set[str](), set[int](), [root]
    while stack:
        n = stack.pop()
        if n in seen or n in stop:
            continue
        seen.add(n)
        if g.op[n] == "parameter":
            found.add(parameters[int(g.value[n])])
        stack.extend(g.args[n])
    return found


# on disk, beside the machine code: plain JSON under its hash; a file that is damaged or foreign is made anew


def _read(key: str) -> dict[str, Any] | None:
    body = kept(key + SUFFIX)
    try:
        found: dict[str, Any] | None = None if body is None else json.loads(body)
        return found if found is not None and found.pop("key") == key else None
    except (ValueError, KeyError, AttributeError):
        return None


def _write(key: str, found: Mapping[str, Any]) -> None:
    place = folder()
    if place is None:
        return
    keep(key + SUFFIX, json.dumps({"key": key, **found}).encode())
    with contextlib.suppress(OSError):
        files = sorted(place.glob("*" + SUFFIX), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - MOST_FILES)]:
            path.unlink(missing_ok=True)
