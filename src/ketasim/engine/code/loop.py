"""The outer loop, generated beside the model: one register of people goes through its dose segments.

All lanes share time and step; the error of every lane is controlled. A lane that cannot go on (no finite step, step
too small, too many steps) is switched off with a status and the others continue; the caller runs it again alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..symbolic.system import System
from .control import Control
from .dop853 import ExplicitTableau
from .drift import Drift
from .emit import Function, Module, Variable
from .explicit import BLOCKS, Explicit
from .kernel import Layout
from .landing import Landing
from .lanes import Lanes, Method
from .outputs import Outputs
from .record import JOB, LANES, OK
from .rosenbrock import Rosenbrock
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
            "floor": n,
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
        _Loop(f, system, layout, tableau, memory).write()
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


class _Loop:
    """One register of people through its segments: parameters, starts, inputs, jumps."""

    def __init__(
        self, f: Function, system: System, layout: Layout, tableau: Tableau | ExplicitTableau, memory: Memory
    ) -> None:
        self.lanes = Lanes(f, system, layout)
        self.lanes.at |= {name: f.address(f.vector, "%work", place) for name, place in memory.place.items()}
        self.lanes.here.set(self.lanes.at["ya"])
        self.lanes.there.set(self.lanes.at["yb"])
        method: Method
        drift = None
        if isinstance(tableau, Tableau):
            method = rosenbrock = Rosenbrock(self.lanes, tableau)
            drift = Drift(self.lanes, rosenbrock)
        else:
            method = Explicit(self.lanes, tableau)
        landing = Landing(self.lanes, method) if layout.conditions else None
        self.outputs = Outputs(self.lanes, method)
        self.control = Control(self.lanes, method, landing, drift, self.outputs)
        method.prepare()

    def gather(self, base: str, offsets: list[str], index: str) -> str:
        """A vector of doubles base[offset of the lane + index], rounded to the arithmetic."""
        f = self.lanes.f
        vector = "poison"
        for i, offset in enumerate(offsets):
            value = f.load("double", base, f.scalar("add", offset, index, "i64"))
            if f.real == "float":
                value = f.new(f"fptrunc double {value} to float")
            vector = f.new(f"insertelement {f.vector} {vector}, {f.real} {value}, i32 {i}")
        return vector

    def write(self) -> None:
        f, job = self.lanes.f, self.lanes.job
        persons = [self.lanes.lane("person", i) for i in range(self.lanes.width)]
        block = f.scalar("mul", job["count"], str(len(self.lanes.system.outputs)), "i64")
        self.outputs.rows = [f.scalar("mul", p, block, "i64") for p in persons]
        self._load_people(persons)
        first = f.load("double", job["boundaries"])
        self.first = first
        self.lanes.round_tolerances()
        self.lanes.t.set(first)
        f.call("start", "void", ("ptr", self.lanes.at["p"]), ("double", first), ("ptr", self.lanes.here.get()))
        self._override(persons)
        with f.loop(self.lanes.n) as i:
            f.store_vector(self.lanes.at["peak"], i, f.splat_number(0.0))
            f.store_vector(self.lanes.at["floor"], i, f.splat_number(0.0))
        for slot in range(len(self.lanes.layout.kept), len(self.lanes.layout.kept) + len(self.lanes.layout.slacks)):
            f.store_vector(self.lanes.at["q"], slot, f.splat_number(0.0))
        self.lanes.widen_slack()
        self._prepare()
        self.outputs.at_start(first)
        places = [self.lanes.lane("input_place", i) for i in range(self.lanes.width)]
        jump = f.variable("i64", "0")
        self.lanes.h.set(job["first_step"])
        self.outputs.leave_if_recorded()
        with f.loop(job["segments"]) as segment:
            self._load_inputs(places, segment)
            self._prepare()
            self._jumps(jump, segment)
            self.lanes.widen_slack()
            self.lanes.t.set(f.load("double", job["boundaries"], segment))
            end = f.load("double", job["boundaries"], f.scalar("add", segment, "1", "i64"))
            self.control.segment(end)
        f.jump(self.lanes.done)
        f.place(self.lanes.done)
        self._keep_last()
        self.outputs.mark_odd()
        steps = self.lanes.lane("person", 0)
        f.store("i64", job["steps"], f.scalar("mul", steps, "2", "i64"), self.lanes.taken.get())
        place = f.scalar("add", f.scalar("mul", steps, "2", "i64"), "1", "i64")
        f.store("i64", job["steps"], place, self.lanes.rejected.get())

    def _load_people(self, persons: list[str]) -> None:
        f, count = self.lanes.f, len(self.lanes.system.parameters)
        rows = [f.scalar("mul", p, str(count), "i64") for p in persons]
        with f.loop(count) as j:
            f.store_vector(self.lanes.at["p"], j, self.gather(self.lanes.job["parameters"], rows, j))
        with f.loop(len(self.lanes.system.inputs)) as j:
            f.store_vector(self.lanes.at["in"], j, f.splat_number(0.0))

    def _override(self, persons: list[str]) -> None:
        """Initial states given by the caller; NaN keeps the model's own."""
        f = self.lanes.f
        given = f.new(f"icmp ne ptr {self.lanes.job['initial']}, null")
        with f.when(given):
            rows = [f.scalar("mul", p, str(self.lanes.n), "i64") for p in persons]
            with f.loop(self.lanes.n) as i:
                value = self.gather(self.lanes.job["initial"], rows, i)
                own = f.load_vector(self.lanes.at["ya"], i)
                f.store_vector(self.lanes.at["ya"], i, f.select(f.compare("ord", value, value), value, own))

    def _prepare(self) -> None:
        arguments = [
            ("ptr", self.lanes.at["p"]),
            ("ptr", self.lanes.at["in"]),
            ("double", self.first),
            ("ptr", self.lanes.at["q"]),
        ]
        self.lanes.f.call("prepare", "void", *arguments)

    def _load_inputs(self, places: list[str], segment: str) -> None:
        f, count = self.lanes.f, len(self.lanes.system.inputs)
        base = f.scalar("mul", segment, str(count), "i64")
        with f.loop(count) as j:
            value = self.gather(self.lanes.job["inputs"], places, f.scalar("add", base, j, "i64"))
            f.store_vector(self.lanes.at["in"], j, value)

    def _jumps(self, jump: Variable, segment: str) -> None:
        """y <- scale y + add for the jumps of this segment; they are sorted by segment."""
        f, job = self.lanes.f, self.lanes.job
        with f.forever() as out:
            k = jump.get()
            f.leave_if(f.new(f"icmp sge i64 {k}, {job['jumps']}"), out)
            here = f.load("i64", job["jump_segment"], k)
            f.leave_if(f.new(f"icmp ne i64 {here}, {segment}"), out)
            state = f.load("i64", job["jump_state"], k)
            row = f.scalar("mul", k, job["jump_stride"], "i64")
            lanes = [self.lanes.lane("jump_place", i) for i in range(self.lanes.width)]
            scale, add = (self.gather(job[n], lanes, row) for n in ("jump_scale", "jump_add"))
            y = self.lanes.here.get()
            f.store_vector(y, state, f.muladd(scale, f.load_vector(y, state), add))
            jump.set(f.scalar("add", k, "1", "i64"))

    def _keep_last(self) -> None:
        """Keeps the final state of the people who are well."""
        f, job = self.lanes.f, self.lanes.job
        with f.when(f.new(f"icmp ne ptr {job['last_state']}, null")), f.loop(job["lanes"]) as lane:
            person = self.lanes.lane("person", lane)
            well = f.new(f"icmp eq i64 {f.load('i64', job['status'], person)}, {OK}")
            with f.when(well):
                self.lanes.keep_state(person, lane)
