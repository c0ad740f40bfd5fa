"""Steps of a Rosenbrock method for one register of people: stages, error control, switches, failures."""

from __future__ import annotations

from ..symbolic.slack import UNDERSHOOT
from ..symbolic.system import System
from . import functions
from .dop853 import ExplicitTableau
from .drift import Drift
from .emit import Function, Variable, double
from .kernel import Layout
from .landing import Landing
from .record import JOB, LANES, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS
from .tableau import Tableau

LARGEST_GROWTH = 1e6  # of a pivot's reciprocal over h gamma; beyond, elimination without pivoting is not trusted
SAFETY, SLOWEST, FASTEST = 0.9, 0.1, 6.0  # step factor: safety, least, greatest
FIRST_SHARE = 0.01  # first step of a segment, as a share of the segment, unless the last step was smaller
FIRST_CHANGE = 0.1  # and it changes the state by this share of its size at most, or by one tolerance
PROBE = 1e-15  # share of a segment at which the first stage is f itself
SMALLEST_STEP = 1e-14  # relative to time
GUARDED = (
    1e-11  # relative to time or segment; at steps so short a comparison ahead may guard what is not defined behind it
)
NEXT_TO_NOTHING = 1e-30  # the same at time zero, relative to the segment


class Stepper:
    """Writes the code of one segment into `f`; the places in `at`, `done` and outputs come from the outer loop."""

    at: dict[str, str]
    tableau: Tableau

    def __init__(self, f: Function, system: System, layout: Layout, tableau: Tableau | ExplicitTableau) -> None:
        self.f, self.system, self.layout, self.order = f, system, layout, tableau.order
        if isinstance(tableau, Tableau):
            self.tableau = tableau
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
        self.landing: Landing | None = None  # if there are comparisons to watch
        self.drift: Drift | None = None  # if errors may add up
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

    def any(self, mask: str) -> str:
        return self.f.call(f"llvm.vector.reduce.or.v{self.width}i1", "i1", (self.f.mask, mask))

    def together(self, squares: str) -> str:
        """Squares of errors or rates; in jobs of displaced pairs, each lane's and its neighbour's mean.

        That mean is the undisplaced person's up to the square of the displacement, and so are the steps chosen by it:
        their choice does not enter the difference of the pair.
        """
        f = self.f
        if self.width < 2:
            return squares
        result = f.variable(f.vector, squares)
        with f.when(f.new(f"icmp ne i64 {self.job['paired']}, 0")):
            lanes = ", ".join(f"i32 {lane ^ 1}" for lane in range(self.width))
            other = f.new(f"shufflevector {f.vector} {squares}, {f.vector} poison, <{self.width} x i32> <{lanes}>")
            result.set(f.mul(f.splat_number(0.5), f.add(squares, other)))
        return result.get()

    def dense_outputs(self, begin: str, end: str, h: str) -> None:
        raise NotImplementedError

    def leave_if_recorded(self) -> None:
        raise NotImplementedError

    # ---- one segment -----------------------------------------------------------------------------------
    def segment(self, end: str) -> None:
        f, job = self.f, self.job
        begin = self.t.get()
        restart = f.scalar("fmul", f.scalar("fsub", end, begin), double(FIRST_SHARE))
        self.h.set(f.smaller(self.h.get(), restart))
        # stage times stay this far inside, so that a switch at the boundary is seen from one side only
        edge = f.scalar("fmul", f.larger(self.magnitude(begin), self.magnitude(end)), double(self.edge))
        self.inside = (f.scalar("fadd", begin, edge), f.scalar("fsub", end, edge))
        if self.layout.timed:
            middle = f.scalar("fmul", f.scalar("fadd", begin, end), double(0.5))
            f.call("clock", "void", ("ptr", self.at["q"]), ("double", middle))
        if self.landing:
            self.landing.begin(begin)
        self.bound_step(begin, end)
        last_error = f.variable("double", double(1.0))
        after_rejection = f.variable("i1", "false")
        with f.forever() as out:
            t = self.t.get()
            rest = f.scalar("fsub", end, t)
            f.leave_if(f.new(f"fcmp ole double {rest}, {double(0.0)}"), out)
            h = f.smaller(self.h.get(), job["largest_step"])
            longer, half = double(1.0001), double(1.9)
            if self.landing:  # a step that is to land somewhere keeps its length
                longer, half = (f.scalar_select(self.landing.active.get(), double(1.0), v) for v in (longer, half))
            final = f.new(f"fcmp oge double {f.scalar('fmul', h, longer)}, {rest}")
            nearly = f.new(f"fcmp ogt double {f.scalar('fmul', h, half)}, {rest}")
            h = f.scalar_select(nearly, f.scalar("fmul", rest, double(0.5)), h)
            h = f.scalar_select(final, rest, h)
            self._step(t, h)
            squares = self._error(h)
            squares = self.together(f.select(self.alive.get(), squares, f.splat_number(0.0)))
            lost = f.compare("uno", squares, squares)
            largest = f.call(
                f"llvm.vector.reduce.fmax.{f.module.suffix}",
                f.real,
                (f.vector, f.select(lost, f.splat_number(0.0), squares)),
            )
            if f.real == "float":
                largest = f.new(f"fpext float {largest} to double")
            not_finite = self.any(lost)
            small = f.new(f"fcmp ole double {largest}, {double(1.0)}")
            accept, reject, join = f.label(), f.label(), f.label()
            f.branch(f.logic_and(small, f.new(f"xor i1 {not_finite}, true")), accept, reject)
            f.place(accept)
            if self.landing:
                self.landing.check(t, h, join)
            self._accept(t, h, final, end, largest, last_error, after_rejection)
            self.leave_if_recorded()
            f.jump(join)
            f.place(reject)
            self._reject(t, h, begin, end, restart, squares, lost, largest, not_finite, after_rejection)
            f.jump(join)
            f.place(join)
            self.budget.set(f.scalar("sub", self.budget.get(), "1", "i64"))
            with f.when(f.new(f"icmp sle i64 {self.budget.get()}, 0")):
                limit = f.scalar_select(not_finite, double(0.0), f.scalar("fmul", largest, double(0.25)))
                slow = f.logic("or", lost, f.compare("oge", squares, f.splat(limit)))
                self.switch_off(f.logic("and", slow, self.alive.get()), TOO_MANY_STEPS)
                self.budget.set(job["most_steps"])

    def bound_step(self, begin: str, end: str) -> None:
        """h <= max(FIRST_CHANGE |y|, 1) / |f| in units of the tolerances, in every live lane.

        An L-stable step much longer than that damps a fast rotation to nothing, and its error estimate sees nothing.
        """
        f, y = self.f, self.here.get()
        shift = self.slopes(begin, end)
        sizes, rates = (f.variable(f.vector, f.splat_number(0.0)) for _ in range(2))
        relative, wide = f.splat(self.job["relative"]), f.splat(shift)
        with f.loop(self.n) as i:
            value = f.load_vector(y, i)
            absolute = self.absolute_tolerance(i)
            weight = f.div(f.splat_number(1.0), f.muladd(relative, functions.absolute(f, value), absolute))
            size = f.mul(value, weight)
            rate = f.mul(f.mul(f.load_vector(self.at["u0"], i), wide), weight)
            sizes.set(f.muladd(size, size, sizes.get()))
            rates.set(f.muladd(rate, rate, rates.get()))
        count = f.splat_number(float(max(self.n, 1)))
        moved = f.mul(self.together(sizes.get()), f.splat_number(FIRST_CHANGE**2))
        moved = f.select(f.compare("ogt", moved, count), moved, count)
        square = f.div(self.together(rates.get()), moved)  # of 1 / h
        usable = f.logic("and", f.compare("olt", square, f.splat_number(float("inf"))), self.alive.get())
        square = f.select(usable, square, f.splat_number(0.0))
        fastest = f.call(f"llvm.vector.reduce.fmax.{f.module.suffix}", f.real, (f.vector, square))
        if f.real == "float":
            fastest = f.new(f"fpext float {fastest} to double")
        fastest = f.call("llvm.sqrt.f64", "double", ("double", fastest))
        self.h.set(f.smaller(self.h.get(), f.scalar("fdiv", double(1.0), fastest)))

    def slopes(self, begin: str, end: str) -> str:
        """The rates over a number into u0; gives the number."""
        f = self.f
        probe = f.scalar("fmul", f.scalar("fsub", end, begin), double(PROBE))
        shift = f.scalar("fdiv", double(1.0), f.scalar("fmul", probe, double(self.tableau.gamma)))
        pointers = [("ptr", self.here.get()), *(("ptr", self.at[n]) for n in ("q", "lu", "u0", "ft"))]
        f.call(
            "first_stage",
            "void",
            *pointers,
            ("double", self.inside_segment(begin)),
            ("double", shift),
            ("double", double(0.0)),
        )
        return shift

    def _step(self, t: str, h: str) -> None:
        """All stages; afterwards `there` and the last u add up to the new state, the last u is its error."""
        f, tab = self.f, self.tableau
        shift = f.scalar("fdiv", double(1.0), f.scalar("fmul", h, double(tab.gamma)))
        inverse = f.scalar("fdiv", double(1.0), h)
        hd = f.scalar("fmul", h, double(tab.d[0]))
        here, there = self.here.get(), self.there.get()
        pointers = [("ptr", here), *(("ptr", self.at[n]) for n in ("q", "lu", "u0", "ft"))]
        f.call("first_stage", "void", *pointers, ("double", self.inside_segment(t)), ("double", shift), ("double", hd))
        timed = self.layout.depends_on_time
        for s in range(1, tab.stages):
            wide = f.splat(f.scalar("fmul", h, double(tab.d[s]))) if timed and tab.d[s] else ""
            c = [f.splat(f.scalar("fmul", inverse, double(weight))) for weight in tab.c[s]]
            # only the last stage, which becomes the new state, needs the argument of states that no rate reads;
            # and it is often that of the stage before plus one term
            last = s == tab.stages - 1
            grown = last and tab.a[s] == (*tab.a[s - 1], 1.0)
            for start, stop in ((0, self.system.read), (self.system.read, self.n)):
                if start < stop:
                    argument = there if start == 0 or last else ""
                    self._sums(s, c, wide, (start, stop), here, argument, grown and start == 0)
            time = self.inside_segment(f.scalar("fadd", t, f.scalar("fmul", h, double(tab.alpha[s]))))
            pointers = [("ptr", there), *(("ptr", self.at[n]) for n in ("q", "lu", f"u{s}"))]
            f.call("stage", "void", *pointers, ("double", time))

    def _sums(self, s: int, c: list[str], wide: str, span: tuple[int, int], here: str, there: str, grown: bool) -> None:
        """Argument of stage `s` into `there` (if given), and what is added to its rates into u_s, for a span of states."""
        f = self.f
        with f.loop(span[1], span[0]) as i:
            argument = f.load_vector(there if grown else here, i) if there else ""
            total = f.mul(wide, f.load_vector(self.at["ft"], i)) if wide else ""
            for j, (a, weight) in enumerate(zip(self.tableau.a[s], c, strict=True)):
                u = f.load_vector(self.at[f"u{j}"], i)
                if grown and j == s - 1:
                    argument = f.add(argument, u)
                elif there and not grown:
                    argument = f.muladd(f.splat_number(a), u, argument)
                total = f.muladd(weight, u, total) if total else f.mul(weight, u)
            if there:
                f.store_vector(there, i, argument)
            f.store_vector(self.at[f"u{s}"], i, total)

    def interpolate(self, share: str) -> None:
        """State at `share` of the step into `dense`."""
        f = self.f
        s, rest = f.splat(share), f.splat(f.scalar("fsub", double(1.0), share))
        here, there = self.here.get(), self.there.get()
        weights = self._dense_weights(share)
        with f.loop(self.n) as i:
            value = f.muladd(s, f.load_vector(there, i), f.mul(rest, f.load_vector(here, i)))
            for j, weight in enumerate(weights):
                value = f.muladd(weight, f.load_vector(self.at[f"u{j}"], i), value)
            f.store_vector(self.at["dense"], i, value)

    def _dense_weights(self, s: str) -> list[str]:
        """Factor of each stage: s (1 - s) (dense_1j + s (dense_2j + ...))."""
        f = self.f
        outer = f.scalar("fmul", s, f.scalar("fsub", double(1.0), s))
        result = []
        for column in zip(*self.tableau.dense, strict=True):
            total = double(column[-1])
            for weight in reversed(column[:-1]):
                total = f.scalar("fadd", f.scalar("fmul", total, s), double(weight))
            result.append(f.splat(f.scalar("fmul", outer, total)))
        return result

    def inside_segment(self, time: str) -> str:
        return self.f.smaller(self.f.larger(time, self.inside[0]), self.inside[1])

    # ---- error -----------------------------------------------------------------------------------------
    def _error(self, h: str) -> str:
        """Mean over states of (error / (absolute + relative size))^2 for each lane; completes the new state.

        The size is the larger of |y| before and after the step, or the largest |y| so far if the job says so.
        """
        f = self.f
        total = f.variable(f.vector, f.splat_number(0.0))
        peaks, values, join = f.label(), f.label(), f.label()
        f.branch(f.new(f"icmp ne i64 {self.job['peaks']}, 0"), peaks, values)
        f.place(peaks)
        self._sum_errors(total, True)
        f.jump(join)
        f.place(values)
        self._sum_errors(total, False)
        f.jump(join)
        f.place(join)
        squares = f.mul(total.get(), f.splat_number(1.0 / max(self.n, 1)))
        growth = f.load_vector(self.at["lu"], self.layout.linear.size)
        most = f.scalar("fmul", h, double(self.tableau.gamma * LARGEST_GROWTH))
        trusted = f.compare("ole", growth, f.splat(most))
        return f.select(trusted, squares, f.splat_number(float("nan")))

    def _sum_errors(self, total: Variable, peaks: bool) -> None:
        f = self.f
        relative = f.splat(self.job["relative"])
        here, there = self.here.get(), self.there.get()
        with f.loop(self.n) as i:
            error = f.load_vector(self.at[f"u{self.tableau.stages - 1}"], i)
            following = f.add(f.load_vector(there, i), error)
            f.store_vector(there, i, following)
            before, after = functions.absolute(f, f.load_vector(here, i)), functions.absolute(f, following)
            if peaks:
                peak = f.load_vector(self.at["peak"], i)
                before = f.select(f.compare("ogt", before, peak), before, peak)
                f.store_vector(self.at["peak"], i, before)
            # a state that is no number must stay visible, hence the unordered comparison
            size = f.select(f.compare("ugt", after, before), after, before)
            absolute = self.absolute_tolerance(i)
            ratio = f.mul(error, functions.rough_reciprocal(f, f.muladd(relative, size, absolute)))
            # 0 * infinity is NaN: an infinite state must not pass as a small relative error
            square = f.muladd(following, f.splat_number(0.0), f.mul(ratio, ratio))
            total.set(f.add(total.get(), square))

    def widen_slack(self) -> None:
        """Raises the slack of the states under roots to UNDERSHOOT (atol + rtol |y|)."""
        f = self.f
        wide = f.splat(f.scalar("fmul", self.job["relative"], double(UNDERSHOOT))) if self.layout.slacks else ""
        for k, state in enumerate(self.layout.slacks.values()):
            place = len(self.layout.kept) + k
            absolute = f.splat(f.scalar("fmul", f.load("double", self.job["tolerance"], state), double(UNDERSHOOT)))
            slack = f.muladd(wide, functions.absolute(f, f.load_vector(self.here.get(), state)), absolute)
            before = f.load_vector(self.at["q"], place)
            f.store_vector(self.at["q"], place, f.select(f.compare("ogt", slack, before), slack, before))

    def _root(self, x: str) -> str:
        """x^(1/(2 order)) of a squared error."""
        f = self.f
        if self.order in (4, 8):
            for _ in range(self.order.bit_length()):
                x = f.call("llvm.sqrt.f64", "double", ("double", x))
            return x
        power = functions.exp(f, f.mul(functions.log(f, f.splat(x)), f.splat_number(0.5 / self.order)))
        x = f.new(f"extractelement {f.vector} {power}, i32 0")
        return f.new(f"fpext float {x} to double") if f.real == "float" else x

    def _accept(self, t: str, h: str, final: str, end: str, squares: str, last: Variable, after: Variable) -> None:
        f = self.f
        following = f.scalar_select(final, end, f.scalar("fadd", t, h))
        self.dense_outputs(t, following, h)
        here = self.here.get()
        self.here.set(self.there.get())
        self.there.set(here)
        self.widen_slack()
        self.t.set(following)
        self.taken.set(f.scalar("add", self.taken.get(), "1", "i64"))
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
        self.h.set(proposed)
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
        f = self.f
        factor = f.scalar("fdiv", self._root(largest), double(SAFETY))
        factor = f.smaller(factor, double(1.0 / SLOWEST))
        factor = f.scalar_select(not_finite, double(1.0 / SLOWEST), factor)
        proposed = f.scalar("fdiv", h, factor)
        self.h.set(proposed)
        if self.landing:
            short = f.scalar("fmul", f.larger(self.magnitude(t), f.scalar("fsub", end, begin)), double(GUARDED))
            with f.when(f.logic_and(not_finite, f.new(f"fcmp ole double {proposed}, {short}"))):
                self.landing.cross(t, proposed, end)
        after.set("true")
        self.rejected.set(f.scalar("add", self.rejected.get(), "1", "i64"))
        nothing = f.scalar("fmul", f.scalar("fsub", end, begin), double(NEXT_TO_NOTHING))
        least = f.larger(f.scalar("fmul", self.magnitude(t), double(SMALLEST_STEP)), nothing)
        with f.when(f.new(f"fcmp ole double {proposed}, {least}")):
            bad = f.logic("or", lost, f.compare("ogt", squares, f.splat_number(1.0)))
            self.switch_off(f.logic("and", bad, self.alive.get()), STEP_TOO_SMALL, lost)
            self.h.set(restart)

    def magnitude(self, x: str) -> str:
        return self.f.call("llvm.fabs.f64", "double", ("double", x))

    # ---- failures --------------------------------------------------------------------------------------
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
