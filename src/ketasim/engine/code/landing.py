"""Comparisons with states, while a step is taken: held, watched, and landed on.

During a step every watched comparison keeps the truth it had at the start, so that the rates are smooth and the error
estimate means something (smooth continuation; Shampine & Thompson, Event location for ordinary differential equations,
Comput. Math. Appl. 39, 43-54, 2000, doi 10.1016/S0898-1221(00)00045-6). A step in which a comparison changes, at its
end or on the dense output inside, is repeated so that it ends just behind the first change; then the truth is renewed.

What can be missed: a comparison that changes and changes back inside one step. The gap between its two sides is looked
at in the middle of the step, and around each extremum that a parabola through start, middle and end suggests.
"""

from __future__ import annotations

from .emit import double
from .first_step import bound_step
from .lanes import Lanes, Method

BISECTIONS = 52  # of a step, on the dense output
TICK = 2.0**-50  # of time and of the whole step: the nearest that a landing comes to the change
WIDER, MOST_TRIES = 16.0, 10  # a landing that fell short aims so many ticks further each time
AHEAD = 100.0  # steps, where none reaches the change
LOOKS = 6  # around one extremum inside a step
NEAR_ZERO = 0.5  # an extremum is looked at if it comes so near to zero, as a share of the gap's range in the step
INNERMOST = 1 / 16  # of a step; nearer to its ends no extremum is looked for


