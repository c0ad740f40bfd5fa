"""The first step of a segment, and behind a switch: from the rates there."""

from __future__ import annotations

from . import functions
from .emit import double
from .lanes import Lanes, Method
from .record import VALUES

FIRST_CHANGE = 0.1  # a first step changes the state by this share of its size at most, or by one tolerance
UNSEEN = 1e-3


def bound_step(lanes: Lanes, method: Method, begin: str, end: str) -> None:
    """h <= max(FIRST_CHANGE |y|, 1) / |f| in units of the tolerances, in every live lane.

    An L-stable step much longer than that damps a fast rotation to nothing, and its error estimate sees nothing. Where the
    tolerance is a share of the largest |y| so far, a state that has been 0 up to now has the size of a guess.
    """
    f, y = lanes.f, lanes.here.get()
    shift = method.slopes(begin, end)
    sizes, rates = (f.variable(f.vector, f.splat_number(0.0)) for _ in range(2))
    relative, wide = f.splat(lanes.job["relative"]), f.splat(shift)
    _guess_sizes(lanes, wide, f.splat(f.scalar("fsub", end, begin)))
    with f.loop(lanes.n) as i:
        value = f.load_vector(y, i)
        absolute = lanes.tolerance(i, f.load_vector(lanes.at["peak"], i))
        weight = f.div(f.splat_number(1.0), f.muladd(relative, functions.absolute(f, value), absolute))
        size = f.mul(value, weight)
        rate = f.mul(f.mul(f.load_vector(lanes.at["u0"], i), wide), weight)
        sizes.set(f.muladd(size, size, sizes.get()))
        rates.set(f.muladd(rate, rate, rates.get()))
    count = f.splat_number(float(max(lanes.n, 1)))
    moved = f.mul(sizes.get(), f.splat_number(FIRST_CHANGE**2))
    moved = f.select(f.compare("ogt", moved, count), moved, count)
    square = f.div(rates.get(), moved)  # of 1 / h
    usable = f.logic("and", f.compare("olt", square, f.splat_number(float("inf"))), lanes.alive.get())
    square = f.select(usable, square, f.splat_number(0.0))
    fastest = f.call(f"llvm.vector.reduce.fmax.{f.module.suffix}", f.real, (f.vector, square))
    if f.real == "float":
        fastest = f.new(f"fpext float {fastest} to double")
    fastest = f.call("llvm.sqrt.f64", "double", ("double", fastest))
    lanes.h.set(f.smaller(lanes.h.get(), f.scalar("fdiv", double(1.0), fastest)))


def _guess_sizes(lanes: Lanes, wide: str, length: str) -> None:
    """Sizes of the states that have been 0 up to now, for tolerances that are shares of sizes.

    UNSEEN of what the rate gives in this segment; where the rate is 0 too, UNSEEN of the smallest size of the others, or of 1.
    """
    f, y = lanes.f, lanes.here.get()
    unseen, nothing = f.splat_number(UNSEEN), f.splat_number(0.0)
    smallest = f.variable(f.vector, f.splat_number(float("inf")))
    with f.when(f.new(f"icmp ne i64 {lanes.job['sizes']}, {VALUES}")):
        with f.loop(lanes.n) as i:
            now, peak = functions.absolute(f, f.load_vector(y, i)), f.load_vector(lanes.at["peak"], i)
            peak = f.select(f.compare("ogt", now, peak), now, peak)
            f.store_vector(lanes.at["peak"], i, peak)
            gained = functions.absolute(f, f.mul(f.mul(f.load_vector(lanes.at["u0"], i), wide), length))
            known = f.compare("ogt", peak, nothing)
            guess = f.select(known, nothing, f.mul(gained, unseen))
            guess = f.select(f.compare("olt", guess, f.splat_number(float("inf"))), guess, nothing)
            f.store_vector(lanes.at["floor"], i, guess)
            size = f.select(known, peak, guess)
            least = f.logic("and", f.compare("ogt", size, nothing), f.compare("olt", size, smallest.get()))
            smallest.set(f.select(least, size, smallest.get()))
        endless = f.compare("olt", smallest.get(), f.splat_number(float("inf")))
        smallest.set(f.mul(unseen, f.select(endless, smallest.get(), f.splat_number(1.0))))
        with f.loop(lanes.n) as i:
            guess, peak = f.load_vector(lanes.at["floor"], i), f.load_vector(lanes.at["peak"], i)
            none = f.logic("and", f.compare("ole", guess, nothing), f.compare("ole", peak, nothing))
            f.store_vector(lanes.at["floor"], i, f.select(none, smallest.get(), guess))
