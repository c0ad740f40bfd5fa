"""Outputs of one register of people: at the asked times, from the dense output, one row per person."""

from __future__ import annotations

from .emit import double
from .lanes import Lanes, Method
from .record import ODD_OUTPUT


class Outputs:
    """Writes the outputs of the lanes; `rows` are the places of the people in the table."""

    def __init__(self, lanes: Lanes, method: Method) -> None:
        self.lanes, self.method, f = lanes, method, lanes.f
        self.rows: list[str] = []
        self.output = f.variable("i64", "0")
        self.odd = f.variable(f.vector, f.splat_number(0.0))

    def leave_if_recorded(self) -> None:
        """Nothing is integrated beyond the last output, unless the last state is wanted."""
        f = self.lanes.f
        all_out = f.new(f"icmp sge i64 {self.output.get()}, {self.lanes.job['count']}")
        unwanted = f.new(f"icmp eq ptr {self.lanes.job['last_state']}, null")
        f.leave_if(f.logic_and(all_out, unwanted), self.lanes.done)

    def at_start(self, first: str) -> None:
        f = self.lanes.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.lanes.job['count']}"), out)
            time = f.load("double", self.lanes.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {first}"), out)
            self._record(self.lanes.here.get(), first, it)

    def of_step(self, begin: str, end: str, h: str) -> None:
        """Outputs at the asked times up to `end`, from the interpolation polynomial of the step."""
        f = self.lanes.f
        with f.forever() as out:
            it = self.output.get()
            f.leave_if(f.new(f"icmp sge i64 {it}, {self.lanes.job['count']}"), out)
            time = f.load("double", self.lanes.job["times"], it)
            f.leave_if(f.new(f"fcmp ogt double {time}, {end}"), out)
            self.method.interpolate(f.smaller(f.scalar("fdiv", f.scalar("fsub", time, begin), h), double(1.0)))
            self._record(self.lanes.at["dense"], time, it)

    def _record(self, y: str, time: str, it: str) -> None:
        """Evaluates the outputs and puts one row per person."""
        f, count = self.lanes.f, len(self.lanes.system.outputs)
        f.call(
            "observe", "void", ("ptr", y), ("ptr", self.lanes.at["q"]), ("double", time), ("ptr", self.lanes.at["o"])
        )
        self.odd.set(f.add(self.odd.get(), f.load_vector(self.lanes.at["o"], count)))
        row = f.scalar("mul", it, str(count), "i64")
        rows = [f.scalar("add", r, row, "i64") for r in self.rows]
        if count >= self.lanes.width:
            self._record_blocks(rows, count)
        else:
            for k in range(count):
                value = self._as_double(f.load_vector(self.lanes.at["o"], k))
                for lane, base in enumerate(rows):
                    one = f.new(f"extractelement <{self.lanes.width} x double> {value}, i32 {lane}")
                    f.store("double", self.lanes.job["out"], f.scalar("add", base, str(k), "i64"), one)
        self.output.set(f.scalar("add", it, "1", "i64"))

    def _record_blocks(self, rows: list[str], count: int) -> None:
        """Blocks of `width` outputs, transposed so that each person's share is contiguous; the last may overlap.

        Lanes that repeat a person to fill the register write the same numbers to the same place.
        """
        f, w = self.lanes.f, self.lanes.width
        kind = f"<{w} x double>"
        with f.loop(-(-count // w)) as block:
            first = f.scalar("mul", block, str(w), "i64")
            late = f.new(f"icmp sgt i64 {first}, {count - w}")
            first = f.scalar_select(late, str(count - w), first, "i64")
            square = [f.load_vector(self.lanes.at["o"], f.scalar("add", first, str(k), "i64")) for k in range(w)]
            for lane, vector in enumerate(self._transposed(square)):
                place = f.address("double", self.lanes.job["out"], f.scalar("add", rows[lane], first, "i64"))
                f.do(f"store {kind} {self._as_double(vector)}, ptr {place}, align 8")

    def _transposed(self, square: list[str]) -> list[str]:
        f, w = self.lanes.f, self.lanes.width
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
        if self.lanes.f.real == "double":
            return vector
        return self.lanes.f.new(f"fpext {self.lanes.f.vector} {vector} to <{self.lanes.width} x double>")

    def mark_odd(self) -> None:
        """Status of the people for whom an output was not a finite number."""
        f, job = self.lanes.f, self.lanes.job
        flags = f.variable(f"[{self.lanes.width} x i8]")
        odd = f.logic("and", f.compare("uno", self.odd.get(), self.odd.get()), self.lanes.alive.get())
        wide = f.new(f"zext {f.mask} {odd} to <{self.lanes.width} x i8>")
        f.do(f"store <{self.lanes.width} x i8> {wide}, ptr {flags.name}, align 1")
        with f.loop(job["lanes"]) as lane, f.when(f.new(f"icmp ne i8 {f.load('i8', flags.name, lane)}, 0")):
            f.store("i64", job["status"], self.lanes.lane("person", lane), str(ODD_OUTPUT))
