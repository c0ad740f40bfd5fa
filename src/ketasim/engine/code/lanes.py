"""The registers of one segment: what the steps, the landing on switches, the watch on errors and the outputs share.

All lanes share time and step; each has its state. A lane that cannot go on is switched off with a status, and the others continue.
"""

from __future__ import annotations

from typing import Protocol

from ..symbolic.slack import UNDERSHOOT
from ..symbolic.system import System
from . import functions
from .emit import Function, double
from .kernel import Layout
from .record import JOB, LANES, NOT_FINITE


class Method(Protocol):
    """One step of an integrator over the lanes: from `here` at time t to `there` at t + h."""

    order: int

    def prepare(self) -> None:
        """Makes the variables that it needs."""

    def slopes(self, begin: str, end: str) -> str:
        """The rates over a number into u0; gives the number."""
        ...

    def step(self, t: str, h: str) -> None:
        """All stages."""

    def error(self, h: str) -> str:
        """Mean over states of (error / (absolute + relative size))^2 for each lane; completes the new state.

        The size is the larger of |y| before and after the step, or the largest |y| so far if the job says so.
        """
        ...

    def interpolate(self, share: str) -> None:
        """State at `share` of the step into `dense`."""


class Lanes:
    """Variables of one register of people; `at` holds the addresses of the working arrays."""

    def __init__(self, f: Function, system: System, layout: Layout) -> None:
        self.f, self.system, self.layout = f, system, layout
        self.at: dict[str, str] = {}
        self.inside = ("", "")  # the times between which the rates are evaluated in this segment
        self.n, self.width = len(system.states), f.module.width
        self.job = {
            name: f.new(f"load {kind}, ptr {f.address('i64', '%job', i)}") for i, (name, kind) in enumerate(JOB)
        }
        self.t, self.h = f.variable("double"), f.variable("double")
        self.here, self.there = f.variable("ptr"), f.variable("ptr")  # state at the start and the end of a step
        self.alive = f.variable(f.mask, f.all_true())
        self.taken, self.rejected = f.variable("i64", "0"), f.variable("i64", "0")
        self.budget = f.variable("i64", self.job["most_steps"])
        self.rounded = f.variable(f"[{max(self.n, 1)} x float]") if f.real == "float" else self.t
        self.edge = (1e-13 if f.real == "double" else 5e-7) if layout.timed_switches else 0.0
        self.done = f.label()

    def lane(self, name: str, index: int | str) -> str:
        """Entry of the per-lane field `name` of the job."""
        first = len(JOB) + LANES.index(name) * self.width
        return self.f.load("i64", "%job", self.f.scalar("add", str(index), str(first), "i64"))

    def absolute_tolerance(self, state: str | int) -> str:
        """In every lane. For float it was rounded once, before the first step (`round_tolerances`)."""
        f = self.f
        if f.real == "double":
            return f.splat(f.load("double", self.job["tolerance"], state))
        return f.splat(f.load("float", self.rounded.name, state), "float")

    def tolerance(self, state: str | int, peak: str) -> str:
        """The absolute tolerance with the share of the largest |y| so far, or of what it may be."""
        f = self.f
        floor = f.load_vector(self.at["floor"], state)
        size = f.select(f.compare("ogt", peak, floor), peak, floor)
        share = f.splat(f.load("double", self.job["shares"], state))
        return f.muladd(share, size, self.absolute_tolerance(state))

    def round_tolerances(self) -> None:
        f = self.f
        if f.real == "float":
            with f.loop(self.n) as i:
                f.store(
                    "float",
                    self.rounded.name,
                    i,
                    f.new(f"fptrunc double {f.load('double', self.job['tolerance'], i)} to float"),
                )

    def widen_slack(self) -> None:
        """Raises the slack of the states under roots to UNDERSHOOT (atol + rtol |y|)."""
        f = self.f
        wide = f.splat(f.scalar("fmul", self.job["relative"], double(UNDERSHOOT))) if self.layout.slacks else ""
        for k, state in enumerate(self.layout.slacks.values()):
            place = len(self.layout.kept) + k
            absolute = f.splat(f.scalar("fmul", f.load("double", self.job["tolerance"], state), double(UNDERSHOOT)))
            share = f.splat(f.scalar("fmul", f.load("double", self.job["shares"], state), double(UNDERSHOOT)))
            absolute = f.muladd(share, f.load_vector(self.at["peak"], state), absolute)
            slack = f.muladd(wide, functions.absolute(f, f.load_vector(self.here.get(), state)), absolute)
            before = f.load_vector(self.at["q"], place)
            f.store_vector(self.at["q"], place, f.select(f.compare("ogt", slack, before), slack, before))

    def any(self, mask: str) -> str:
        return self.f.call(f"llvm.vector.reduce.or.v{self.width}i1", "i1", (self.f.mask, mask))

    def inside_segment(self, time: str) -> str:
        return self.f.smaller(self.f.larger(time, self.inside[0]), self.inside[1])

    def magnitude(self, x: str) -> str:
        return self.f.call("llvm.fabs.f64", "double", ("double", x))

    def switch_off(self, bad: str, status: int, lost: str | None = None) -> None:
        """Marks the lanes in `bad` as failed here; leaves when none is left."""
        f, job = self.f, self.job
        flags = f.variable(f"[{self.width} x i8]")
        why = f.variable(f"[{self.width} x i8]")
        for variable, mask in ((flags, bad), (why, lost)):
            if mask is not None:
                wide = f.new(f"zext {f.mask} {mask} to <{self.width} x i8>")
                f.do(f"store <{self.width} x i8> {wide}, ptr {variable.name}, align 1")
        with f.loop(job["lanes"]) as lane:
            chosen = f.new(f"icmp ne i8 {f.load('i8', flags.name, lane)}, 0")
            with f.when(chosen):
                person = self.lane("person", lane)
                code = str(status)
                if lost is not None:
                    is_lost = f.new(f"icmp ne i8 {f.load('i8', why.name, lane)}, 0")
                    code = f.scalar_select(is_lost, str(NOT_FINITE), code, "i64")
                f.store("i64", job["status"], person, code)
                f.store("double", job["failed_time"], person, self.t.get())
                with f.when(f.new(f"icmp ne ptr {job['last_state']}, null")):
                    self.keep_state(person, lane)
        self.alive.set(f.logic("and", self.alive.get(), f.invert(bad)))
        f.leave_if(f.new(f"xor i1 {self.any(self.alive.get())}, true"), self.done)

    def keep_state(self, person: str, lane: str) -> None:
        """Stores the state of one lane at the start of the step."""
        f = self.f
        base, y = f.scalar("mul", person, str(self.n), "i64"), self.here.get()
        with f.loop(self.n) as i:
            place = f.scalar("add", f.scalar("mul", i, str(self.width), "i64"), lane, "i64")
            value = f.load(f.real, y, place)
            if f.real == "float":
                value = f.new(f"fpext float {value} to double")
            f.store("double", self.job["last_state"], f.scalar("add", base, i, "i64"), value)
