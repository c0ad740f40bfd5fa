"""Choice of steps in one segment: accepted, rejected, or given up; and what happens with each."""

from __future__ import annotations

from . import functions
from .drift import Drift
from .emit import Variable, double
from .first_step import bound_step
from .landing import Landing
from .lanes import Lanes, Method
from .outputs import Outputs
from .record import STEP_TOO_SMALL, TOO_MANY_STEPS

SAFETY, SLOWEST, FASTEST = 0.9, 0.1, 6.0  # step factor: safety, least, greatest
FIRST_SHARE = 0.01  # first step of a segment, as a share of the segment, unless the last step was smaller
SMALLEST_STEP = 1e-14  # relative to time
GUARDED = (
    1e-11  # relative to time or segment; at steps so short a comparison ahead may guard what is not defined behind it
)
NEXT_TO_NOTHING = 1e-30  # the same at time zero, relative to the segment


class Control:
    """Composes lanes, method and outputs; `landing` if there are comparisons to watch, `drift` if errors may add up."""

    def __init__(
        self, lanes: Lanes, method: Method, landing: Landing | None, drift: Drift | None, outputs: Outputs
    ) -> None:
        self.lanes, self.method, self.landing, self.drift, self.outputs = lanes, method, landing, drift, outputs

    def segment(self, end: str) -> None:
        f, job = self.lanes.f, self.lanes.job
        begin = self.lanes.t.get()
        restart = f.scalar("fmul", f.scalar("fsub", end, begin), double(FIRST_SHARE))
        self.lanes.h.set(f.smaller(self.lanes.h.get(), restart))
        # stage times stay this far inside, so that a switch at the boundary is seen from one side only
        edge = f.scalar(
            "fmul", f.larger(self.lanes.magnitude(begin), self.lanes.magnitude(end)), double(self.lanes.edge)
        )
        self.lanes.inside = (f.scalar("fadd", begin, edge), f.scalar("fsub", end, edge))
        if self.lanes.layout.timed:
            middle = f.scalar("fmul", f.scalar("fadd", begin, end), double(0.5))
            f.call("clock", "void", ("ptr", self.lanes.at["q"]), ("double", middle))
        if self.landing:
            self.landing.begin(begin)
        bound_step(self.lanes, self.method, begin, end)
        last_error = f.variable("double", double(1.0))
        after_rejection = f.variable("i1", "false")
        with f.forever() as out:
            t = self.lanes.t.get()
            rest = f.scalar("fsub", end, t)
            f.leave_if(f.new(f"fcmp ole double {rest}, {double(0.0)}"), out)
            h = f.smaller(self.lanes.h.get(), job["largest_step"])
            longer, half = double(1.0001), double(1.9)
            if self.landing:  # a step that is to land somewhere keeps its length
                longer, half = (f.scalar_select(self.landing.active.get(), double(1.0), v) for v in (longer, half))
            final = f.new(f"fcmp oge double {f.scalar('fmul', h, longer)}, {rest}")
            nearly = f.new(f"fcmp ogt double {f.scalar('fmul', h, half)}, {rest}")
            h = f.scalar_select(nearly, f.scalar("fmul", rest, double(0.5)), h)
            h = f.scalar_select(final, rest, h)
            self.method.step(t, h)
            squares = self.method.error(h)
            squares = f.select(self.lanes.alive.get(), squares, f.splat_number(0.0))
            lost = f.compare("uno", squares, squares)
            largest = f.call(
                f"llvm.vector.reduce.fmax.{f.module.suffix}",
                f.real,
                (f.vector, f.select(lost, f.splat_number(0.0), squares)),
            )
            if f.real == "float":
                largest = f.new(f"fpext float {largest} to double")
            not_finite = self.lanes.any(lost)
            small = f.new(f"fcmp ole double {largest}, {double(1.0)}")
            accept, reject, join = f.label(), f.label(), f.label()
            f.branch(f.logic_and(small, f.new(f"xor i1 {not_finite}, true")), accept, reject)
            f.place(accept)
            if self.landing:
                self.landing.check(t, h, join)
            self._accept(t, h, final, end, largest, last_error, after_rejection)
            self.outputs.leave_if_recorded()
            f.jump(join)
            f.place(reject)
            self._reject(t, h, begin, end, restart, squares, lost, largest, not_finite, after_rejection)
            f.jump(join)
            f.place(join)
            self.lanes.budget.set(f.scalar("sub", self.lanes.budget.get(), "1", "i64"))
            with f.when(f.new(f"icmp sle i64 {self.lanes.budget.get()}, 0")):
                limit = f.scalar_select(not_finite, double(0.0), f.scalar("fmul", largest, double(0.25)))
                slow = f.logic("or", lost, f.compare("oge", squares, f.splat(limit)))
                self.lanes.switch_off(f.logic("and", slow, self.lanes.alive.get()), TOO_MANY_STEPS)
                self.lanes.budget.set(job["most_steps"])

    def _root(self, x: str) -> str:
        """x^(1/(2 order)) of a squared error."""
        f = self.lanes.f
        if self.method.order in (4, 8):
            for _ in range(self.method.order.bit_length()):
                x = f.call("llvm.sqrt.f64", "double", ("double", x))
            return x
        power = functions.exp(f, f.mul(functions.log(f, f.splat(x)), f.splat_number(0.5 / self.method.order)))
        x = f.new(f"extractelement {f.vector} {power}, i32 0")
        return f.new(f"fpext float {x} to double") if f.real == "float" else x

    def _accept(self, t: str, h: str, final: str, end: str, squares: str, last: Variable, after: Variable) -> None:
        f = self.lanes.f
        following = f.scalar_select(final, end, f.scalar("fadd", t, h))
        self.outputs.of_step(t, following, h)
        here = self.lanes.here.get()
        self.lanes.here.set(self.lanes.there.get())
        self.lanes.there.set(here)
        self.lanes.widen_slack()
        self.lanes.t.set(following)
        self.lanes.taken.set(f.scalar("add", self.lanes.taken.get(), "1", "i64"))
        # predictive controller (Gustafsson): the error of the step before enters
        error = f.larger(squares, double(1e-24))
        norm = f.call("llvm.sqrt.f64", "double", ("double", error))
        factor = f.scalar("fdiv", self._root(error), double(SAFETY))
        ratio = f.scalar("fdiv", f.scalar("fmul", error, error), f.larger(last.get(), double(1e-4)))
        predicted = f.scalar("fdiv", self._root(ratio), double(SAFETY))
        fresh = after.get()
        predicted = f.scalar_select(fresh, factor, predicted)
        factor = f.larger(factor, predicted)
        factor = f.larger(f.smaller(factor, double(1.0 / SLOWEST)), double(1.0 / FASTEST))
        proposed = f.scalar("fdiv", h, factor)
        proposed = f.scalar_select(fresh, f.smaller(proposed, h), proposed)
        self.lanes.h.set(proposed)
        after.set("false")
        last.set(f.larger(error, double(1e-4)))
        if self.drift:  # first, since it needs the factors of this step
            self.drift.accepted(h, norm)
        if self.landing:
            self.landing.accepted(end)

    def _reject(
        self,
        t: str,
        h: str,
        begin: str,
        end: str,
        restart: str,
        squares: str,
        lost: str,
        largest: str,
        not_finite: str,
        after: Variable,
    ) -> None:
        f = self.lanes.f
        factor = f.scalar("fdiv", self._root(largest), double(SAFETY))
        factor = f.smaller(factor, double(1.0 / SLOWEST))
        factor = f.scalar_select(not_finite, double(1.0 / SLOWEST), factor)
        proposed = f.scalar("fdiv", h, factor)
        self.lanes.h.set(proposed)
        if self.landing:
            short = f.scalar("fmul", f.larger(self.lanes.magnitude(t), f.scalar("fsub", end, begin)), double(GUARDED))
            with f.when(f.logic_and(not_finite, f.new(f"fcmp ole double {proposed}, {short}"))):
                self.landing.cross(t, proposed, end)
        after.set("true")
        self.lanes.rejected.set(f.scalar("add", self.lanes.rejected.get(), "1", "i64"))
        nothing = f.scalar("fmul", f.scalar("fsub", end, begin), double(NEXT_TO_NOTHING))
        least = f.larger(f.scalar("fmul", self.lanes.magnitude(t), double(SMALLEST_STEP)), nothing)
        with f.when(f.new(f"fcmp ole double {proposed}, {least}")):
            bad = f.logic("or", lost, f.compare("ogt", squares, f.splat_number(1.0)))
            self.lanes.switch_off(f.logic("and", bad, self.lanes.alive.get()), STEP_TOO_SMALL, lost)
            self.lanes.h.set(restart)
