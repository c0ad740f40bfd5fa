"""Whether the errors of many steps have added up to the size of the states.

Step control bounds the error of one step. Where nothing forgets it (an oscillation that does not decay, a phase, a sum), the
errors of many steps add up, and an L-stable method damps an oscillation a little in each step until nothing is left of it:
every step was within its tolerance, the result is wrong. So the norms of the step errors are added up, which costs next to
nothing. Only when their sum reaches BEGIN of the states, which takes thousands of steps at a loose tolerance, is the error
itself carried along, by the linear equation of its transport,

    d_{n+1} = R(h J) d_n + e_n,    R(z) = sum_k c_k w^k,    w = 1/(1 - gamma z),

e_n the error estimate of the step and R the stability function of the method, so that errors are carried along and
forgotten as the states are; it uses the factors of the step. A person in whom some |d_i| is beyond ALLOWED sizes of its
state for LASTING steps is tried again with a tighter tolerance, and reported if that happens again. The estimate belongs to
the embedded method of lower order, which is less accurate than the result. It is linear: the lost phase of a relaxation
oscillation, which changes nothing while the states rest, can pass unseen. (On accumulated errors: Hairer, Norsett & Wanner,
Solving Ordinary Differential Equations I, 2nd ed. 1993, section II.3, doi 10.1007/978-3-540-78862-1.)
"""

from __future__ import annotations

from . import functions
from .emit import double
from .lanes import Lanes
from .record import DRIFTED
from .rosenbrock import Rosenbrock

BEGIN = 0.2  # sum of the errors of all steps, relative to the states, at which they are carried along
ALLOWED = 3.0  # sizes of a state; on a rotation the estimate is 5 to 12 times the true error
LASTING = 100.0  # steps in a row: a passing spike that comes early or late is no loss of the course
MEMORY = 0.999  # per step: the size of a state is the largest lately, since an oscillation passes zero


class Drift:
    """The part of the stepping loop that watches accumulated errors."""

    def __init__(self, lanes: Lanes, method: Rosenbrock) -> None:
        self.lanes, self.tableau, f = lanes, method.tableau, lanes.f
        self.sum = f.variable(
            "double", double(0.0)
        )  # of the largest error in the register, which bounds that of each person
        self.active = f.variable("i1", "false")
        self.lasting = f.variable(f.vector, f.splat_number(0.0))
        self.limit = f.scalar("fdiv", double(BEGIN), lanes.job["relative"])

    def accepted(self, h: str, error: str) -> None:
        """After a step: `error` is the largest of its lanes, in tolerances."""
        f = self.lanes.f
        total = f.scalar("fadd", self.sum.get(), error)
        self.sum.set(total)
        with f.when(f.new(f"fcmp ogt double {total}, {self.limit}")):
            self._carry(h)

    def _carry(self, h: str) -> None:
        f, s = self.lanes.f, self.lanes
        drift, size = s.at["drift"], s.at["size"]
        with f.when(f.new(f"xor i1 {self.active.get()}, true")):
            with f.loop(s.n) as i:
                f.store_vector(drift, i, f.splat_number(0.0))
                f.store_vector(size, i, f.splat_number(0.0))
            self.active.set("true")
        self._transport(h)
        worst = f.variable(f.vector, f.splat_number(0.0))
        relative = f.splat(s.job["relative"])
        with f.loop(s.n) as i:
            moved = f.add(f.load_vector(drift, i), f.load_vector(s.at[f"u{self.tableau.stages - 1}"], i))
            f.store_vector(drift, i, moved)
            now, before = functions.absolute(f, f.load_vector(s.here.get(), i)), f.load_vector(size, i)
            before = f.mul(before, f.splat_number(MEMORY))
            now = f.select(f.compare("ogt", now, before), now, before)
            f.store_vector(size, i, now)
            allowed = f.muladd(relative, now, s.tolerance(i, f.load_vector(s.at["peak"], i)))
            share = f.div(f.mul(relative, functions.absolute(f, moved)), allowed)
            worst.set(f.select(f.compare("ogt", share, worst.get()), share, worst.get()))
        one = f.splat_number(1.0)
        self.lasting.set(
            f.select(
                f.compare("ogt", worst.get(), f.splat_number(ALLOWED)),
                f.add(self.lasting.get(), one),
                f.splat_number(0.0),
            )
        )
        lost = f.logic("and", f.compare("oge", self.lasting.get(), f.splat_number(LASTING)), s.alive.get())
        with f.when(s.any(lost)):
            s.switch_off(lost, DRIFTED)

    def _transport(self, h: str) -> None:
        """R(h J) applied to the drift, with the factors of the step."""
        f, s = self.lanes.f, self.lanes
        power, drift, weights = s.at["power"], s.at["drift"], self.tableau.stability
        assert abs(weights[0]) < 1e-9  # L-stable
        scale = f.splat(f.scalar("fdiv", double(1.0), f.scalar("fmul", h, double(self.tableau.gamma))))
        with f.loop(s.n) as i:
            f.store_vector(power, i, f.load_vector(drift, i))
            f.store_vector(drift, i, f.splat_number(0.0))
        for weight in weights[1:]:
            with f.loop(s.n) as i:
                f.store_vector(power, i, f.mul(scale, f.load_vector(power, i)))
            f.call("substitute_again", "void", ("ptr", s.at["q"]), ("ptr", s.at["lu"]), ("ptr", power))
            with f.loop(s.n) as i:
                total = f.muladd(f.splat_number(weight), f.load_vector(power, i), f.load_vector(drift, i))
                f.store_vector(drift, i, total)