class Landing:
    """The part of the stepping loop that a model with watched comparisons has in addition."""

    def __init__(self, lanes: Lanes, method: Method) -> None:
        self.lanes, self.method, f = lanes, method, lanes.f
        self.count = len(lanes.layout.conditions)
        self.modes = f.address(f.vector, lanes.at["q"], len(lanes.layout.kept) + len(lanes.layout.slacks))
        self.active = f.variable("i1", "false")  # whether this step was shortened to land
        self.resume = f.variable("double", double(0.0))  # the step before it was shortened
        self.tries = f.variable("i64", "0")
        self.margin = f.variable("double", double(0.0))
        self.found, self.high = f.variable("i1"), f.variable("double")

    # ---- called by the loop ------------------------------------------------------------------------------
    def begin(self, time: str) -> None:
        """The truth at the start of a segment."""
        self._evaluate(self.lanes.here.get(), time, "start")
        self._renew("start")
        self.active.set("false")
        self._forget()

    def check(self, t: str, h: str, join: str) -> None:
        """Goes to `join` with a shorter step if a comparison changes in this one and it does not end just behind."""
        f, s = self.lanes.f, self.lanes
        self._evaluate(s.there.get(), f.scalar("fadd", t, h), "after")
        self.found.set(self._changed("after"))
        self.high.set(double(1.0))
        with f.when(f.new(f"xor i1 {self.found.get()}, true")):
            self._look_inside(t, h)
        with f.when(self.found.get()):
            self._bisect(t, h)
            first = f.scalar("fmul", h, self.high.get())
            whole = f.scalar_select(self.active.get(), self.resume.get(), h)
            tick = f.scalar("fmul", f.larger(whole, s.magnitude(f.scalar("fadd", t, h))), double(TICK))
            margin = f.scalar("fmul", tick, self.margin.get())
            late = f.scalar("fsub", h, first)
            near = f.scalar("fadd", tick, f.scalar("fmul", margin, double(2.0)))
            with f.when(f.new(f"fcmp ogt double {late}, {near}")):
                self.resume.set(whole)
                self.active.set("true")
                s.h.set(f.smaller(f.scalar("fadd", f.larger(first, tick), margin), h))
                wider = f.larger(f.scalar("fmul", self.margin.get(), double(WIDER)), double(1.0))
                more = f.new(f"icmp slt i64 {self.tries.get()}, {MOST_TRIES}")
                self.margin.set(f.scalar_select(more, wider, self.margin.get()))
                self.tries.set(f.scalar("add", self.tries.get(), "1", "i64"))
                f.jump(join)
                f.place(f.label())

    def accepted(self, end: str) -> None:
        """Renews the truth behind a change, and gives back the step that the landing took."""
        f, s = self.lanes.f, self.lanes
        h = s.h.get()
        s.h.set(f.scalar_select(self.active.get(), f.larger(h, self.resume.get()), h))
        self.active.set("false")
        changed = self._changed("after")
        with f.loop(2 * self.count) as i:
            f.store_vector(s.at["start"], i, f.load_vector(s.at["after"], i))
        with f.when(changed):
            self._renew("after")
            self._forget()
            bound_step(s, self.method, s.t.get(), end)

    def cross(self, t: str, h: str, end: str) -> None:
        """Behind a step that was no number although it was as short as `h`: goes on with the truth a little ahead, if that is another.

        The comparison may guard a formula that is not defined behind it, such as ln(x - 1) where x > 1: no step reaches the
        change. The way to it is AHEAD h at most.
        """
        f, s = self.lanes.f, self.lanes
        ahead = f.scalar("fmul", h, double(AHEAD))
        factor = f.splat(f.scalar("fmul", ahead, self.method.slopes(t, end)))
        with f.loop(s.n) as i:
            f.store_vector(
                s.at["dense"], i, f.muladd(factor, f.load_vector(s.at["u0"], i), f.load_vector(s.here.get(), i))
            )
        self._evaluate(s.at["dense"], f.scalar("fadd", t, ahead), "probe")
        with f.when(self._changed("probe")):
            self._renew("probe")
            self._forget()
            self.active.set("false")
            s.h.set(f.scalar("fsub", end, t))
            bound_step(s, self.method, t, end)

    # ---- parts -------------------------------------------------------------------------------------------
    def _forget(self) -> None:
        self.tries.set("0")
        self.margin.set(double(0.0))

    def _evaluate(self, y: str, time: str, target: str) -> None:
        s = self.lanes
        s.f.call(
            "conditions",
            "void",
            ("ptr", y),
            ("ptr", s.at["q"]),
            ("double", s.inside_segment(time)),
            ("ptr", s.at[target]),
        )

    def _renew(self, source: str) -> None:
        f = self.lanes.f
        with f.loop(self.count) as i:
            f.store_vector(self.modes, i, f.load_vector(self.lanes.at[source], i))

    def _changed(self, source: str) -> str:
        """Whether a comparison differs from the held one in some live lane."""
        f = self.lanes.f
        changed = f.variable(f.mask, "zeroinitializer")
        with f.loop(self.count) as i:
            a, b = f.load_vector(self.modes, i), f.load_vector(self.lanes.at[source], i)
            changed.set(f.logic("or", changed.get(), f.compare("une", a, b)))
        return self.lanes.any(f.logic("and", changed.get(), self.lanes.alive.get()))

    def _look(self, t: str, h: str, share: str, target: str) -> None:
        """Evaluates on the dense output; a change there is found."""
        f, s = self.lanes.f, self.lanes
        self.method.interpolate(share)
        self._evaluate(s.at["dense"], f.scalar("fadd", t, f.scalar("fmul", h, share)), target)
        with f.when(self._changed(target)):
            self.found.set("true")
            self.high.set(share)

    def _bisect(self, t: str, h: str) -> None:
        """Lowers `high` to the first share of the step at which a comparison has changed."""
        f, s = self.lanes.f, self.lanes
        low = f.variable("double", double(0.0))
        with f.loop(BISECTIONS):
            middle = f.scalar("fmul", f.scalar("fadd", low.get(), self.high.get()), double(0.5))
            self.method.interpolate(middle)
            self._evaluate(s.at["dense"], f.scalar("fadd", t, f.scalar("fmul", h, middle)), "probe")
            crossed = self._changed("probe")
            low.set(f.scalar_select(crossed, low.get(), middle))
            self.high.set(f.scalar_select(crossed, middle, self.high.get()))

    def _look_inside(self, t: str, h: str) -> None:
        """Middle of the step, and extrema of each gap of each lane."""
        f = self.lanes.f
        out = f.label()
        self._look(t, h, double(0.5), "middle")
        f.leave_if(self.found.get(), out)
        with f.loop(self.count) as condition, f.loop(self.lanes.width) as lane:
            place = f.scalar(
                "add",
                f.scalar("mul", f.scalar("add", condition, str(self.count), "i64"), str(self.lanes.width), "i64"),
                lane,
                "i64",
            )
            self._extremum(t, h, place, out)
        f.jump(out)
        f.place(out)

    def _gap(self, source: str, place: str) -> str:
        f = self.lanes.f
        value = f.load(f.real, self.lanes.at[source], place)
        return f.new(f"fpext float {value} to double") if f.real == "float" else value

    def _extremum(self, t: str, h: str, place: str, out: str) -> None:
        """Successive parabolas through three points around an extremum of one gap; a change seen goes to `out`."""
        f = self.lanes.f
        x = [f.variable("double", double(v)) for v in (0.0, 0.5, 1.0)]
        g = [f.variable("double", self._gap(name, place)) for name in ("start", "middle", "after")]
        left = f.variable("i64", str(LOOKS))
        with f.forever() as done:
            f.leave_if(f.new(f"icmp sle i64 {left.get()}, 0"), done)
            left.set(f.scalar("sub", left.get(), "1", "i64"))
            # Newton form: g0 + d1 (s - x0) + d2 (s - x0)(s - x1)
            (x0, x1, x2), (g0, g1, g2) = ([v.get() for v in x], [v.get() for v in g])
            first = f.scalar("fdiv", f.scalar("fsub", g1, g0), f.scalar("fsub", x1, x0))
            second = f.scalar("fdiv", f.scalar("fsub", g2, g1), f.scalar("fsub", x2, x1))
            bend = f.scalar("fdiv", f.scalar("fsub", second, first), f.scalar("fsub", x2, x0))
            shift = f.scalar("fdiv", first, f.scalar("fmul", bend, double(2.0)))
            share = f.scalar("fsub", f.scalar("fmul", f.scalar("fadd", x0, x1), double(0.5)), shift)
            value = f.scalar(
                "fadd",
                g0,
                f.scalar(
                    "fmul",
                    f.scalar("fsub", share, x0),
                    f.scalar("fadd", first, f.scalar("fmul", bend, f.scalar("fsub", share, x1))),
                ),
            )
            span = f.scalar("fsub", f.larger(g0, f.larger(g1, g2)), f.smaller(g0, f.smaller(g1, g2)))
            flips = f.new(f"fcmp ole double {f.scalar('fmul', value, g1)}, {double(0.0)}")
            near = f.new(f"fcmp ole double {self.lanes.magnitude(value)}, {f.scalar('fmul', span, double(NEAR_ZERO))}")
            inner = f.larger(f.smaller(share, double(1 - INNERMOST)), double(INNERMOST))
            beside = f.new(f"fcmp ole double {self.lanes.magnitude(f.scalar('fsub', share, inner))}, {double(0.25)}")
            fresh = f.new(f"fcmp one double {inner}, {x1}")
            within = f.logic_and(f.new(f"fcmp ogt double {inner}, {x0}"), f.new(f"fcmp olt double {inner}, {x2}"))
            worth = f.logic_and(f.logic_and(f.new(f"or i1 {flips}, {near}"), beside), f.logic_and(fresh, within))
            f.leave_if(f.new(f"xor i1 {worth}, true"), done)
            self._look(t, h, inner, "probe")
            f.leave_if(self.found.get(), out)
            seen = self._gap("probe", place)
            # the new point takes the place of the end on its far side, or of the middle's neighbour
            better = f.new(f"fcmp olt double {self.lanes.magnitude(seen)}, {self.lanes.magnitude(g1)}")
            below = f.new(f"fcmp olt double {inner}, {x1}")
            to_left = f.new(f"xor i1 {better}, {below}")  # whether the point (or the middle) becomes the left end
            ends = (f.scalar_select(better, x1, inner), f.scalar_select(better, g1, seen))
            middle = (f.scalar_select(better, inner, x1), f.scalar_select(better, seen, g1))
            for target, old, new, mid in ((x, (x0, x2), ends[0], middle[0]), (g, (g0, g2), ends[1], middle[1])):
                target[0].set(f.scalar_select(to_left, new, old[0]))
                target[2].set(f.scalar_select(to_left, old[1], new))
                target[1].set(mid)
