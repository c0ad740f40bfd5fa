"""One person of a scenario as a plain model: equations, numbers, start values, dose segments. Every export starts here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ketasim.chain import Composition
from ketasim.core import Output
from ketasim.core.arrays import Array
from ketasim.core.records import RunRecord
from ketasim.engine.read.reader import read_model
from ketasim.engine.read.source import SourceModel
from ketasim.engine.types import Jump
from ketasim.scenario.plan import Scenario
from ketasim.scenario.run import ScenarioRun

from .formula import evaluated


@dataclass(frozen=True)
class Plain:
    """What any other program needs to integrate the typical person of a scenario.

    scenario : as asked for. composition : the model, with the source of every number. source : its equations, without libraries.
    numbers : every parameter of this person, in its unit. start : start value of every state. boundaries (S+1,) h, from the start of
    the run; rates (S, inputs) : inputs in each segment, in `composition.inputs`' order. jumps : y <- scale * y + add before a segment.
    outputs : ports that are computed. register : outputs of Ketasim that are sums of ports -> (ports, factor to their unit).
    weight : kg. record : of the run.
    """

    scenario: Scenario
    composition: Composition
    source: SourceModel
    numbers: Mapping[str, float]
    start: Mapping[str, float]
    boundaries: Array
    rates: Array
    jumps: tuple[Jump, ...]
    register: Mapping[str, tuple[tuple[str, ...], float, Output]]
    weight: float
    record: RunRecord

    @property
    def start_h(self) -> float:
        """Time of the start of the integration: 0, or that of the earliest dose before it."""
        return float(self.boundaries[0])

    @property
    def end_h(self) -> float:
        """End of the run."""
        return float(self.boundaries[-1])

    @property
    def outputs(self) -> tuple[str, ...]:
        """Ports of the chain that this model computes."""
        return self.composition.outputs

    @property
    def used_inputs(self) -> tuple[str, ...]:
        """Inputs that carry a dose in some segment."""
        return tuple(n for i, n in enumerate(self.composition.inputs) if self.rates[:, i].any())

    def segments(self) -> list[tuple[float, float, dict[str, float], list[Jump]]]:
        """(start, end, inputs that are not zero, jumps at its start) of every segment, in order."""
        names = self.composition.inputs
        return [
            (
                float(self.boundaries[s]),
                float(self.boundaries[s + 1]),
                {n: float(r) for n, r in zip(names, self.rates[s], strict=True) if r},
                [j for j in self.jumps if j.at == s],
            )
            for s in range(len(self.rates))
        ]


def plain(asked: Scenario) -> Plain:
    """The typical person of a scenario (her weight, age and genotype, with the values replaced in it), ready to be written down.

    Raises UsageError for words or options that cannot be carried out.
    """
    run = ScenarioRun(asked.but(people=0, draws=0))
    plan = run.schedules(run.event_times())[0]
    rates = plan.inputs[0] if plan.inputs.ndim == 3 else plan.inputs
    jumps = tuple(Jump(j.at, j.state, _first(j.add), _first(j.scale)) for j in plan.jumps)
    composition = run.composition
    source = read_model(composition.antimony)
    numbers = {key: v.value for key, v in composition.parameters.items()}
    numbers |= {key: _first(item) for key, item in run.varying.items() if key in numbers}
    constants = {key: item.value for key, item in source.parameters.items() if item.value is not None}
    known = constants | numbers
    start = {
        name: float(known[name] if name in source.parameters else source.species[name].amount or 0.0)
        for name in composition.states
    }
    start |= {name: evaluated(e, known) for name, e in source.initial.items() if name in start}
    register = {
        name: (entry.ports, run.unit_factor(entry), entry)
        for name, entry in run.register.items()
        if not entry.observed and not entry.resting and all(p in composition.outputs for p in entry.ports)
    }
    return Plain(
        scenario=asked,
        composition=composition,
        source=source,
        numbers=numbers,
        start=start,
        boundaries=plan.boundaries,
        rates=np.asarray(rates, dtype=np.float64),
        jumps=jumps,
        register=register,
        weight=float(run.everybody.weight[0]),
        record=run.record(),
    )


def own_courses(model: Plain, times: Array, rtol: float = 1e-9, atol: float = 1e-12) -> Array:
    """The courses (T, outputs) of `model.outputs` from Ketasim's own engine, the yardstick of every export."""
    from ketasim.engine.types import Schedule
    from ketasim.forward.course import compiled

    names = tuple(sorted(model.numbers))
    composition = model.composition
    engine = compiled(composition.antimony, names, model.outputs, composition.inputs)
    schedule = Schedule(model.boundaries, model.rates, model.jumps)
    row = np.array([[model.numbers[n] for n in names]])
    found = engine.simulate(row, [schedule], np.zeros(1, dtype=np.int64), times, rtol=rtol, atol=atol)
    return np.asarray(found.values[0])


def _first(number: float | Array) -> float:
    return float(np.atleast_1d(number)[0])
