"""Steps of an explicit Runge-Kutta method: no Jacobian, no linear systems; for models that are not stiff.

The stages are those of `dop853`. The error of a step is E5^2/sqrt(E5^2 + 0.01 E3^2) with the two estimates E5 and E3 in
tolerances, the dense output is

    y(t + s h) = y + s (F0 + (1-s) (F1 + s (F2 + (1-s) (F3 + s (F4 + (1-s) (F5 + s F6)))))),

    F0 = y_new - y,  F1 = h k_1 - F0,  F2 = 2 F0 - h (k_13 + k_1),  F3 ... F6 = h sum_j d_mj k_j

(Hairer, Norsett & Wanner 1993, sections II.5 and II.6). Its four further stages are computed when a step holds an output time.
"""

from __future__ import annotations

from . import functions
from .dop853 import ExplicitTableau
from .emit import Variable, double
from .lanes import Lanes
from .record import PEAKS

THIRD = 0.01  # share of the estimate of third order under the root
NOTHING = 1e-30  # keeps 0/0 from the ratio of two estimates that are 0
BLOCKS = 6  # F1 ... F6


class Explicit:
    """Writes the stages of an explicit method over the lanes; they are called u0, u1, ... like those of a Rosenbrock method."""

    prepared: Variable  # whether F1 ... F6 of this step are there
    begun: Variable  # time and length of this step
    length: Variable

    def __init__(self, lanes: Lanes, method: ExplicitTableau) -> None:
        self.lanes, self.method, self.order = lanes, method, method.order

    def prepare(self) -> None:
        f = self.lanes.f
        self.prepared = f.variable("i1", "false")
        self.begun, self.length = f.variable("double", double(0.0)), f.variable("double", double(0.0))

    def _rates(self, y: str, time: str, stage: int) -> None:
        pointers = [("ptr", y), ("ptr", self.lanes.at["q"]), ("ptr", self.lanes.at[f"u{stage}"])]
        self.lanes.f.call("rates", "void", *pointers, ("double", self.lanes.inside_segment(time)))

    def slopes(self, begin: str, end: str) -> str:
        self._rates(self.lanes.here.get(), begin, 0)
        return double(1.0)

    def step(self, t: str, h: str) -> None:
        self.prepared.set("false")
        self.begun.set(t)
        self.length.set(h)
        self._rates(self.lanes.here.get(), t, 0)
        for s in range(1, self.method.taken):
            self._stage(s, t, h, self.lanes.there.get())
        self._argument(self.method.taken, h, self.lanes.there.get())

    def _stage(self, s: int, t: str, h: str, target: str) -> None:
        f = self.lanes.f
        self._argument(s, h, target)
        self._rates(target, f.scalar("fadd", t, f.scalar("fmul", h, double(self.method.c[s]))), s)

    def _argument(self, s: int, h: str, target: str) -> None:
        f, here = self.lanes.f, self.lanes.here.get()
        weights = [(j, f.splat(f.scalar("fmul", h, double(a)))) for j, a in enumerate(self.method.a[s]) if a]
        with f.loop(self.lanes.n) as i:
            value = f.load_vector(here, i)
            for j, weight in weights:
                value = f.muladd(weight, f.load_vector(self.lanes.at[f"u{j}"], i), value)
            f.store_vector(target, i, value)

    def _estimate(self, weights: tuple[float, ...], i: str) -> str:
        f, total = self.lanes.f, ""
        for j, weight in enumerate(weights):
            if weight:
                u, factor = f.load_vector(self.lanes.at[f"u{j}"], i), f.splat_number(weight)
                total = f.muladd(factor, u, total) if total else f.mul(factor, u)
        return total

    def error(self, h: str) -> str:
        f = self.lanes.f
        fifth, third = (f.variable(f.vector, f.splat_number(0.0)) for _ in range(2))
        relative, here, there = f.splat(self.lanes.job["relative"]), self.lanes.here.get(), self.lanes.there.get()
        peaks = f.new(f"icmp eq i64 {self.lanes.job['sizes']}, {PEAKS}")
        with f.loop(self.lanes.n) as i:
            following = f.load_vector(there, i)
            before, after = functions.absolute(f, f.load_vector(here, i)), functions.absolute(f, following)
            peak = f.load_vector(self.lanes.at["peak"], i)
            peak = f.select(f.compare("ogt", before, peak), before, peak)
            f.store_vector(self.lanes.at["peak"], i, peak)
            before = f.new(f"select i1 {peaks}, {f.vector} {peak}, {f.vector} {before}")
            size = f.select(f.compare("ugt", after, before), after, before)
            weight = functions.rough_reciprocal(f, f.muladd(relative, size, self.lanes.tolerance(i, peak)))
            for total, estimate in ((fifth, self.method.fifth), (third, self.method.third)):
                ratio = f.mul(self._estimate(estimate, i), weight)
                # 0 * infinity is NaN: an infinite state must not pass as a small relative error
                total.set(f.add(total.get(), f.muladd(following, f.splat_number(0.0), f.mul(ratio, ratio))))
        both = f.muladd(f.splat_number(THIRD), third.get(), f.add(fifth.get(), f.splat_number(NOTHING)))
        length = f.splat(f.scalar("fdiv", f.scalar("fmul", h, h), double(float(max(self.lanes.n, 1)))))
        return f.mul(f.mul(length, fifth.get()), f.div(fifth.get(), both))

    def interpolate(self, share: str) -> None:
        f = self.lanes.f
        with f.when(f.new(f"xor i1 {self.prepared.get()}, true")):
            self._prepare_dense()
        s, rest = f.splat(share), f.splat(f.scalar("fsub", double(1.0), share))
        here, there = self.lanes.here.get(), self.lanes.there.get()
        with f.loop(self.lanes.n) as i:
            value = f.load_vector(self.lanes.at[f"f{BLOCKS}"], i)
            for m in range(BLOCKS - 1, 0, -1):
                value = f.muladd(s if m % 2 else rest, value, f.load_vector(self.lanes.at[f"f{m}"], i))
            y = f.load_vector(here, i)
            value = f.muladd(rest, value, f.sub(f.load_vector(there, i), y))
            f.store_vector(self.lanes.at["dense"], i, f.muladd(s, value, y))

    def _prepare_dense(self) -> None:
        f, method = self.lanes.f, self.method
        t, h = self.begun.get(), self.length.get()
        self._rates(self.lanes.there.get(), f.scalar("fadd", t, h), method.taken)
        for s in range(method.taken + 1, method.stages):
            self._stage(s, t, h, self.lanes.at["dense"])
        wide, here, there = f.splat(h), self.lanes.here.get(), self.lanes.there.get()
        with f.loop(self.lanes.n) as i:
            gain = f.sub(f.load_vector(there, i), f.load_vector(here, i))
            first, last = (f.mul(wide, f.load_vector(self.lanes.at[f"u{j}"], i)) for j in (0, method.taken))
            f.store_vector(self.lanes.at["f1"], i, f.sub(first, gain))
            f.store_vector(self.lanes.at["f2"], i, f.sub(f.add(gain, gain), f.add(first, last)))
            for m, weights in enumerate(method.dense):
                f.store_vector(self.lanes.at[f"f{m + 3}"], i, f.mul(wide, self._estimate(weights, i)))
        self.prepared.set("true")
