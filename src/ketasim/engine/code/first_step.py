"""The first step of a segment, and behind a switch: from the rates there."""

from __future__ import annotations

from . import functions
from .emit import double
from .lanes import Lanes, Method
from .record import VALUES

FIRST_CHANGE = 0.1  # a first step changes the state by this share of its size at most, or by one tolerance
UNSEEN = 1e-6


def bound_step(lanes: Lanes, method: Method, begin: str, end: str) -> None:
    """h <= max(FIRST_CHANGE |y|, 1) / |f| in units of the tolerances, in every live lane.

    An L-stable step much longer than that damps a fast rotation to nothing, and its error estimate sees nothing. Where the
    tolerance is a share of the largest |y| so far and a state has been 0 up to now, its size is guessed from below: that of the
    smallest other state, or what its rate gives in UNSEEN of the segment.
    """
    f, y = lanes.f, lanes.here.get()
    shift = method.slopes(begin, end)
    sizes, rates = (f.variable(f.vector, f.splat_number(0.0)) for _ in range(2))
    relative, wide = f.splat(lanes.job["relative"]), f.splat(shift)
    unseen = f.splat(f.scalar("fmul", f.scalar("fsub", end, begin), double(UNSEEN)))
    smallest = f.variable(f.vector, f.splat_number(float("inf")))
    with f.when(f.new(f"icmp ne i64 {lanes.job['sizes']}, {VALUES}")), f.loop(lanes.n) as i:
        now, peak = functions.absolute(f, f.load_vector(y, i)), f.load_vector(lanes.at["peak"], i)
        peak = f.select(f.compare("ogt", now, peak), now, peak)
        f.store_vector(lanes.at["peak"], i, peak)
        smaller = f.compare("olt", peak, smallest.get())
        seen = f.logic("and", smaller, f.compare("ogt", peak, f.splat_number(0.0)))
        smallest.set(f.select(seen, peak, smallest.get()))
    with f.loop(lanes.n) as i:
        value, peak = f.load_vector(y, i), f.load_vector(lanes.at["peak"], i)
        guess = f.mul(functions.absolute(f, f.mul(f.load_vector(lanes.at["u0"], i), wide)), unseen)
        guess = f.select(f.compare("olt", guess, smallest.get()), guess, smallest.get())
        peak = f.select(f.compare("ogt", peak, f.splat_number(0.0)), peak, guess)
        absolute = lanes.tolerance(i, peak)
        weight = f.div(f.splat_number(1.0), f.muladd(relative, functions.absolute(f, value), absolute))
        size = f.mul(value, weight)
        rate = f.mul(f.mul(f.load_vector(lanes.at["u0"], i), wide), weight)
        sizes.set(f.muladd(size, size, sizes.get()))
        rates.set(f.muladd(rate, rate, rates.get()))
    count = f.splat_number(float(max(lanes.n, 1)))
    moved = f.mul(lanes.together(sizes.get()), f.splat_number(FIRST_CHANGE**2))
    moved = f.select(f.compare("ogt", moved, count), moved, count)
    square = f.div(lanes.together(rates.get()), moved)  # of 1 / h
    usable = f.logic("and", f.compare("olt", square, f.splat_number(float("inf"))), lanes.alive.get())
    square = f.select(usable, square, f.splat_number(0.0))
    fastest = f.call(f"llvm.vector.reduce.fmax.{f.module.suffix}", f.real, (f.vector, square))
    if f.real == "float":
        fastest = f.new(f"fpext float {fastest} to double")
    fastest = f.call("llvm.sqrt.f64", "double", ("double", fastest))
    lanes.h.set(f.smaller(lanes.h.get(), f.scalar("fdiv", double(1.0), fastest)))
