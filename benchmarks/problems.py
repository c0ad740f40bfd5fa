"""The problems that every engine solves: model, people, doses, output times.

chain       the shipped default chain (racemic ketamine), 8 infusions of 0.5 mg/kg over 40 min, twice weekly, 42 days
nasal       esketamine 84 mg nasal, twice weekly for 4 weeks, then weekly for 4
published   mitogen-activated protein kinase cascade (Kholodenko 2000): oscillates, not stiff, no doses
stiff       phytochrome in plants (Schaefer 1975, known as HIRES): stiff, no doses
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.engine import Schedule

Array = NDArray[np.float64]
PEOPLE, SEED, TIMES = 64, 1, 200
DENSE_SHARE, DENSE_HOURS, FIRST_HOUR = 0.6, 60.0, 0.05  # share of the output times that follow the doses, and how long
CLEAR_OF_BOUNDARY = 1e-3  # h; no output time at a dose boundary, so that no engine's convention there matters


@dataclass(frozen=True)
class Problem:
    """`table` (P, parameters); all people share the boundaries of `schedule`, with inputs and jumps of their own."""

    name: str
    title: str
    text: str
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    table: Array
    schedule: Schedule
    times: Array


def dosed(name: str, title: str, words: str, repeat: str, days: float, people: int = PEOPLE) -> Problem:
    """A regimen in the shipped chain, in people drawn as `ketasim run` draws them."""
    from ketasim.chain import compose
    from ketasim.forward import deliveries, parts_needed, schedule
    from ketasim.people import chain_parameters, draw_people
    from ketasim.scenario.plan import scenario
    from ketasim.stages.plasma.routing import routing_values

    asked = scenario(words, repeat=repeat, days=days, people=people)
    drawn = draw_people(people, SEED, asked.traits)
    doses = deliveries(asked.regimen, asked.end_h, drawn.weight)
    chain = compose(parts_needed(doses))
    numbers = dict(routing_values()) | dict(chain.parameters)
    varying = chain_parameters(drawn, numbers, {})
    shares = {key: value.value for key, value in numbers.items()} | varying
    plan = schedule(doses, shares, chain.inputs, 0.0, asked.end_h)
    names = tuple(sorted(set(varying) & set(chain.parameters)))
    table = np.column_stack([varying[key] for key in names])
    starts = [time for time, _, _ in asked.regimen.main.times(asked.end_h)]
    return Problem(name, title, chain.antimony, names, chain.inputs, table, plan, follow(starts, plan.boundaries))


def follow(starts: list[float], boundaries: Array, count: int = TIMES) -> Array:
    """`count` times: geometric steps after each dose, the rest even over the whole course."""
    end = float(boundaries[-1])
    each = int(DENSE_SHARE * count / len(starts))
    after = np.geomspace(FIRST_HOUR, DENSE_HOURS, each)
    times = np.concatenate([start + after for start in starts])
    times = times[times < end]
    times = np.sort(np.concatenate([times, np.linspace(0.0, end, count - len(times) + 2)[1:-1]]))
    near = boundaries[np.abs(times[:, None] - boundaries[None, :]).argmin(axis=1)]
    return np.where(np.abs(times - near) < CLEAR_OF_BOUNDARY, near + CLEAR_OF_BOUNDARY, times)


def chain() -> Problem:
    return dosed(
        "chain",
        "default chain, 8 infusions of 0.5 mg/kg over 40 min twice weekly, 42 days",
        "ketamine iv 0.5 mg/kg over 40 min",
        "twice weekly x 8",
        42,
    )


def nasal() -> Problem:
    return dosed(
        "nasal",
        "default chain, esketamine nasal 84 mg twice weekly for 4 weeks, then weekly for 4",
        "esketamine nasal 84 mg",
        "twice weekly x 8, then weekly x 4",
        56,
    )


def published() -> Problem:
    """The kinase cascade with every maximal rate varied between cells (lognormal, 10 %), 150 minutes."""
    text = (Path(__file__).parent / "models" / "kholodenko2000.ant").read_text(encoding="utf-8")
    names = ("V1", "V2", "k3", "k4", "V5", "V6", "k7", "k8", "V9", "V10")
    typical = np.array([2.5, 0.25, 0.025, 0.025, 0.75, 0.75, 0.025, 0.025, 0.5, 0.5])
    spread = 0.1
    table = typical * np.exp(spread * np.random.default_rng(SEED).standard_normal((PEOPLE, len(names))))
    end = 9000.0  # seconds: about six periods
    schedule = Schedule(np.array([0.0, end]), np.zeros((1, 0)))
    return Problem(
        "published",
        "MAP kinase cascade of Kholodenko 2000 (doi 10.1046/j.1432-1327.2000.01197.x), 9000 s",
        text,
        names,
        (),
        table,
        schedule,
        np.linspace(0.0, end, TIMES + 2)[1:-1],
    )


def stiff() -> Problem:
    """Photomorphogenesis with every rate varied between plants (lognormal, 20 %)."""
    text = (Path(__file__).parent / "models" / "schaefer1975.ant").read_text(encoding="utf-8")
    names = ("k1", "k2", "k3", "k4", "k5", "k6", "kplus", "kminus", "kstar", "oks")
    typical = np.array([1.71, 0.43, 8.32, 0.69, 0.035, 8.32, 280.0, 0.69, 0.69, 0.0007])
    spread = 0.2
    table = typical * np.exp(spread * np.random.default_rng(SEED).standard_normal((PEOPLE, len(names))))
    end = 321.8122
    schedule = Schedule(np.array([0.0, end]), np.zeros((1, 0)))
    return Problem(
        "stiff",
        "photomorphogenesis (HIRES, Schaefer 1975, doi 10.1007/BF00276015)",
        text,
        names,
        (),
        table,
        schedule,
        np.geomspace(1e-3, 0.999 * end, TIMES),
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {"chain": chain, "nasal": nasal, "published": published, "stiff": stiff}
