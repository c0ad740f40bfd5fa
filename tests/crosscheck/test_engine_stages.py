"""The generated engine against libroadrunner and scipy, tight tolerance: every stage, every variant, every hypothesis.

A stage alone gets its input ports imposed, at levels that a test draws per segment; a hypothesis is the whole chain with
doses. Parameters are drawn anew for every person. A few people here, 200 each behind the marker `slow`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import oracle
import pytest
import sbml_in_python
from numpy.typing import NDArray

pytest.importorskip("roadrunner")
from ketasim.chain import Composition, compose, registry
from ketasim.chain.hypothesis import hypotheses
from ketasim.core import Value
from ketasim.core.ports import Fragment, Stage
from ketasim.engine import Jump, Schedule, compile_model
from ketasim.stages.plasma.stage import CHOICES

Array = NDArray[np.float64]
CLOSE = 1e-6  # of the peak of each quantity
SPREAD = 0.2  # of the logarithm (or logit) of every parameter
FEW, MANY = 2, 200
UNITS = {"umol/L": "uM", "umol/h": "umol_per_hour"}
BOUNDARIES = np.array([0.0, 2 / 3, 6.0, 24.0, 26.0, 120.0])
TIMES = np.array([0.0, 0.3, 2 / 3, 1.5, 6.0, 12.0, 24.0, 25.0, 48.0, 119.0])


def alone(stage: str, variants: tuple[str, ...]) -> Composition:
    """One stage with all its parts; its input ports become inputs of the model."""
    real = registry().stages[stage]
    lines = [f"  const {p.name} = 0;\n  {p.name} has {UNITS.get(p.unit, p.unit)};\n" for p in real.inputs]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "given.ant").write_text("// ports imposed by a test\nmodel given\n" + "".join(lines) + "end\n")
        giver = Stage(
            name="given",
            label="Given",
            folder=folder,
            inputs=(),
            outputs=real.inputs,
            default=("on",),
            fragments={"on": (Fragment("given.ant", provides=tuple(p.name for p in real.inputs)),)},
        )
        stages = [giver, real] if real.inputs else [real]
        used = {
            part
            for variant, f in real.all_fragments()
            if variant in variants
            for part in (*f.parts, *f.also, *f.instances)
        }
        return compose(tuple(sorted(used - {"compound"})), {stage: variants}, stages=stages)


def instead(stage: str, variant: str) -> tuple[str, ...]:
    """What to compose for one variant: alone, or, where it is one of several answers to the same question, in the place of the
    answer the default gives."""
    default = registry().stages[stage].default
    for choice in CHOICES if stage == "plasma" else ():
        if variant in choice:
            return (*(name for name in default if name not in choice), variant)
    return (variant,)


def cases() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(stage, variants): the default together, and each variant that is not in it alone and beside the default."""
    for name, stage in registry().stages.items():
        yield name, stage.default
        for variant in stage.fragments:
            if variant not in stage.default and variant != "none":
                yield name, instead(name, variant)


# Act on the drugs of the default and are nothing without them: compared in the default of their stage.
ONLY_TOGETHER = {("plasma", "interactions"), ("plasma", "comedication")}


def singles() -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, stage in registry().stages.items():
        for variant in stage.fragments:
            if (name, variant) not in ONLY_TOGETHER:
                yield name, instead(name, variant)
            else:
                assert variant in stage.default


@cache
def composed(stage: str, variants: tuple[str, ...]) -> Composition:
    return alone(stage, variants)


def drawn(parameters: dict[str, Value], people: int, rng: np.random.Generator) -> tuple[tuple[str, ...], Array]:
    """Every parameter of every person; shares stay between 0 and 1, values within their bounds."""
    names, columns = [], []
    for key, value in parameters.items():
        if value.value == 0:
            continue
        z = SPREAD * rng.standard_normal(people)
        if value.unit == "dimensionless" and 0 < value.value < 1:
            column = 1 / (1 + (1 / value.value - 1) * np.exp(-z))
        else:
            column = value.value * np.exp(z)
        names.append(key)
        columns.append(np.clip(column, *value.bounds) if value.bounds else column)
    return tuple(names), np.column_stack(columns) if columns else np.zeros((people, 0))


def levels(model: Composition, rng: np.random.Generator) -> Array:
    """(S, inputs): doses of a few umol/h in every other segment; imposed ports near what they are in the chain."""
    ports = {p.name: p for stage in registry().stages.values() for p in stage.inputs}
    table = np.zeros((len(BOUNDARIES) - 1, len(model.inputs)))
    for column, name in enumerate(model.inputs):
        draw = rng.uniform(size=len(table))
        if name not in ports:
            table[:, column] = np.where(np.arange(len(table)) % 2 == column % 2, 30 * draw, 0.0)
        elif ports[name].null:
            table[:, column] = ports[name].null * (0.5 + draw)
        else:
            table[:, column] = draw * (2.0 if ports[name].unit == "umol/L" else 1.0)
    return table


