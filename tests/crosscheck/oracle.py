"""The engine's interface on libroadrunner: slow, independent, the oracle of the generated engine.

It needs the extra `test` (`pip install "ketasim[test]"`); nothing a user runs imports it. People are
simulated one after another. The integration (CVODE, BDF) is restarted at every boundary of the schedule, so
that inputs are constant and states are smooth inside a segment.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError, nearest
from ketasim.core.arrays import Array, IntArray
from ketasim.engine.types import Jump, Options, Schedule, Trajectories

__all__ = ["Jump", "Options", "ReferenceModel", "Schedule", "Trajectories", "compile_model", "to_sbml"]


def to_sbml(text: str) -> str:
    """SBML of a model written in Antimony (its main model); SBML is returned as it is."""
    if text.lstrip().startswith("<"):
        return text
    antimony: Any = importlib.import_module("antimony")
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise UsageError("the model text is not valid Antimony", where=antimony.getLastError().strip())
    return str(antimony.getSBMLString(antimony.getMainModuleName()))


def compile_model(
    text: str,
    parameters: Sequence[str] = (),
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    options: Options | None = None,
) -> ReferenceModel:
    """A model ready to simulate.

    `text` Antimony or SBML; `parameters` constants that differ between people; `inputs` constants that
    change at dose boundaries (zero before the first one); `outputs` states, assigned variables or constants
    to report (all states when empty). An unknown name raises UsageError with the nearest names.
    """
    roadrunner: Any = importlib.import_module("roadrunner")
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    sbml = to_sbml(text)
    try:
        runner = roadrunner.RoadRunner(sbml)
    except RuntimeError as error:
        raise UsageError("libroadrunner cannot read the model", where=str(error).strip()) from error
    symbols = _Symbols.of(sbml)
    wanted = tuple(outputs) or symbols.states
    for what, names, allowed in (
        ("parameter", parameters, symbols.constants),
        ("input", inputs, symbols.constants),
        ("output", wanted, symbols.readable),
    ):
        for name in names:
            if name not in allowed:
                raise UsageError(
                    f"the model has no {what} called {name!r}",
                    where="compile_model",
                    allowed=", ".join(nearest(name, sorted(allowed))) or "nothing of this kind",
                )
    shared = set(parameters) & set(inputs)
    if shared:
        raise UsageError(
            f"{', '.join(sorted(shared))} is named both as a parameter and as an input", where="compile_model"
        )
    return ReferenceModel(runner, symbols, tuple(parameters), wanted, tuple(inputs), options or Options())


@dataclass(frozen=True)
class _Symbols:
    """What the identifiers of a model are; `starting` are those on which initial values depend."""

    constants: frozenset[str]
    starting: frozenset[str]
    states: tuple[str, ...]
    readable: frozenset[str]
    concentration: frozenset[str]

    @classmethod
    def of(cls, sbml: str) -> _Symbols:
        libsbml: Any = importlib.import_module("libsbml")
        document = libsbml.readSBMLFromString(sbml)
        model = document.getModel()
        rules = [model.getRule(i) for i in range(model.getNumRules())]
        ruled = {rule.getVariable() for rule in rules if rule.isAssignment()}
        rated = [rule.getVariable() for rule in rules if rule.isRate()]
        species = [model.getSpecies(i) for i in range(model.getNumSpecies())]
        moving = [
            s.getId()
            for s in species
            if s.getId() not in ruled
            and s.getId() not in rated
            and not s.getBoundaryCondition()
            and not s.getConstant()
        ]
        parameters = [model.getParameter(i) for i in range(model.getNumParameters())]
        compartments = [model.getCompartment(i) for i in range(model.getNumCompartments())]
        return cls(
            constants=frozenset(p.getId() for p in [*parameters, *compartments] if p.getConstant()),
            starting=_starting(model, rules) | {c.getId() for c in compartments},
            states=tuple(moving + rated),
            readable=frozenset(e.getId() for e in [*parameters, *compartments, *species])
            | {f"{measure}({s.getId()})" for s in species for measure in ("amount", "concentration")},
            concentration=frozenset(s.getId() for s in species if not s.getHasOnlySubstanceUnits()),
        )

    def select(self, name: str) -> str:
        """libroadrunner's selection for an identifier, or for `amount(S)` or `concentration(S)` of a species."""
        if name.startswith("amount("):
            return name[len("amount(") : -1]
        if name.startswith("concentration("):
            return f"[{name[len('concentration(') : -1]}]"
        return f"[{name}]" if name in self.concentration else name


