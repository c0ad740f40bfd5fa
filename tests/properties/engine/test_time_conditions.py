"""Random conditions in time whose moments are known beforehand: touching in every order, crossing, nested, steep.

Each condition is written so that the moments at which it may change follow from its parts: products and powers of (t - a), waves
against a level, pulses, saturating curves, and what is made of them by max, min, abs, piecewise and functions that keep or lose the
sign. The integral of a rate that depends on it is then a sum of smooth pieces, done by Gauss's rule, and the engine has to agree to
1e-8. The work of the search is counted, not timed.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from ketasim.engine import Schedule, compile_model
from ketasim.engine.read.reader import read_model
from ketasim.engine.symbolic.conditions import find_switches
from ketasim.engine.symbolic.switches import moments
from ketasim.engine.symbolic.system import assemble

BEGIN, END = 0.0, 10.0
MOST = 200_000  # bounds for one condition of the default run
MOST_OF_ALL = 400_000  # of the 10,000; the most that any needed is 347,000, in 1.9 s of processor time
AT_ONCE = 25  # conditions in one model
GAUSS = np.polynomial.legendre.leggauss(24)
Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Part:
    """A function of time as text and as numbers, the moments at which its sign may change, and its narrow places."""

    text: str
    value: Function
    roots: tuple[float, ...]
    narrow: tuple[tuple[float, float], ...] = ()  # (place, width)


def number(x: float) -> str:
    return f"{x:.10g}"


def polynomial(r: random.Random) -> Part:
    factors = [
        (float(number(r.choice([0.0, 10.0, r.uniform(-1, 11), r.uniform(0, 10)]))), r.randint(1, 5))
        for _ in range(r.randint(1, 3))
    ]
    sign = r.choice([-1.0, 1.0])
    text = f"{sign:g}*" + "*".join(f"(time - {number(a)})^{p}" for a, p in factors)
    return Part(
        text, lambda t: sign * np.prod([(t - a) ** p for a, p in factors], axis=0), tuple(a for a, _ in factors)
    )


def wave(r: random.Random) -> Part:
    w = float(number(10 ** r.uniform(-1, 1.7)))
    level = r.choice([1.0, -1.0, 0.0, float(number(r.uniform(-0.95, 0.95)))])
    first = math.acos(level)
    turns = range(-2, int(w * END / (2 * math.pi)) + 3)
    roots = [(sign * first + 2 * math.pi * k) / w for k in turns for sign in (1, -1)]
    return Part(f"cos({number(w)}*time) - {number(level)}", lambda t: np.cos(w * t) - level, tuple(roots))


def pair_of_waves(r: random.Random) -> Part:
    """cos(a t) - cos(b t) = 2 sin((b + a) t/2) sin((b - a) t/2), which touches 0 at the start."""
    a, b = (float(number(r.uniform(0.3, 6))) for _ in range(2))
    fast, slow = 0.5 * (a + b), 0.5 * abs(b - a)
    roots = [math.pi * k / speed for speed in (fast, slow) if speed > 0 for k in range(int(speed * END / math.pi) + 2)]
    return Part(
        f"cos({number(a)}*time) - cos({number(b)}*time)",
        lambda t: 2 * np.sin(0.5 * (a + b) * t) * np.sin(0.5 * (b - a) * t),
        tuple(roots),
    )


def pulse(r: random.Random) -> Part:
    """A bell above a level: steep, and touching where the level is its height."""
    place, width = float(number(r.uniform(-0.5, 10.5))), float(number(10 ** r.uniform(-6, 0.5)))
    level = r.choice([1.0, float(number(r.uniform(0.05, 0.95)))])
    reach = width * math.sqrt(-math.log(level))
    return Part(
        f"exp(-((time - {number(place)})/{number(width)})^2) - {number(level)}",
        lambda t: np.exp(-(((t - place) / width) ** 2)) - level,
        (place - reach, place + reach),
        ((place, width),),
    )


def steep(r: random.Random) -> Part:
    place, speed = float(number(r.uniform(0, 10))), float(number(10 ** r.uniform(0, 7)))
    if r.random() < 0.5:
        level = float(number(r.uniform(-0.9, 0.9)))
        root = place + math.atanh(level) / speed
        text = f"tanh({number(speed)}*(time - {number(place)})) - {number(level)}"
        return Part(text, lambda t: np.tanh(speed * (t - place)) - level, (root,), ((place, 1 / speed),))
    level = float(number(r.uniform(0.05, 0.95)))
    root = place + math.log(level / (1 - level)) / speed
    text = f"1/(1 + exp(-{number(speed)}*(time - {number(place)}))) - {number(level)}"
    return Part(text, lambda t: 0.5 * (1 + np.tanh(0.5 * speed * (t - place))) - level, (root,), ((place, 1 / speed),))


def absorbed(r: random.Random) -> Part:
    """t exp(-t/k) against its height k/e, which it touches at t = k."""
    k = float(number(r.uniform(0.2, 9)))
    return Part(
        f"time*exp(-time/{number(k)}) - {number(k)}*exp(-1)", lambda t: t * np.exp(-t / k) - k * math.exp(-1), (k,)
    )


SIMPLE = (polynomial, wave, pair_of_waves, pulse, steep, absorbed)


def bent(r: random.Random, p: Part) -> Part:
    """A function of another one that keeps its sign, or loses it: contact of a higher order at the same moments."""
    f = p.value
    bends: list[tuple[str, Function]] = [
        (f"({p.text})^2", lambda t: f(t) ** 2),
        (f"({p.text})^3", lambda t: f(t) ** 3),
        (f"-1*({p.text})^4", lambda t: -(f(t) ** 4)),
        (f"tanh({p.text})", lambda t: np.tanh(f(t))),
        (f"arctan({p.text})", lambda t: np.arctan(f(t))),
        (f"abs({p.text})", lambda t: np.abs(f(t))),
        (f"({p.text})/(1 + time)", lambda t: f(t) / (1 + t)),
        (f"({p.text})*exp(-time)", lambda t: f(t) * np.exp(-t)),
    ]
    text, value = r.choice(bends)
    return Part(text, value, p.roots, p.narrow)


def part(r: random.Random, depth: int = 0) -> Part:
    if depth < 2 and r.random() < 0.35:
        return bent(r, part(r, depth + 1))
    if depth < 2 and r.random() < 0.3:
        a, b = part(r, depth + 1), part(r, depth + 1)
        roots, narrow = (*a.roots, *b.roots), (*a.narrow, *b.narrow)
        kind = r.choice(["max", "min", "product", "piecewise"])
        if kind == "product":
            return Part(f"({a.text})*({b.text})", lambda t: a.value(t) * b.value(t), roots, narrow)
        if kind == "piecewise":
            moment = float(number(r.uniform(0, 10)))
            text = f"piecewise({a.text}, time < {number(moment)}, {b.text})"
            return Part(text, lambda t: np.where(t < moment, a.value(t), b.value(t)), (*roots, moment), narrow)
        f = np.maximum if kind == "max" else np.minimum
        return Part(f"{kind}({a.text}, {b.text})", lambda t: f(a.value(t), b.value(t)), roots, narrow)
    return r.choice(SIMPLE)(r)


def condition(r: random.Random) -> tuple[str, float]:
    """A rate, and its integral from BEGIN to END."""
    p = part(r)
    sides = r.choice(["<", "<=", ">", ">="])
    smooth, factor = r.choice([("1", lambda t: 1 + 0 * t), ("cos(0.7*time)", lambda t: np.cos(0.7 * t))])
    other = r.choice([0.0, 0.3])
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[sides]
    text = f"piecewise({smooth}, {p.text} {sides} 0, {other:g})"
    cuts = np.unique(np.clip([BEGIN, *p.roots, END], BEGIN, END))
    total = 0.0
    for low, high in itertools.pairwise(cuts):
        if high - low > 1e-13:
            # between two moments the sign is that of most of it: in the middle another part may be 0 to rounding
            inner = low + (high - low) * np.array([0.31, 0.5, 0.73])
            holds = compare(p.value(inner), 0.0).sum() >= 2
            t = 0.5 * (low + high) + 0.5 * (high - low) * GAUSS[0]
            total += 0.5 * (high - low) * float(GAUSS[1] @ (factor(t) if holds else other + 0 * t))
    return text, total


def run(rates: Sequence[str]) -> np.ndarray:
    text = "".join(f"x{i} = 0; x{i}' = {rate};\n" for i, rate in enumerate(rates))
    model = compile_model(text, (), tuple(f"x{i}" for i in range(len(rates))))
    found = model.simulate(
        np.zeros((1, 0)), [Schedule(np.array([BEGIN, END]), np.zeros((1, 0)))], [0], [END], rtol=1e-11, atol=1e-12
    )
    assert found.reasons == [None], found.reasons
    return found.values[0, 0]


def work(rate: str) -> int:
    """Bounds computed for one condition alone."""
    system = assemble(read_model(f"x = 0; x' = {rate};"), (), ("x",), ())
    switches = find_switches(system.graph, system.rates).in_time
    tally: list[int] = []
    none = np.zeros((1, 0))
    moments(switches, np.array([BEGIN]), np.array([END]), BEGIN, none, none, tally=tally)
    return sum(tally)


def check(seeds: Sequence[int], limit: int = MOST) -> tuple[float, int, float]:
    """The largest error, work and processor time of conditions; none may need more bounds than `limit`."""
    cases = [condition(random.Random(seed)) for seed in seeds]
    spent, most = 0.0, 0
    for seed, (rate, _) in zip(seeds, cases, strict=True):
        started = time.process_time()
        needed = work(rate)
        spent, most = max(spent, time.process_time() - started), max(most, needed)
        assert needed <= limit, (seed, needed, rate)
    values = run([rate for rate, _ in cases])
    errors = np.abs(values - [exact for _, exact in cases])
    worst = int(errors.argmax())
    assert errors[worst] < 1e-8, (seeds[worst], errors[worst], cases[worst])
    return float(errors[worst]), most, spent


@pytest.mark.parametrize("block", range(5))  # the slow test goes on with 10,000
def test_conditions(block: int) -> None:
    check(range(block * AT_ONCE, (block + 1) * AT_ONCE))


@pytest.mark.slow
def test_ten_thousand_conditions() -> None:
    """Prints the numbers that docs/decisions/engine.md reports. What is bounded is the work; the time of it depends on the machine."""
    found = [check(range(first, first + AT_ONCE), MOST_OF_ALL) for first in range(1_000, 11_000, AT_ONCE)]
    errors, works, times = (max(column) for column in zip(*found, strict=True))
    print(
        f"\n10,000 conditions: largest error {errors:.1e}, most bounds {works:,}, slowest {times:.2f} s of processor time"
    )