def jumps(model: Composition, states: tuple[str, ...], rng: np.random.Generator) -> tuple[Jump, ...]:
    """A deposit into every depot."""
    depots = [s for s in states if s.endswith("_depot")]
    return tuple(Jump(at, s, add=float(rng.uniform(20, 100))) for s in depots for at in (0, 3))


def agree(model: Composition, people: int, seed: int, with_scipy: bool) -> None:
    rng = np.random.default_rng(seed)
    names, table = drawn(dict(model.parameters), people, rng)
    schedule = Schedule(BOUNDARIES, levels(model, rng), jumps(model, model.states, rng))
    outputs = tuple(dict.fromkeys((*model.states, *(o for o in model.outputs if o in model.defined))))
    if not outputs:
        return
    which = np.zeros(people, dtype=int)
    ours = compile_model(model.antimony, names, outputs, model.inputs).simulate(
        table, [schedule], which, TIMES, rtol=1e-9, atol=1e-12
    )
    assert (ours.status == 0).all(), ours.reasons
    theirs = oracle.compile_model(model.antimony, names, outputs, model.inputs).simulate(
        table, [schedule], which, TIMES, rtol=1e-11, atol=1e-14
    )
    assert (theirs.status == 0).all(), theirs.reasons
    differ(ours.values, theirs.values, outputs, "libroadrunner")
    if model.states:
        moved = np.ptp(ours.values, axis=1).max(axis=0) > 1e-6
        assert moved.mean() > 0.5, "most quantities stand still: the test would show nothing"
    if with_scipy and model.states:
        equations = sbml_in_python.read(oracle.to_sbml(model.antimony))
        deposits = [(jump.at, jump.state, float(np.asarray(jump.add))) for jump in schedule.jumps]
        places = [equations.states.index(s) for s in model.states]
        found = np.array(
            [
                sbml_in_python.course(
                    equations,
                    dict(zip(names, row.tolist(), strict=True)),
                    model.inputs,
                    BOUNDARIES,
                    schedule.inputs,
                    TIMES,
                    1e-10,
                    1e-13,
                    deposits,
                )[:, places]
                for row in table[:1]
            ]
        )
        differ(ours.values[:1, :, : len(places)], found, model.states, "scipy")


def differ(ours: Array, theirs: Array, names: tuple[str, ...], engine: str) -> None:
    """Fails if some quantity differs by more than CLOSE of its peak in a person."""
    peak = np.maximum(np.abs(theirs).max(axis=1), 1e-6)
    error = np.abs(ours - theirs).max(axis=1) / peak
    person, worst = np.unravel_index(int(np.nanargmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    assert error[person, worst] < CLOSE, (
        f"{names[worst]} of person {person} differs from {engine} by {error[person, worst]:.1e} of its peak"
    )


@pytest.mark.parametrize(("stage", "variants"), list(cases()), ids=lambda x: "+".join(x) if isinstance(x, tuple) else x)
def test_a_stage_alone_agrees(stage: str, variants: tuple[str, ...]) -> None:
    agree(composed(stage, variants), FEW, 1, with_scipy=True)


@pytest.mark.parametrize("name", sorted(hypotheses()))
def test_the_chain_of_a_hypothesis_agrees(name: str) -> None:
    agree(compose(variants=dict(hypotheses()[name].variants)), 1, 2, with_scipy=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "variants"), [*cases(), *singles()], ids=lambda x: "+".join(x) if isinstance(x, tuple) else x
)
def test_a_stage_alone_agrees_in_many_draws(stage: str, variants: tuple[str, ...]) -> None:
    for seed in range(3, 3 + MANY // 50):
        agree(composed(stage, variants), 50, seed, with_scipy=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(hypotheses()))
def test_the_chain_of_a_hypothesis_agrees_in_many_draws(name: str) -> None:
    for seed in range(3, 3 + MANY // 50):
        agree(compose(variants=dict(hypotheses()[name].variants)), 50, seed, with_scipy=True)


def test_every_stage_every_variant_and_every_hypothesis_is_covered() -> None:
    covered = {(stage, variant) for stage, variants in cases() for variant in variants}
    everything = {
        (name, variant) for name, stage in registry().stages.items() for variant in stage.fragments if variant != "none"
    }
    assert covered == everything and len(hypotheses()) > 5
