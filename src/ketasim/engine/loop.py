"""The stepping loop, generated beside the model: one register of people goes through its dose segments.

All lanes share time and step; the error of every lane is controlled. A lane that cannot go on (no finite step, step
too small, too many steps) is switched off with a status and the others continue; the caller runs it again alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from .emit import Function, Module, Variable, double
from .kernel import Layout
from .record import JOB, LANES, NOT_FINITE, OK, STEP_TOO_SMALL, TOO_MANY_STEPS
from .system import System
from .tableau import Tableau

LARGEST_GROWTH = 1e6  # of a pivot's reciprocal over h gamma; beyond, elimination without pivoting is not trusted
LAND_BISECTIONS = 30
NEAREST_LANDING = 1e-3  # a switch nearer to the start of the step than this share of it is stepped over
AFTER_LANDING = 1e-6  # first step after a switch, as a share of the step that landed there: it only crosses
SAFETY, SLOWEST, FASTEST = 0.9, 0.1, 6.0  # step factor: safety, least, greatest


@dataclass(frozen=True)
class Memory:
    """Places of the working arrays, counted in vectors."""

    size: int
    place: dict[str, int]

    @classmethod
    def of(cls, system: System, layout: Layout, tableau: Tableau) -> Memory:
        n = len(system.states)
        sizes = {
            "p": len(system.parameters), "in": len(system.inputs), "q": len(layout.kept),
            "lu": len(layout.stored) + 1,
            "y": n, "next": n, "c": n, "ft": n if layout.depends_on_time else 0, "o": len(system.outputs),
            "before": len(layout.conditions), "after": len(layout.conditions),
        }
        sizes |= {f"u{s}": n for s in range(tableau.stages)}
        place, total = {}, 0
        for name, size in sizes.items():
            place[name] = total
            total += size
        return cls(total, place)


def write_loop(module: Module, system: System, layout: Layout, tableau: Tableau) -> Memory:
    """Writes `solve(job, work)` and `solve_many(jobs, count, work)`."""
    memory = Memory.of(system, layout, tableau)
    with Function(module, "solve", [("ptr", "job"), ("ptr", "work")], "nounwind") as f:
        _Loop(f, system, layout, tableau, memory).write()
    size = 8 * (len(JOB) + len(LANES) * module.width)
    with Function(module, "solve_many", [("ptr", "jobs"), ("i64", "count"), ("ptr", "work")], "nounwind") as f, \
            f.loop("%count") as i:
        offset = f.scalar("mul", i, str(size), "i64")
        f.call("solve", "void", ("ptr", f.address("i8", "%jobs", offset)), ("ptr", "%work"))
    return memory


class _Loop:
    def __init__(self, f: Function, system: System, layout: Layout, tableau: Tableau, memory: Memory) -> None:
        self.f, self.system, self.layout, self.tableau = f, system, layout, tableau
        self.n, self.width = len(system.states), f.module.width
        self.at = {name: f.address(f.vector, "%work", place) for name, place in memory.place.items()}
        self.job = {
            name: f.new(f"load {kind}, ptr {f.address('i64', '%job', i)}") for i, (name, kind) in enumerate(JOB)
        }
        self.t, self.h = f.variable("double"), f.variable("double")
        self.alive = f.variable(f.mask, f.all_true())
        self.output = f.variable("i64", "0")
        self.taken, self.rejected = f.variable("i64", "0"), f.variable("i64", "0")
        self.budget = f.variable("i64", self.job["most_steps"])
        self.landing, self.landed = f.variable("i1", "false"), f.variable("i1", "false")
        self.watch = bool(layout.conditions)
        self.edge = (1e-13 if f.real == "double" else 5e-7) if layout.timed_switches else 0.0

    # ---- lanes -----------------------------------------------------------------------------------------
    def lane(self, name: str, index: int | str) -> str:
        """Entry of the per-lane field `name`."""
        first = len(JOB) + LANES.index(name) * self.width
        place = self.f.scalar("add", str(index), str(first), "i64")
        return self.f.load("i64", "%job", place)

    def gather(self, base: str, offsets: list[str], index: str) -> str:
        """A vector of doubles base[offset of the lane + index], rounded to the arithmetic."""
        f = self.f
        vector = "poison"
        for i, offset in enumerate(offsets):
            value = f.load("double", base, f.scalar("add", offset, index, "i64"))
            if f.real == "float":
                value = f.new(f"fptrunc double {value} to float")
            vector = f.new(f"insertelement {f.vector} {vector}, {f.real} {value}, i32 {i}")
        return vector

    def any(self, mask: str) -> str:
        f = self.f
        return f.call(f"llvm.vector.reduce.or.v{self.width}i1", "i1", (f.mask, mask))

    # ---- the parts -------------------------------------------------------------------------------------
    def write(self) -> None:
        f, job = self.f, self.job
        persons = [self.lane("person", i) for i in range(self.width)]
        self._load_people(persons)
        first = f.load("double", job["boundaries"])
        self.first = first
        self.t.set(first)
        f.call("start", "void", ("ptr", self.at["p"]), ("double", first), ("ptr", self.at["y"]))
        self._override(persons)
        self._prepare()
        self._outputs_at_start(first)
        places = [self.lane("input_place", i) for i in range(self.width)]
        jump = f.variable("i64", "0")
        self.h.set(job["first_step"])
        self.done = f.label()
        self._leave_if_recorded()
        with f.loop(job["segments"]) as segment:
            self._load_inputs(places, segment)
            self._prepare()
            self._jumps(jump, segment)
            self.t.set(f.load("double", job["boundaries"], segment))
            end = f.load("double", job["boundaries"], f.scalar("add", segment, "1", "i64"))
            self._segment(end)
        f.jump(self.done)
        f.place(self.done)
        self._keep_last(persons)
        steps = self.lane("person", 0)
        f.store("i64", job["steps"], f.scalar("mul", steps, "2", "i64"), self.taken.get())
        place = f.scalar("add", f.scalar("mul", steps, "2", "i64"), "1", "i64")
        f.store("i64", job["steps"], place, self.rejected.get())

    def _load_people(self, persons: list[str]) -> None:
        f, count = self.f, len(self.system.parameters)
        rows = [f.scalar("mul", p, str(count), "i64") for p in persons]
        with f.loop(count) as j:
            f.store_vector(self.at["p"], j, self.gather(self.job["parameters"], rows, j))
        with f.loop(len(self.system.inputs)) as j:
            f.store_vector(self.at["in"], j, f.splat_number(0.0))

    def _override(self, persons: list[str]) -> None:
        """Initial states given by the caller; NaN keeps the model's own."""
        f = self.f
        given = f.new(f"icmp ne ptr {self.job['initial']}, null")
        with f.when(given):
            rows = [f.scalar("mul", p, str(self.n), "i64") for p in persons]
            with f.loop(self.n) as i:
                value = self.gather(self.job["initial"], rows, i)
                own = f.load_vector(self.at["y"], i)
                f.store_vector(self.at["y"], i, f.select(f.compare("ord", value, value), value, own))

    def _leave_if_recorded(self) -> None:
        """Nothing is integrated beyond the last output, unless the last state is wanted."""
        f = self.f
        all_out = f.new(f"icmp sge i64 {self.output.get()}, {self.job['count']}")
        unwanted = f.new(f"icmp eq ptr {self.job['last_state']}, null")
        f.leave_if(f.logic_and(all_out, unwanted), self.done)

    def _prepare(self) -> None:
        arguments = [("ptr", self.at["p"]), ("ptr", self.at["in"]), ("double", self.first), ("ptr", self.at["q"])]
        self.f.call("prepare", "void", *arguments)

    def _load_inputs(self, places: list[str], segment: str) -> None:
        f, count = self.f, len(self.system.inputs)
        base = f.scalar("mul", segment, str(count), "i64")
        with f.loop(count) as j:
            value = self.gather(self.job["inputs"], places, f.scalar("add", base, j, "i64"))
            f.store_vector(self.at["in"], j, value)

    def _jumps(self, jump: Variable, segment: str) -> None:
        """y <- scale y + add for the jumps of this segment; they are sorted by segment."""
        f, job = self.f, self.job
        with f.forever() as out:
            k = jump.get()
            f.leave_if(f.new(f"icmp sge i64 {k}, {job['jumps']}"), out)
            here = f.load("i64", job["jump_segment"], k)
            f.leave_if(f.new(f"icmp ne i64 {here}, {segment}"), out)
            state = f.load("i64", job["jump_state"], k)
            row = f.scalar("mul", k, job["jump_stride"], "i64")
            lanes = [self.lane("jump_place", i) for i in range(self.width)]
            scale, add = (self.gather(job[n], lanes, row) for n in ("jump_scale", "jump_add"))
            y = f.load_vector(self.at["y"], state)
            f.store_vector(self.at["y"], state, f.muladd(scale, y, add))
            jump.set(f.scalar("add", k, "1", "i64"))

    # ---- output ----------------------------------------------------------------------------------------
    def _outputs_at_start(self, first: str) -> None:
        f = self.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.job['count']}"), out)
            time = f.load("double", self.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {first}"), out)
            self._record(self.at["y"], first, it)

    def _record(self, y: str, time: str, it: str) -> None:
        """Evaluates the outputs and puts one row per person."""
        f, count = self.f, len(self.system.outputs)
        f.call("observe", "void", ("ptr", y), ("ptr", self.at["q"]), ("double", time), ("ptr", self.at["o"]))
        block = f.scalar("mul", self.job["count"], str(count), "i64")
        row = f.scalar("mul", it, str(count), "i64")
        with f.loop(self.job["lanes"]) as lane:
            person = self.lane("person", lane)
            base = f.scalar("add", f.scalar("mul", person, block, "i64"), row, "i64")
            with f.loop(count) as k:
                place = f.scalar("add", f.scalar("mul", k, str(self.width), "i64"), lane, "i64")
                value = f.load(f.real, self.at["o"], place)
                if f.real == "float":
                    value = f.new(f"fpext float {value} to double")
                f.store("double", self.job["out"], f.scalar("add", base, k, "i64"), value)
        self.output.set(f.scalar("add", it, "1", "i64"))

    def _dense_outputs(self, begin: str, end: str, h: str) -> None:
        """Outputs at the asked times up to `end`, from the interpolation polynomial of the step."""
        f = self.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.job['count']}"), out)
            time = f.load("double", self.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {end}"), out)
            self._interpolate(f.smaller(f.scalar("fdiv", f.scalar("fsub", time, begin), h), double(1.0)))
            self._record(self.at["c"], time, it)

    def _interpolate(self, share: str) -> None:
        """State at `share` of the step into `c`."""
        f = self.f
        s, rest = f.splat(share), f.splat(f.scalar("fsub", double(1.0), share))
        with f.loop(self.n) as i:
            stages = [f.load_vector(self.at[f"u{j}"], i) for j in range(len(self.tableau.dense[0]))]
            inner = ""
            for row in reversed(self.tableau.dense):
                total = f.mul(inner, s) if inner else ""
                for weight, u in zip(row, stages, strict=True):
                    w = f.splat_number(weight)
                    total = f.muladd(w, u, total) if total else f.mul(w, u)
                inner = total
            y, following = f.load_vector(self.at["y"], i), f.load_vector(self.at["next"], i)
            value = f.muladd(s, f.muladd(rest, inner, following), f.mul(rest, y))
            f.store_vector(self.at["c"], i, value)

    # ---- steps -----------------------------------------------------------------------------------------
    def _segment(self, end: str) -> None:
        f, job = self.f, self.job
        begin = self.t.get()
        length = f.scalar("fsub", end, begin)
        self.h.set(f.smaller(self.h.get(), f.scalar("fmul", length, double(0.05))))
        restart = f.scalar("fmul", length, double(0.01))
        # stage times stay this far inside, so that a switch at the boundary is seen from one side only
        edge = f.scalar("fmul", f.larger(self._magnitude(begin), self._magnitude(end)), double(self.edge))
        self.inside = (f.scalar("fadd", begin, edge), f.scalar("fsub", end, edge))
        if self.watch:
            self._conditions(self.at["y"], begin, "before")
        last_error = f.variable("double", double(1.0))
        after_rejection = f.variable("i1", "false")
        with f.forever() as out:
            t = self.t.get()
            rest = f.scalar("fsub", end, t)
            f.leave_if(f.new(f"fcmp ole double {rest}, {double(0.0)}"), out)
            h = f.smaller(self.h.get(), job["largest_step"])
            final = f.new(f"fcmp oge double {f.scalar('fmul', h, double(1.0001))}, {rest}")
            nearly = f.new(f"fcmp ogt double {f.scalar('fmul', h, double(1.9))}, {rest}")
            h = f.scalar_select(nearly, f.scalar("fmul", rest, double(0.5)), h)
            h = f.scalar_select(final, rest, h)
            self._step(t, h)
            squares = self._error(h)
            squares = f.select(self.alive.get(), squares, f.splat_number(0.0))
            lost = f.compare("uno", squares, squares)
            largest = f.call(f"llvm.vector.reduce.fmax.{f.module.suffix}", f.real,
                             (f.vector, f.select(lost, f.splat_number(0.0), squares)))
            if f.real == "float":
                largest = f.new(f"fpext float {largest} to double")
            not_finite = self.any(lost)
            good = f.logic_and(f.new(f"fcmp ole double {largest}, {double(1.0)}"),
                               f.new(f"xor i1 {not_finite}, true"))
            accept, reject, join = f.label(), f.label(), f.label()
            f.branch(good, accept, reject)
            f.place(accept)
            if self.watch:
                self._land(t, h, join)
            self._accept(t, h, final, end, largest, last_error, after_rejection)
            self._leave_if_recorded()
            f.jump(join)
            f.place(reject)
            self._reject(t, h, end, restart, squares, lost, largest, not_finite, after_rejection)
            f.jump(join)
            f.place(join)
            self.budget.set(f.scalar("sub", self.budget.get(), "1", "i64"))
            with f.when(f.new(f"icmp sle i64 {self.budget.get()}, 0")):
                limit = f.scalar_select(not_finite, double(0.0), f.scalar("fmul", largest, double(0.25)))
                slow = f.logic("or", lost, f.compare("oge", squares, f.splat(limit)))
                self._switch_off(f.logic("and", slow, self.alive.get()), TOO_MANY_STEPS)
                self.budget.set(job["most_steps"])

    def _step(self, t: str, h: str) -> None:
        """All stages; afterwards `next` is the new state and the last u its error."""
        f, tab = self.f, self.tableau
        shift = f.scalar("fdiv", double(1.0), f.scalar("fmul", h, double(tab.gamma)))
        hd = f.scalar("fmul", h, double(tab.d[0]))
        pointers = [("ptr", self.at[n]) for n in ("y", "q", "lu", "u0", "ft")]
        f.call("first_stage", "void", *pointers, ("double", self._inside(t)), ("double", shift), ("double", hd))
        inverse = f.splat(f.scalar("fdiv", double(1.0), h))
        timed = self.layout.depends_on_time
        for s in range(1, tab.stages):
            wide = f.splat(f.scalar("fmul", h, double(tab.d[s]))) if timed and tab.d[s] else ""
            with f.loop(self.n) as i:
                argument, c = f.load_vector(self.at["y"], i), ""
                for j in range(s):
                    u = f.load_vector(self.at[f"u{j}"], i)
                    argument = f.muladd(f.splat_number(tab.a[s][j]), u, argument)
                    weight = f.splat_number(tab.c[s][j])
                    c = f.muladd(weight, u, c) if c else f.mul(weight, u)
                c = f.mul(c, inverse)
                if wide:
                    c = f.muladd(wide, f.load_vector(self.at["ft"], i), c)
                f.store_vector(self.at["next"], i, argument)
                f.store_vector(self.at["c"], i, c)
            time = self._inside(f.scalar("fadd", t, f.scalar("fmul", h, double(tab.alpha[s]))))
            pointers = [("ptr", self.at[n]) for n in ("next", "q", "lu", "c", f"u{s}")]
            f.call("stage", "void", *pointers, ("double", time))

    def _inside(self, time: str) -> str:
        return self.f.smaller(self.f.larger(time, self.inside[0]), self.inside[1])

    def _conditions(self, y: str, time: str, target: str) -> None:
        f = self.f
        f.call("conditions", "void", ("ptr", y), ("ptr", self.at["q"]), ("double", time), ("ptr", self.at[target]))

    def _changed(self) -> str:
        """Whether a watched comparison differs from the start of the step in some live lane."""
        f = self.f
        changed = f.variable(f.mask, "zeroinitializer")
        with f.loop(len(self.layout.conditions)) as i:
            a, b = f.load_vector(self.at["before"], i), f.load_vector(self.at["after"], i)
            changed.set(f.logic("or", changed.get(), f.compare("une", a, b)))
        return self.any(f.logic("and", changed.get(), self.alive.get()))

    def _land(self, t: str, h: str, join: str) -> None:
        """A step that crosses a switch is repeated so that it ends just before, found on the dense output.

        Every second step may cross, so that noise around a switch at most doubles the work.
        """
        f = self.f
        self._conditions(self.at["next"], f.scalar("fadd", t, h), "after")
        free = f.new(f"xor i1 {f.new(f'or i1 {self.landing.get()}, {self.landed.get()}')}, true")
        with f.when(f.logic_and(self._changed(), free)):
            low, high = f.variable("double", double(0.0)), f.variable("double", double(1.0))
            with f.loop(LAND_BISECTIONS):
                middle = f.scalar("fmul", f.scalar("fadd", low.get(), high.get()), double(0.5))
                self._interpolate(middle)
                time = f.scalar("fadd", t, f.scalar("fmul", h, middle))
                self._conditions(self.at["c"], time, "after")
                crossed = self._changed()
                high.set(f.scalar_select(crossed, middle, high.get()))
                low.set(f.scalar_select(crossed, low.get(), middle))
            with f.when(f.new(f"fcmp ogt double {low.get()}, {double(NEAREST_LANDING)}")):
                self.h.set(f.scalar("fmul", h, low.get()))
                self.landing.set("true")
                f.jump(join)
                f.place(f.label())
            self._conditions(self.at["next"], f.scalar("fadd", t, h), "after")

    def _error(self, h: str) -> str:
        """Sum over states of (error / (absolute + relative |y|))^2 / n for each lane; completes `next`."""
        f = self.f
        total = f.variable(f.vector, f.splat_number(0.0))
        relative = f.splat(self.job["relative"])
        with f.loop(self.n) as i:
            error = f.load_vector(self.at[f"u{self.tableau.stages - 1}"], i)
            following = f.add(f.load_vector(self.at["next"], i), error)
            f.store_vector(self.at["next"], i, following)
            y = f.load_vector(self.at["y"], i)
            a, b = f.intrinsic("fabs", y), f.intrinsic("fabs", following)
            size = f.select(f.compare("ogt", a, b), a, b)
            absolute = f.splat(f.load("double", self.job["tolerance"], i))
            ratio = f.div(error, f.muladd(relative, size, absolute))
            # 0 * infinity is NaN: an infinite state must not pass as a small relative error
            square = f.muladd(following, f.splat_number(0.0), f.mul(ratio, ratio))
            total.set(f.add(total.get(), square))
        squares = f.mul(total.get(), f.splat_number(1.0 / max(self.n, 1)))
        growth = f.load_vector(self.at["lu"], len(self.layout.stored))
        most = f.scalar("fmul", h, double(self.tableau.gamma * LARGEST_GROWTH))
        trusted = f.compare("ole", growth, f.splat(most))
        return f.select(trusted, squares, f.splat_number(float("nan")))

    def _root(self, x: str) -> str:
        """x^(1/(2 order)) of a squared error, by square roots where the order allows."""
        f = self.f
        if self.tableau.order == 4:
            for _ in range(3):
                x = f.call("llvm.sqrt.f64", "double", ("double", x))
            return x
        raise NotImplementedError

    def _accept(self, t: str, h: str, final: str, end: str, squares: str, last: Variable, after: Variable) -> None:
        f = self.f
        following = f.scalar_select(final, end, f.scalar("fadd", t, h))
        self._dense_outputs(t, following, h)
        with f.loop(self.n) as i:
            f.store_vector(self.at["y"], i, f.load_vector(self.at["next"], i))
        if self.watch:
            with f.loop(len(self.layout.conditions)) as i:
                f.store_vector(self.at["before"], i, f.load_vector(self.at["after"], i))
        self.t.set(following)
        self.taken.set(f.scalar("add", self.taken.get(), "1", "i64"))
        # predictive controller (Gustafsson): the error of the step before enters
        error = f.larger(squares, double(1e-24))
        factor = f.scalar("fdiv", self._root(error), double(SAFETY))
        previous = last.get()
        ratio = f.scalar("fdiv", f.scalar("fmul", error, error), f.larger(previous, double(1e-4)))
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
        if self.watch:
            landing = self.landing.get()
            short = f.scalar("fmul", h, double(AFTER_LANDING))
            self.h.set(f.scalar_select(landing, f.smaller(proposed, short), proposed))
            self.landed.set(landing)
            self.landing.set("false")

    def _reject(self, t: str, h: str, end: str, restart: str, squares: str, lost: str, largest: str,
                not_finite: str, after: Variable) -> None:
        f = self.f
        factor = f.scalar("fdiv", self._root(largest), double(SAFETY))
        factor = f.smaller(factor, double(1.0 / SLOWEST))
        factor = f.scalar_select(not_finite, double(1.0 / SLOWEST), factor)
        proposed = f.scalar("fdiv", h, factor)
        self.h.set(proposed)
        after.set("true")
        self.rejected.set(f.scalar("add", self.rejected.get(), "1", "i64"))
        scale = f.larger(self._magnitude(t), self._magnitude(end))
        least = f.scalar("fmul", scale, double(1e-14))
        with f.when(f.new(f"fcmp ole double {proposed}, {least}")):
            bad = f.logic("or", lost, f.compare("ogt", squares, f.splat_number(1.0)))
            self._switch_off(f.logic("and", bad, self.alive.get()), STEP_TOO_SMALL, lost)
            self.h.set(restart)

    def _magnitude(self, x: str) -> str:
        return self.f.call("llvm.fabs.f64", "double", ("double", x))

    def _switch_off(self, bad: str, status: int, lost: str | None = None) -> None:
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
                    self._keep_state(person, lane)
        self.alive.set(f.logic("and", self.alive.get(), f.invert(bad)))
        f.leave_if(f.new(f"xor i1 {self.any(self.alive.get())}, true"), self.done)

    def _keep_state(self, person: str, lane: str) -> None:
        f = self.f
        base = f.scalar("mul", person, str(self.n), "i64")
        with f.loop(self.n) as i:
            place = f.scalar("add", f.scalar("mul", i, str(self.width), "i64"), lane, "i64")
            value = f.load(f.real, self.at["y"], place)
            if f.real == "float":
                value = f.new(f"fpext float {value} to double")
            f.store("double", self.job["last_state"], f.scalar("add", base, i, "i64"), value)

    def _keep_last(self, persons: list[str]) -> None:
        """Keeps the final state of the people who are well."""
        f, job = self.f, self.job
        with f.when(f.new(f"icmp ne ptr {job['last_state']}, null")), f.loop(job["lanes"]) as lane:
            person = self.lane("person", lane)
            well = f.new(f"icmp eq i64 {f.load('i64', job['status'], person)}, {OK}")
            with f.when(well):
                self._keep_state(person, lane)
