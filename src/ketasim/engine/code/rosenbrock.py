"""Steps of a Rosenbrock method: stages with one factorised Jacobian, error estimate, dense output."""

from __future__ import annotations

from . import functions
from .emit import Variable, double
from .lanes import Lanes
from .record import PEAKS, SHARES, VALUES
from .tableau import Tableau

LARGEST_GROWTH = 1e6  # of a pivot's reciprocal over h gamma; beyond, elimination without pivoting is not trusted
PROBE = 1e-15  # share of a segment at which the first stage is f itself


class Rosenbrock:
    """Writes the stages of `tableau` over the lanes."""

    def __init__(self, lanes: Lanes, tableau: Tableau) -> None:
        self.lanes, self.tableau, self.order = lanes, tableau, tableau.order

    def prepare(self) -> None:
        pass

    def slopes(self, begin: str, end: str) -> str:
        """The rates over a number into u0; gives the number."""
        f = self.lanes.f
        probe = f.scalar("fmul", f.scalar("fsub", end, begin), double(PROBE))
        shift = f.scalar("fdiv", double(1.0), f.scalar("fmul", probe, double(self.tableau.gamma)))
        pointers = [("ptr", self.lanes.here.get()), *(("ptr", self.lanes.at[n]) for n in ("q", "lu", "u0", "ft"))]
        f.call(
            "first_stage",
            "void",
            *pointers,
            ("double", self.lanes.inside_segment(begin)),
            ("double", shift),
            ("double", double(0.0)),
        )
        return shift

    def step(self, t: str, h: str) -> None:
        """All stages; afterwards `there` and the last u add up to the new state, the last u is its error."""
        f, tab = self.lanes.f, self.tableau
        shift = f.scalar("fdiv", double(1.0), f.scalar("fmul", h, double(tab.gamma)))
        inverse = f.scalar("fdiv", double(1.0), h)
        hd = f.scalar("fmul", h, double(tab.d[0]))
        here, there = self.lanes.here.get(), self.lanes.there.get()
        pointers = [("ptr", here), *(("ptr", self.lanes.at[n]) for n in ("q", "lu", "u0", "ft"))]
        f.call(
            "first_stage",
            "void",
            *pointers,
            ("double", self.lanes.inside_segment(t)),
            ("double", shift),
            ("double", hd),
        )
        timed = self.lanes.layout.depends_on_time
        for s in range(1, tab.stages):
            wide = f.splat(f.scalar("fmul", h, double(tab.d[s]))) if timed and tab.d[s] else ""
            c = [f.splat(f.scalar("fmul", inverse, double(weight))) for weight in tab.c[s]]
            # only the last stage, which becomes the new state, needs the argument of states that no rate reads;
            # and it is often that of the stage before plus one term
            last = s == tab.stages - 1
            grown = last and tab.a[s] == (*tab.a[s - 1], 1.0)
            for start, stop in ((0, self.lanes.system.read), (self.lanes.system.read, self.lanes.n)):
                if start < stop:
                    argument = there if start == 0 or last else ""
                    self._sums(s, c, wide, (start, stop), here, argument, grown and start == 0)
            time = self.lanes.inside_segment(f.scalar("fadd", t, f.scalar("fmul", h, double(tab.alpha[s]))))
            pointers = [("ptr", there), *(("ptr", self.lanes.at[n]) for n in ("q", "lu", f"u{s}"))]
            f.call("stage", "void", *pointers, ("double", time))

    def _sums(self, s: int, c: list[str], wide: str, span: tuple[int, int], here: str, there: str, grown: bool) -> None:
        """Argument of stage `s` into `there` (if given), and what is added to its rates into u_s, for a span of states."""
        f = self.lanes.f
        with f.loop(span[1], span[0]) as i:
            argument = f.load_vector(there if grown else here, i) if there else ""
            total = f.mul(wide, f.load_vector(self.lanes.at["ft"], i)) if wide else ""
            for j, (a, weight) in enumerate(zip(self.tableau.a[s], c, strict=True)):
                u = f.load_vector(self.lanes.at[f"u{j}"], i)
                if grown and j == s - 1:
                    argument = f.add(argument, u)
                elif there and not grown:
                    argument = f.muladd(f.splat_number(a), u, argument)
                total = f.muladd(weight, u, total) if total else f.mul(weight, u)
            if there:
                f.store_vector(there, i, argument)
            f.store_vector(self.lanes.at[f"u{s}"], i, total)

    def interpolate(self, share: str) -> None:
        """State at `share` of the step into `dense`."""
        f = self.lanes.f
        s, rest = f.splat(share), f.splat(f.scalar("fsub", double(1.0), share))
        here, there = self.lanes.here.get(), self.lanes.there.get()
        weights = self._dense_weights(share)
        with f.loop(self.lanes.n) as i:
            value = f.muladd(s, f.load_vector(there, i), f.mul(rest, f.load_vector(here, i)))
            for j, weight in enumerate(weights):
                value = f.muladd(weight, f.load_vector(self.lanes.at[f"u{j}"], i), value)
            f.store_vector(self.lanes.at["dense"], i, value)

    def _dense_weights(self, s: str) -> list[str]:
        """Factor of each stage: s (1 - s) (dense_1j + s (dense_2j + ...))."""
        f = self.lanes.f
        outer = f.scalar("fmul", s, f.scalar("fsub", double(1.0), s))
        result = []
        for column in zip(*self.tableau.dense, strict=True):
            total = double(column[-1])
            for weight in reversed(column[:-1]):
                total = f.scalar("fadd", f.scalar("fmul", total, s), double(weight))
            result.append(f.splat(f.scalar("fmul", outer, total)))
        return result

    def error(self, h: str) -> str:
        """Mean over states of (error / (absolute + relative size))^2 for each lane; completes the new state.

        The size is the larger of |y| before and after the step, or the largest |y| so far if the job says so.
        """
        f = self.lanes.f
        # 0 times infinity is NaN: a state that is no number, or infinite, must not pass as a small relative error
        total, odd = f.variable(f.vector, f.splat_number(0.0)), f.variable(f.vector, f.splat_number(0.0))
        labels, others, join = [f.label() for _ in range(3)], f.label(), f.label()
        f.branch(f.new(f"icmp eq i64 {self.lanes.job['sizes']}, {PEAKS}"), labels[PEAKS], others)
        f.place(others)
        f.branch(f.new(f"icmp eq i64 {self.lanes.job['sizes']}, {VALUES}"), labels[VALUES], labels[SHARES])
        for kind in (PEAKS, VALUES, SHARES):  # a loop for each, since this one is among the most frequent
            f.place(labels[kind])
            self._sum_errors(total, odd, kind)
            f.jump(join)
        f.place(join)
        squares = f.muladd(total.get(), f.splat_number(1.0 / max(self.lanes.n, 1)), odd.get())
        growth = f.load_vector(self.lanes.at["lu"], self.lanes.layout.linear.size)
        most = f.scalar("fmul", h, double(self.tableau.gamma * LARGEST_GROWTH))
        trusted = f.compare("ole", growth, f.splat(most))
        return f.select(trusted, squares, f.splat_number(float("nan")))

    def _sum_errors(self, total: Variable, odd: Variable, kind: int) -> None:
        f = self.lanes.f
        relative = f.splat(self.lanes.job["relative"])
        here, there = self.lanes.here.get(), self.lanes.there.get()
        with f.loop(self.lanes.n) as i:
            error = f.load_vector(self.lanes.at[f"u{self.tableau.stages - 1}"], i)
            following = f.add(f.load_vector(there, i), error)
            f.store_vector(there, i, following)
            before, after = functions.absolute(f, f.load_vector(here, i)), functions.absolute(f, following)
            peak = ""
            if kind != VALUES:
                peak = f.largest(f.load_vector(self.lanes.at["peak"], i), before)
                f.store_vector(self.lanes.at["peak"], i, peak)
            size = f.largest(after, peak if kind == PEAKS else before)
            absolute = self.lanes.tolerance(i, peak) if kind == SHARES else self.lanes.absolute_tolerance(i)
            ratio = f.mul(error, functions.rough_reciprocal(f, f.muladd(relative, size, absolute)))
            total.set(f.muladd(ratio, ratio, total.get()))
            odd.set(f.muladd(following, f.splat_number(0.0), odd.get()))
