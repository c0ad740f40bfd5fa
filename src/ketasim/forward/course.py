"""Doses through equations to courses: composing, compiling, integrating people in blocks.

`run`, the evidence, the findings and the fits of plasma kinetics all go through `Forward`. What becomes of the courses (scores,
published quantities) is the matter of the layers above.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ketasim.chain import DEFAULT_PARTS, Composition, compose
from ketasim.core import Stage, Value
from ketasim.core.arrays import Array, IntArray
from ketasim.engine.types import Schedule
from ketasim.stages.plasma.routing import routing_values

from .dosing import Dosed, Given, Held, Sessions, Sudden, part_of, parts_needed, schedule
from .tolerance import CLOSE, STANDARD, Tolerance

Numbers = Mapping[str, float | Array]

BLOCK = 512  # people are cut into fixed blocks by index, whatever their number: where a run streams one day, it streams blocks


@dataclass(frozen=True)
class Courses:
    """What was integrated. times (T,) h; tables: per arm, identifier -> (P, T); status (arms, P), 0 = ok; reasons per arm and person.

    first : identifier -> (T,) of the first person of the first arm. steps : of the integrator, all people and arms together.
    """

    times: Array
    tables: tuple[Mapping[str, Array], ...]
    status: IntArray
    reasons: tuple[tuple[str | None, ...], ...]
    first: Mapping[str, Array] = field(default_factory=dict)

    @property
    def table(self) -> Mapping[str, Array]:
        """The first arm."""
        return self.tables[0]


@dataclass(frozen=True)
class Forward:
    """Equations and doses, ready to be integrated in any people.

    composition : the model. given : parts of doses. sudden, held : changes of states at a time, inputs held at a level.
    """

    composition: Composition
    given: tuple[Given, ...] = ()
    sudden: tuple[Sudden, ...] = ()
    held: tuple[Held, ...] = ()

    @staticmethod
    def of(
        given: Sequence[Given],
        *,
        parts: Sequence[str] = (),
        variants: Mapping[str, Sequence[str]] | None = None,
        values: Mapping[str, Value] | None = None,
        stages: Sequence[Stage] | None = None,
        sudden: Sequence[Sudden] = (),
        held: Sequence[Held] = (),
    ) -> Forward:
        """The model that these doses need (racemic ketamine where nothing is given). parts : beside those; the rest as in `compose`."""
        wanted = (*(parts_needed(given) or DEFAULT_PARTS), *parts)
        composition = compose(wanted, variants or None, values or None, stages)
        return Forward(composition, tuple(given), tuple(sudden), tuple(held))

    @property
    def numbers(self) -> dict[str, Value]:
        """Every value that can be replaced: of the equations and of the routing of doses."""
        return dict(routing_values()) | dict(self.composition.parameters)

    @property
    def tolerance(self) -> Tolerance:
        """How exactly this is integrated unless it is said: more closely where a drug beside ketamine is given."""
        others = [one for one in self.given if isinstance(one, Dosed) and not one.event.entry.is_main]
        return CLOSE if others else STANDARD

    def shares(self, varying: Numbers) -> dict[str, float | Array]:
        """Numbers that decide how a dose is split: shipped ones, or those of `varying`."""
        return {key: v.value for key, v in self.numbers.items()} | dict(varying)

    def schedule(
        self,
        varying: Numbers,
        start_h: float,
        end_h: float,
        given: Sequence[Given] | None = None,
        cuts: Array | Sequence[float] = (),
        sessions: Sessions | None = None,
    ) -> Schedule:
        """Segments of the doses (or of `given` in their place, without experiments); varying : value -> number or (P,); sessions : what of the
        routing differs between sessions."""
        experiments = (self.sudden, self.held) if given is None else ((), ())
        chosen = self.given if given is None else given
        inputs = self.composition.inputs
        return schedule(
            chosen, self.shares(varying), inputs, start_h, end_h, *experiments, cuts=cuts, sessions=sessions
        )

    def run(
        self,
        plans: Sequence[Schedule],
        varying: Numbers,
        count: int,
        times: Array,
        outputs: Sequence[str],
        *,
        replaceable: Iterable[str] = (),
        first: Sequence[str] = (),
        tolerance: Tolerance | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Courses:
        """Integrate `count` people under each schedule.

        plans : one per arm, same people. varying : value -> number or (P,), replaces the shipped one. outputs : identifiers; those that
        the composition has not are its null values. replaceable : values that become parameters of the compiled model even where
        nobody differs in them, so that replacing them compiles nothing anew. first : identifiers kept for the first person alone.
        tolerance : in place of the usual one for what is given.
        """
        tolerance = tolerance or self.tolerance
        c = self.composition
        there = {*c.states, *c.outputs, *c.defined}
        asked = tuple(n for n in outputs if n in there)
        names = tuple(sorted({*varying, *replaceable} & set(c.parameters)))
        model = compiled(c.antimony, names, (*asked, *(n for n in first if n not in asked)), c.inputs)
        table = np.empty((count, len(names)))
        for column, name in enumerate(names):
            table[:, column] = varying.get(name, c.parameters[name].value)
        arms, width = len(plans), len(asked)
        values = np.empty((arms, width, count, len(times)))  # so that the courses of one output lie side by side
        status = np.zeros((arms, count), dtype=np.int64)
        reasons: list[list[str | None]] = [[] for _ in plans]
        alone: dict[str, Array] = {}
        for begin in range(0, count, BLOCK):
            here = slice(begin, min(begin + BLOCK, count))
            size = here.stop - begin
            found = model.simulate(
                np.tile(table[here], (arms, 1)),
                [part_of(plan, here, count) for plan in plans],
                np.repeat(np.arange(arms), size),
                times,
                rtol=tolerance.rtol,
                atol=tolerance.atol,
                relative_to=tolerance.relative_to,
            )
            for row, course in enumerate(found.values):  # person by person: one course fits into the processor's cache
                values[row // size, :, begin + row % size] = course[:, :width].T
            status[:, here] = found.status.reshape(arms, size)
            for arm in range(arms):
                reasons[arm] += [in_hours(r) for r in found.reasons[arm * size : (arm + 1) * size]]
            if begin == 0:
                alone = {n: found.values[0, :, model.outputs.index(n)].copy() for n in first}
            if progress:
                progress(here.stop / count)
        nulls = {n: no_course(c, n, count, len(times)) for n in outputs if n not in there}
        tables = tuple(
            MappingProxyType({n: values[arm, i] for i, n in enumerate(asked)} | nulls) for arm in range(arms)
        )
        return Courses(times, tables, status, tuple(tuple(r) for r in reasons), alone)


def in_hours(reason: str | None) -> str | None:
    """Why a person failed, with the unit of the chain: the engine knows none ("at time 3.2" is "at 3.2 h")."""
    return None if reason is None else re.sub(r"\bat time ([-+\d.eE]+)(?<!\.)", r"at \1 h", reason)


def no_course(composition: Composition, name: str, count: int, length: int) -> Array:
    """The course (count, length) of an output that nothing provides: its null value."""
    return np.broadcast_to(composition.nulls.get(name, 0.0), (count, length))


# the libraries that read a model's text serve one thread at a time: two at once end the process
_compiling = threading.Lock()


@lru_cache(maxsize=256)
def compiled(text: str, parameters: tuple[str, ...], outputs: tuple[str, ...], inputs: tuple[str, ...]) -> Any:
    """The compiled model, kept."""
    from ketasim.engine import compile_model

    with _compiling:
        return compile_model(text, parameters=parameters, outputs=outputs, inputs=inputs)