def _starting(model: Any, rules: list[Any]) -> frozenset[str]:
    """Identifiers that initial assignments read, through assignment rules too."""
    formulas = {rule.getVariable(): rule.getMath() for rule in rules if rule.isAssignment()}
    starts = [model.getInitialAssignment(i) for i in range(model.getNumInitialAssignments())]
    formulas |= {start.getSymbol(): start.getMath() for start in starts}
    found: set[str] = set()
    waiting = [start.getSymbol() for start in starts]
    while waiting:
        nodes = [formulas.get(waiting.pop())]
        while nodes:
            node = nodes.pop()
            if node is None:
                continue
            if node.isName() and node.getName() not in found:
                found.add(node.getName())
                waiting.append(node.getName())
            nodes += [node.getChild(i) for i in range(node.getNumChildren())]
    return frozenset(found)


class ReferenceModel:
    """A compiled model; see `compile_model`."""

    def __init__(
        self,
        runner: Any,
        symbols: _Symbols,
        parameters: tuple[str, ...],
        outputs: tuple[str, ...],
        inputs: tuple[str, ...],
        options: Options,
    ) -> None:
        self.parameters = parameters
        self.outputs = outputs
        self.inputs = inputs
        self.options = options
        self._runner = runner
        self._started: dict[str, float] = {}
        self._symbols = symbols

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states, species first."""
        return self._symbols.states

    def simulate(
        self,
        parameters: ArrayLike,
        schedules: Sequence[Schedule],
        schedule_of: ArrayLike,
        times: ArrayLike,
        rtol: float = 1e-9,
        atol: float = 1e-12,
        threads: int | None = None,
        initial: Mapping[str, ArrayLike] | None = None,
    ) -> Trajectories:
        """Integrate every person through his schedule.

        `parameters` (P, n_par); `schedule_of` (P,) index into `schedules`; `times` (T,) ascending, within the
        boundaries of each schedule used; `initial` state -> (P,) values that replace the model's own initial
        values. `threads` is accepted for the sake of one interface and ignored. A person whose integration
        fails gets status 1, NaN and a reason; the others are not touched.
        """
        table = np.atleast_2d(np.asarray(parameters, dtype=np.float64))
        which = np.asarray(schedule_of, dtype=np.int64).reshape(-1)
        moments = np.asarray(times, dtype=np.float64).reshape(-1)
        if table.size == 0:
            table = table.reshape(len(which), 0)
        self._check(table, schedules, which, moments, initial)

        self._configure(rtol, atol)
        count = len(which)
        values = np.full((count, len(moments), len(self.outputs)), np.nan)
        status = np.zeros(count, dtype=np.int64)
        reasons: list[str | None] = [None] * count
        position = dict.fromkeys(range(len(schedules)), 0)
        for person in range(count):
            schedule = schedules[which[person]]
            rank = position[int(which[person])]
            position[int(which[person])] += 1
            start = {name: float(np.broadcast_to(v, (count,))[person]) for name, v in (initial or {}).items()}
            clock = [float(schedule.boundaries[0])]
            try:
                self._one(table[person], schedule, rank, moments, start, values[person], clock)
                bad = ~np.isfinite(values[person])
                if bad.any():
                    raise RuntimeError(f"{self.outputs[int(np.argwhere(bad)[0][1])]} is not a finite number")
            except RuntimeError as error:
                values[person] = np.nan
                status[person] = 1
                reasons[person] = f"in the segment that starts at {clock[0]:g}: {str(error).strip()}"
        return Trajectories(moments, values, status, self.outputs, reasons)

    def _configure(self, rtol: float, atol: float) -> None:
        self._runner.setIntegrator("cvode")
        integrator = self._runner.getIntegrator()
        integrator.setValue("relative_tolerance", rtol)
        integrator.setValue("absolute_tolerance", atol)
        integrator.setValue("stiff", True)
        integrator.setValue("maximum_num_steps", 200_000)
        self._selection = ["time", *(self._symbols.select(n) for n in self.outputs)]

    def _one(
        self,
        parameters: Array,
        schedule: Schedule,
        rank: int,
        moments: Array,
        initial: Mapping[str, float],
        target: Array,
        clock: list[float],
    ) -> None:
        """Fill `target` (T, n_out) with one person's course; `clock` follows the start of the segment."""
        runner, select = self._runner, self._symbols.select
        if not np.isfinite(parameters).all():
            culprit = self.parameters[int(np.argmin(np.isfinite(parameters)))]
            raise RuntimeError(f"parameter {culprit} is not a finite number")
        # Constants on which initial states depend are set as initial values, and reset() evaluates the states anew.
        # That compiles the model again (seconds when it is large); all others are simply set after it.
        constants = {**dict(zip(self.parameters, parameters.tolist(), strict=True)), **dict.fromkeys(self.inputs, 0.0)}
        for name in self._symbols.starting.intersection(constants):
            if self._started.get(name) != constants[name]:
                runner[f"init({name})"] = self._started[name] = constants[name]
        runner.reset()
        for name, number in constants.items():
            runner[name] = number
        for name, number in initial.items():
            runner[select(name)] = number

        boundaries = np.asarray(schedule.boundaries, dtype=np.float64)
        inputs = np.asarray(schedule.inputs, dtype=np.float64)
        inputs = inputs[rank] if inputs.ndim == 3 else inputs
        at_start = moments == boundaries[0]
        if at_start.any():
            target[at_start] = [runner[select(name)] for name in self.outputs]
        for segment in range(len(boundaries) - 1):
            begin, end = float(boundaries[segment]), float(boundaries[segment + 1])
            clock[0] = begin
            for jump in schedule.jumps:
                if jump.at == segment:
                    key = select(jump.state)
                    runner[key] = _of(jump.scale, rank) * runner[key] + _of(jump.add, rank)
            for column, name in enumerate(self.inputs):
                runner[name] = float(inputs[segment, column])
            inside = np.flatnonzero((moments > begin) & (moments <= end))
            stops, back = np.unique(moments[inside], return_inverse=True)
            grid = [begin, *stops] if len(stops) and stops[-1] == end else [begin, *stops, end]
            course = np.asarray(runner.simulate(times=[float(t) for t in grid], selections=self._selection))
            target[inside] = course[1:, 1:][back]

    def _check(
        self,
        table: Array,
        schedules: Sequence[Schedule],
        which: IntArray,
        moments: Array,
        initial: Mapping[str, ArrayLike] | None,
    ) -> None:
        """Refuse what does not fit together, before anything is integrated."""
        if table.shape != (len(which), len(self.parameters)):
            raise UsageError(
                f"parameters has shape {table.shape}",
                where="simulate",
                allowed=f"{(len(which), len(self.parameters))}: people, ({', '.join(self.parameters)})",
            )
        if len(which) and (which.min() < 0 or which.max() >= len(schedules)):
            raise UsageError(f"schedule_of points outside the {len(schedules)} schedules", where="simulate")
        for name in initial or {}:
            if name not in self.states:
                raise UsageError(
                    f"no state is called {name!r}",
                    where="initial",
                    allowed=", ".join(nearest(name, self.states)),
                )
        for index in sorted(set(which.tolist())):
            schedule, people = schedules[index], int((which == index).sum())
            boundaries = np.asarray(schedule.boundaries, dtype=np.float64)
            if boundaries.ndim != 1 or len(boundaries) < 2 or not (np.diff(boundaries) > 0).all():
                raise UsageError(
                    "the boundaries of a schedule must ascend, and be at least two", where=f"schedule {index}"
                )
            shape, size = np.shape(schedule.inputs), (len(boundaries) - 1, len(self.inputs))
            if shape not in (size, (people, *size)):
                raise UsageError(
                    f"inputs has shape {shape}",
                    where=f"schedule {index}",
                    allowed=f"{size} (segments, inputs) or {(people, *size)} (people, segments, inputs)",
                )
            for jump in schedule.jumps:
                if jump.state not in self.states:
                    raise UsageError(
                        f"a jump names {jump.state!r}, which is not a state",
                        where=f"schedule {index}",
                        allowed=", ".join(nearest(jump.state, self.states)),
                    )
                if not 0 <= jump.at < len(boundaries) - 1:
                    raise UsageError(
                        f"a jump of {jump.state} is at boundary {jump.at}",
                        where=f"schedule {index}",
                        allowed=f"0 to {len(boundaries) - 2}",
                    )
                for part, number in (("add", jump.add), ("scale", jump.scale)):
                    if np.shape(number) not in ((), (people,)):
                        raise UsageError(
                            f"`{part}` of the jump of {jump.state} has shape {np.shape(number)}",
                            where=f"schedule {index}",
                            allowed=f"one number, or one per person: ({people},)",
                        )
            if len(moments) and (moments.min() < boundaries[0] or moments.max() > boundaries[-1]):
                raise UsageError(
                    f"output times run from {moments.min():g} to {moments.max():g}",
                    where=f"schedule {index}",
                    allowed=f"{boundaries[0]:g} to {boundaries[-1]:g}, the range of its boundaries",
                )
        if (np.diff(moments) < 0).any():
            raise UsageError("output times must ascend", where="simulate", fix="times = numpy.sort(times)")


def _of(number: float | Array, rank: int) -> float:
    """The number of one person: `number` itself, or its entry for the person at `rank` on the schedule."""
    array = np.asarray(number, dtype=np.float64)
    return float(array) if array.ndim == 0 else float(array[rank])
