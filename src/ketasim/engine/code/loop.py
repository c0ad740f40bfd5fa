"""The outer loop, generated beside the model: one register of people goes through its dose segments.

All lanes share time and step; the error of every lane is controlled. A lane that cannot go on (no finite step, step
too small, too many steps) is switched off with a status and the others continue; the caller runs it again alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..symbolic.system import System
from .dop853 import ExplicitTableau
from .drift import Drift
from .emit import Function, Module, Variable, double
from .explicit import BLOCKS, ExplicitSteps
from .kernel import Layout
from .landing import Landing
from .record import JOB, LANES, ODD_OUTPUT, OK
from .stepping import Stepper
from .tableau import Tableau

FLUSH = 0x8040  # flush to zero and denormals are zero, in the control word of x86 (Intel, Software Developer's Manual, vol. 1, 10.2.3)


@dataclass(frozen=True)
class Memory:
    """Places of the working arrays, counted in vectors."""

    size: int
    place: dict[str, int]

    @classmethod
    def of(cls, system: System, layout: Layout, tableau: Tableau | ExplicitTableau) -> Memory:
        n = len(system.states)
        sizes = {
            "p": len(system.parameters),
            "in": len(system.inputs),
            "q": layout.size,
            "lu": layout.linear.size + 1,
            "ft": n if layout.depends_on_time else 0,
            "ya": n,
            "yb": n,
            "peak": n,
            "dense": n,
            "o": len(system.outputs) + 1,
            **{name: 2 * len(layout.conditions) for name in ("start", "middle", "after", "probe")},
        }
        sizes |= {f"u{s}": n for s in range(tableau.stages)}
        if isinstance(tableau, ExplicitTableau):
            sizes |= {f"f{m}": n for m in range(1, BLOCKS + 1)}
        else:
            sizes |= {"drift": n, "power": n, "size": n}  # rarely used, hence last
        place, total = {}, 0
        for name, size in sizes.items():
            place[name] = total
            total += size
        return cls(total, place)


def write_loop(module: Module, system: System, layout: Layout, tableau: Tableau | ExplicitTableau) -> Memory:
    """Writes `solve(job, work)` and `solve_many(jobs, count, work)`."""
    memory = Memory.of(system, layout, tableau)
    with Function(module, "solve", [("ptr", "job"), ("ptr", "work")], "nounwind") as f:
        (_ExplicitLoop if isinstance(tableau, ExplicitTableau) else _Loop)(f, system, layout, tableau, memory).write()
    size = 8 * (len(JOB) + len(LANES) * module.width)
    with (
        Function(module, "solve_many", [("ptr", "jobs"), ("i64", "count"), ("ptr", "work")], "nounwind") as f,
        _flushed(f),
        f.loop("%count") as i,
    ):
        offset = f.scalar("mul", i, str(size), "i64")
        f.call("solve", "void", ("ptr", f.address("i8", "%jobs", offset)), ("ptr", "%work"))
    return memory


@contextmanager
def _flushed(f: Function) -> Iterator[None]:
    """Numbers below the normal range are 0 meanwhile, if the module wants that; the thread's control word is put back.

    In float32 a drug that decays for weeks gets there (1e-38), and the processor takes ten times as long for such numbers.
    """
    if not f.module.flush:
        yield
        return
    before, during = f.variable("i32"), f.variable("i32")
    f.call("llvm.x86.sse.stmxcsr", "void", ("ptr", before.name))
    during.set(f.scalar("or", before.get(), str(FLUSH), "i32"))
    f.call("llvm.x86.sse.ldmxcsr", "void", ("ptr", during.name))
    yield
    f.call("llvm.x86.sse.ldmxcsr", "void", ("ptr", before.name))


class _Loop(Stepper):
    """Adds people, segments, inputs, jumps and outputs to the steps."""

    def __init__(
        self, f: Function, system: System, layout: Layout, tableau: Tableau | ExplicitTableau, memory: Memory
    ) -> None:
        super().__init__(f, system, layout, tableau)
        self.at = {name: f.address(f.vector, "%work", place) for name, place in memory.place.items()}
        self.here.set(self.at["ya"])
        self.there.set(self.at["yb"])
        if isinstance(tableau, Tableau):
            self.drift = Drift(self)
        if layout.conditions:
            self.landing = Landing(self)
        self.output = f.variable("i64", "0")
        self.odd = f.variable(f.vector, f.splat_number(0.0))

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

    # ---- the parts -------------------------------------------------------------------------------------
    def write(self) -> None:
        f, job = self.f, self.job
        persons = [self.lane("person", i) for i in range(self.width)]
        block = f.scalar("mul", job["count"], str(len(self.system.outputs)), "i64")
        self.rows = [f.scalar("mul", p, block, "i64") for p in persons]
        self._load_people(persons)
        first = f.load("double", job["boundaries"])
        self.first = first
        self.round_tolerances()
        self.t.set(first)
        f.call("start", "void", ("ptr", self.at["p"]), ("double", first), ("ptr", self.here.get()))
        self._override(persons)
        with f.loop(self.n) as i:
            f.store_vector(self.at["peak"], i, f.splat_number(0.0))
        for slot in range(len(self.layout.kept), len(self.layout.kept) + len(self.layout.slacks)):
            f.store_vector(self.at["q"], slot, f.splat_number(0.0))
        self.widen_slack()
        self._prepare()
        self._outputs_at_start(first)
        places = [self.lane("input_place", i) for i in range(self.width)]
        jump = f.variable("i64", "0")
        self.h.set(job["first_step"])
        self.leave_if_recorded()
        with f.loop(job["segments"]) as segment:
            self._load_inputs(places, segment)
            self._prepare()
            self._jumps(jump, segment)
            self.widen_slack()
            self.t.set(f.load("double", job["boundaries"], segment))
            end = f.load("double", job["boundaries"], f.scalar("add", segment, "1", "i64"))
            self.segment(end)
        f.jump(self.done)
        f.place(self.done)
        self._keep_last()
        self._mark_odd()
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
                own = f.load_vector(self.at["ya"], i)
                f.store_vector(self.at["ya"], i, f.select(f.compare("ord", value, value), value, own))

    def leave_if_recorded(self) -> None:
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
            y = self.here.get()
            f.store_vector(y, state, f.muladd(scale, f.load_vector(y, state), add))
            jump.set(f.scalar("add", k, "1", "i64"))

    # ---- output ----------------------------------------------------------------------------------------
    def _outputs_at_start(self, first: str) -> None:
        f = self.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.job['count']}"), out)
            time = f.load("double", self.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {first}"), out)
            self._record(self.here.get(), first, it)

    def dense_outputs(self, begin: str, end: str, h: str) -> None:
        """Outputs at the asked times up to `end`, from the interpolation polynomial of the step."""
        f = self.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.job['count']}"), out)
            time = f.load("double", self.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {end}"), out)
            self.interpolate(f.smaller(f.scalar("fdiv", f.scalar("fsub", time, begin), h), double(1.0)))
            self._record(self.at["dense"], time, it)

    def _record(self, y: str, time: str, it: str) -> None:
        """Evaluates the outputs and puts one row per person."""
        f, count = self.f, len(self.system.outputs)
        f.call("observe", "void", ("ptr", y), ("ptr", self.at["q"]), ("double", time), ("ptr", self.at["o"]))
        self.odd.set(f.add(self.odd.get(), f.load_vector(self.at["o"], count)))
        row = f.scalar("mul", it, str(count), "i64")
        rows = [f.scalar("add", r, row, "i64") for r in self.rows]
        if count >= self.width:
            self._record_blocks(rows, count)
        else:
            for k in range(count):
                value = self._as_double(f.load_vector(self.at["o"], k))
                for lane, base in enumerate(rows):
                    one = f.new(f"extractelement <{self.width} x double> {value}, i32 {lane}")
                    f.store("double", self.job["out"], f.scalar("add", base, str(k), "i64"), one)
        self.output.set(f.scalar("add", it, "1", "i64"))

    def _record_blocks(self, rows: list[str], count: int) -> None:
        """Blocks of `width` outputs, transposed so that each person's share is contiguous; the last may overlap.

        Lanes that repeat a person to fill the register write the same numbers to the same place.
        """
        f, w = self.f, self.width
        kind = f"<{w} x double>"
        with f.loop(-(-count // w)) as block:
            first = f.scalar("mul", block, str(w), "i64")
            late = f.new(f"icmp sgt i64 {first}, {count - w}")
            first = f.scalar_select(late, str(count - w), first, "i64")
            square = [f.load_vector(self.at["o"], f.scalar("add", first, str(k), "i64")) for k in range(w)]
            for lane, vector in enumerate(self._transposed(square)):
                place = f.address("double", self.job["out"], f.scalar("add", rows[lane], first, "i64"))
                f.do(f"store {kind} {self._as_double(vector)}, ptr {place}, align 8")

    def _transposed(self, square: list[str]) -> list[str]:
        f, w = self.f, self.width
        step = w // 2
        while step:
            for i in range(w):
                if i & step:
                    continue
                a, b = square[i], square[i + step]
                low = [lane if not lane & step else w + lane - step for lane in range(w)]
                high = [lane + step if not lane & step else w + lane for lane in range(w)]
                for target, lanes in ((i, low), (i + step, high)):
                    mask = ", ".join(f"i32 {lane}" for lane in lanes)
                    square[target] = f.new(f"shufflevector {f.vector} {a}, {f.vector} {b}, <{w} x i32> <{mask}>")
            step //= 2
        return square

    def _as_double(self, vector: str) -> str:
        if self.f.real == "double":
            return vector
        return self.f.new(f"fpext {self.f.vector} {vector} to <{self.width} x double>")

    def _mark_odd(self) -> None:
        """Status of the people for whom an output was not a finite number."""
        f, job = self.f, self.job
        flags = f.variable(f"[{self.width} x i8]")
        odd = f.logic("and", f.compare("uno", self.odd.get(), self.odd.get()), self.alive.get())
        wide = f.new(f"zext {f.mask} {odd} to <{self.width} x i8>")
        f.do(f"store <{self.width} x i8> {wide}, ptr {flags.name}, align 1")
        with f.loop(job["lanes"]) as lane, f.when(f.new(f"icmp ne i8 {f.load('i8', flags.name, lane)}, 0")):
            f.store("i64", job["status"], self.lane("person", lane), str(ODD_OUTPUT))

    def _keep_last(self) -> None:
        """Keeps the final state of the people who are well."""
        f, job = self.f, self.job
        with f.when(f.new(f"icmp ne ptr {job['last_state']}, null")), f.loop(job["lanes"]) as lane:
            person = self.lane("person", lane)
            well = f.new(f"icmp eq i64 {f.load('i64', job['status'], person)}, {OK}")
            with f.when(well):
                self.keep_state(person, lane)


class _ExplicitLoop(ExplicitSteps, _Loop):
    """The same with the steps of an explicit method."""

    def __init__(
        self, f: Function, system: System, layout: Layout, tableau: Tableau | ExplicitTableau, memory: Memory
    ) -> None:
        super().__init__(f, system, layout, tableau, memory)
        assert isinstance(tableau, ExplicitTableau)
        self.method = tableau
        self.prepare_steps()
