"""Elementary functions on vectors, written out as instructions: no C library is called, results are the same everywhere.

Error bounds (measured by `tests/unit/engine/test_functions.py` against mpmath, for results that are normal numbers):

    exp, ln, tanh, sin, cos, atan, sinh, cosh    at most 3 ulp (float64), 4 ulp (float32)
    asin, acos, asinh, acosh, atanh              at most 6 ulp
    x^y                                          at most 3 + 2 |y ln x| ulp

Results below the normal range are 0. sin and cos hold for every finite x (`angles`). A negative base with a fractional exponent, and the root of a negative number, are NaN; with a `slack`
they count as zero down to -slack: such numbers are integration error around an empty compartment (see `slack`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import polynomials as poly
from .angles import NAME, write_large_angle
from .emit import Function, double

INFINITY, NAN = float("inf"), float("nan")


def evaluate(f: Function, x: str, coefficients: Sequence[float]) -> str:
    """Polynomial with the lowest coefficient first: pairs in x, then Horner in x^2 (shorter chains than Horner in x)."""
    c = [f.splat_number(v) for v in coefficients]
    if len(c) < 4:
        result = c[-1]
        for other in reversed(c[:-1]):
            result = f.muladd(result, x, other)
        return result
    square = f.mul(x, x)
    pairs = [f.muladd(c[i + 1], x, c[i]) if i + 1 < len(c) else c[i] for i in range(0, len(c), 2)]
    result = pairs[-1]
    for other in reversed(pairs[:-1]):
        result = f.muladd(result, square, other)
    return result


def absolute(f: Function, x: str) -> str:
    return f.intrinsic("fabs", x)


def with_sign(f: Function, magnitude: str, sign: str) -> str:
    v = f.vector
    return f.call(f"llvm.copysign.{f.module.suffix}", v, (v, magnitude), (v, sign))


def _bits(f: Function, x: str) -> str:
    return f.new(f"bitcast {f.vector} {x} to {f.integers}")


def _from_bits(f: Function, x: str) -> str:
    return f.new(f"bitcast {f.integers} {x} to {f.vector}")


def _integer(f: Function, value: int) -> str:
    kind = "i64" if f.real == "double" else "i32"
    return "<" + ", ".join([f"{kind} {value}"] * f.module.width) + ">"


def rough_reciprocal(f: Function, x: str) -> str:
    """1/x of a normal number to 0.3 %, without division: exponent and mantissa subtracted as bits, one Newton step.

    An infinite x gives an infinite result, so that it cannot hide in a ratio. For error norms only.
    """
    magic = 0x7FDE623822FC16E6 if f.real == "double" else 0x7EF311C7
    guess = _from_bits(f, f.new(f"sub {f.integers} {_integer(f, magic)}, {_bits(f, x)}"))
    return f.mul(guess, f.muladd(f.neg(x), guess, f.splat_number(2.0)))


def exp(f: Function, x: str) -> str:
    """e^x = 2^n e^r, r = x - n ln 2. The factor 2^n is built from the bits of the rounded n."""
    double = f.real == "double"
    low, high = (-707.7, 709.79) if double else (-86.5, 88.73)
    magic, shift, half = (1.5 * 2.0**52, 52, 0x3FE0 << 48) if double else (1.5 * 2.0**23, 23, 0x3F00 << 16)
    under = f.compare("olt", x, f.splat_number(low))
    over = f.compare("ogt", x, f.splat_number(high))
    y = f.select(under, f.splat_number(low), x)
    y = f.select(over, f.splat_number(high), y)
    raised = f.muladd(y, f.splat_number(poly.LOG2_E), f.splat_number(magic))
    n = f.sub(raised, f.splat_number(magic))
    r = f.muladd(n, f.splat_number(-poly.LN2_HIGH[f.real]), y)
    r = f.muladd(n, f.splat_number(-poly.LN2_LOW[f.real]), r)
    # twice e^r, and half of 2^n, so that n = 1024 still has a representable factor
    tail = evaluate(f, r, [2.0 * c for c in poly.EXP[f.real]])
    both = f.muladd(f.mul(r, r), tail, f.add(r, r))
    both = f.add(both, f.splat_number(2.0))
    bits = f.new(f"shl {f.integers} {_bits(f, raised)}, {_integer(f, shift)}")
    bits = f.new(f"add {f.integers} {bits}, {_integer(f, half)}")
    result = f.mul(both, _from_bits(f, bits))
    return f.select(under, f.splat_number(0.0), result)


def log_positive(f: Function, x: str) -> str:
    """ln x for 0 < x <= largest number; fdlibm's arrangement of s = f/(2+f) with own coefficients."""
    double = f.real == "double"
    one, middle, shift, mantissa_one = (
        (0x3FF0 << 48, 0x3FE6A09E667F3BCD, 52, 0x4330 << 48) if double else (0x3F800000, 0x3F3504F3, 23, 0x4B000000)
    )
    offset = (2.0**52 + 1023.0) if double else (2.0**23 + 127.0)
    bits = _bits(f, x)
    moved = f.new(f"add {f.integers} {bits}, {_integer(f, one - middle)}")
    biased = f.new(f"lshr {f.integers} {moved}, {_integer(f, shift)}")
    k = f.sub(_from_bits(f, f.new(f"or {f.integers} {biased}, {_integer(f, mantissa_one)}")), f.splat_number(offset))
    exponent = f.new(f"shl {f.integers} {biased}, {_integer(f, shift)}")
    reduced = f.new(f"sub {f.integers} {bits}, {exponent}")
    m = _from_bits(f, f.new(f"add {f.integers} {reduced}, {_integer(f, one)}"))
    t = f.sub(m, f.splat_number(1.0))
    s = f.div(t, f.add(t, f.splat_number(2.0)))
    z = f.mul(s, s)
    r = f.mul(z, evaluate(f, z, poly.LOG[f.real]))
    half_square = f.mul(f.mul(f.splat_number(0.5), t), t)
    inner = f.muladd(k, f.splat_number(poly.LN2_LOW[f.real]), f.mul(s, f.add(half_square, r)))
    outer = f.sub(f.sub(half_square, inner), t)
    return f.sub(f.mul(k, f.splat_number(poly.LN2_HIGH[f.real])), outer)


def log(f: Function, x: str) -> str:
    """ln x with ln 0 = -inf, ln of a negative number NaN, ln inf = inf; numbers below the normal range count as 0."""
    smallest = 2.2250738585072014e-308 if f.real == "double" else 1.1754943508222875e-38
    normal = f.compare("oge", x, f.splat_number(smallest))
    result = log_positive(f, x)
    at_zero = f.select(f.compare("oge", x, f.splat_number(0.0)), f.splat_number(-INFINITY), f.splat_number(NAN))
    result = f.select(normal, result, at_zero)
    return f.select(f.compare("oeq", x, f.splat_number(INFINITY)), x, result)


def log1p(f: Function, u: str) -> str:
    """ln(1+u) without loss near 0 (Kahan): ln(w) u / (w - 1) with w = 1 + u rounded."""
    w = f.add(u, f.splat_number(1.0))
    exact = f.compare("oeq", w, f.splat_number(1.0))
    difference = f.select(exact, f.splat_number(1.0), f.sub(w, f.splat_number(1.0)))
    finite = f.compare("olt", w, f.splat_number(INFINITY))
    corrected = f.select(finite, f.div(u, difference), f.splat_number(1.0))
    return f.select(exact, u, f.mul(log(f, w), corrected))


def power(f: Function, x: str, y: str, sign: str, slack: str = "") -> str:
    """x^y; `sign` is 1, -1 or NaN: the factor of a negative base for even, odd and fractional y."""
    magnitude = absolute(f, x)
    result = exp(f, f.mul(y, log(f, magnitude)))
    negative = f.compare("olt", x, f.splat_number(0.0))
    factor = sign
    if slack:
        fractional = f.compare("uno", sign, sign)
        tiny = f.compare("oge", x, f.neg(slack))
        factor = f.select(f.logic("and", tiny, fractional), f.splat_number(0.0), sign)
    result = f.select(negative, f.mul(result, factor), result)
    unbounded = f.compare("une", x, x)
    result = f.select(unbounded, x, result)
    return f.select(f.compare("oeq", y, f.splat_number(0.0)), f.splat_number(1.0), result)


def power_sign(f: Function, y: str) -> str:
    """1 for even, -1 for odd, NaN for fractional y."""
    half = f.mul(y, f.splat_number(0.5))
    even = f.compare("oeq", f.intrinsic("rint", half), half)
    whole = f.compare("oeq", f.intrinsic("rint", y), y)
    odd = f.select(whole, f.splat_number(-1.0), f.splat_number(NAN))
    return f.select(even, f.splat_number(1.0), odd)


def sqrt(f: Function, x: str, slack: str = "") -> str:
    if not slack:
        return f.intrinsic("sqrt", x)
    negative = f.compare("olt", x, f.splat_number(0.0))
    tiny = f.logic("and", negative, f.compare("oge", x, f.neg(slack)))
    return f.intrinsic("sqrt", f.select(tiny, f.splat_number(0.0), x))


def _sine(f: Function, x: str, quarter: int) -> str:
    """sin(x + quarter pi/2): reduction by multiples of pi/2, then the sine or cosine polynomial by quadrant.

    A register with an angle beyond 2^20 pi/2 (float32: 2^12 pi/2) takes the long way for it, one lane at a time.
    """
    double = f.real == "double"
    magic = 1.5 * 2.0**52 if double else 1.5 * 2.0**23
    largest = 2.0**20 if double else 2.0**12
    raised = f.muladd(x, f.splat_number(0.6366197723675814), f.splat_number(magic))
    n = f.sub(raised, f.splat_number(magic))
    r = x
    for part in poly.HALF_PI[f.real]:
        r = f.muladd(n, f.splat_number(-part), r)
    r, turns = _far_lanes(f, x, r, _bits(f, raised), largest * 1.5707963267948966)
    z = f.mul(r, r)
    sine = f.muladd(f.mul(r, z), evaluate(f, z, poly.SIN[f.real]), r)
    half = f.muladd(z, f.splat_number(-0.5), f.splat_number(1.0))
    # 1 - z/2 loses bits; what it lost is added back
    lost = f.sub(f.sub(f.splat_number(1.0), half), f.mul(z, f.splat_number(0.5)))
    cosine = f.add(half, f.muladd(f.mul(z, z), evaluate(f, z, poly.COS[f.real]), lost))
    quadrant = f.new(f"add {f.integers} {turns}, {_integer(f, quarter)}")
    is_cosine = _bit(f, quadrant, 1)
    is_negative = _bit(f, quadrant, 2)
    result = f.select(is_cosine, cosine, sine)
    return f.select(is_negative, f.neg(result), result)


def _far_lanes(f: Function, x: str, r: str, turns: str, largest: float) -> tuple[str, str]:
    """Remainder and quadrant, in the lanes in which |x| is above `largest` by `angles.large_angle`."""
    write_large_angle(f)
    width, whole = f.module.width, "i64" if f.real == "double" else "i32"
    remainder, quadrant = f.variable(f.vector, r), f.variable(f.integers, turns)
    far = f.compare("ugt", absolute(f, x), f.splat_number(largest))
    with f.when(f.call(f"llvm.vector.reduce.or.v{width}i1", "i1", (f.mask, far))):
        angles, found, quarters = f.variable(f.vector, x), f.variable(f.vector, r), f.variable(f.integers, turns)
        one, turn = f.variable("double"), f.variable("i64")
        with f.loop(width) as lane:
            angle = f.load(f.real, angles.name, lane)
            angle = angle if f.real == "double" else f.new(f"fpext float {angle} to double")
            size = f.call("llvm.fabs.f64", "double", ("double", angle))
            with f.when(f.new(f"fcmp ugt double {size}, {double(largest)}")):
                f.call(NAME, "void", ("double", angle), ("ptr", one.name), ("ptr", turn.name))
                value, count = one.get(), turn.get()
                if f.real == "float":
                    value, count = f.new(f"fptrunc double {value} to float"), f.new(f"trunc i64 {count} to i32")
                f.store(f.real, found.name, lane, value)
                f.store(whole, quarters.name, lane, count)
        remainder.set(found.get())
        quadrant.set(quarters.get())
    return remainder.get(), quadrant.get()


def _bit(f: Function, integers: str, mask: int) -> str:
    kept = f.new(f"and {f.integers} {integers}, {_integer(f, mask)}")
    return f.new(f"icmp ne {f.integers} {kept}, zeroinitializer")


def sin(f: Function, x: str) -> str:
    return _sine(f, x, 0)


def cos(f: Function, x: str) -> str:
    return _sine(f, x, 1)


def _odd(f: Function, x: str, coefficients: Sequence[float]) -> str:
    z = f.mul(x, x)
    return f.muladd(f.mul(x, z), evaluate(f, z, coefficients), x)


def tanh(f: Function, x: str) -> str:
    """Odd polynomial up to 0.3, then 1 - 2/(e^{2|x|} + 1)."""
    magnitude = absolute(f, x)
    e = exp(f, f.add(magnitude, magnitude))
    far = f.sub(f.splat_number(1.0), f.div(f.splat_number(2.0), f.add(e, f.splat_number(1.0))))
    near = f.compare("olt", magnitude, f.splat_number(0.3))
    return f.select(near, _odd(f, x, poly.TANH[f.real]), with_sign(f, far, x))


def _halves(f: Function, magnitude: str) -> tuple[str, str]:
    """e^|x| / 2 and e^-|x| / 2."""
    e = exp(f, magnitude)
    return f.mul(e, f.splat_number(0.5)), f.div(f.splat_number(0.5), e)


def sinh(f: Function, x: str) -> str:
    magnitude = absolute(f, x)
    up, down = _halves(f, magnitude)
    near = f.compare("olt", magnitude, f.splat_number(1.0))
    return f.select(near, _odd(f, x, poly.SINH[f.real]), with_sign(f, f.sub(up, down), x))


def cosh(f: Function, x: str) -> str:
    up, down = _halves(f, absolute(f, x))
    return f.add(up, down)


def atan(f: Function, x: str) -> str:
    """Reduced to |x| <= tan(pi/8) by arctan x = pi/4 + arctan((x-1)/(x+1)) and pi/2 - arctan(1/x)."""
    magnitude = absolute(f, x)
    one = f.splat_number(1.0)
    middle = f.compare("ogt", magnitude, f.splat_number(0.41421356237309503))
    far = f.compare("ogt", magnitude, f.splat_number(2.414213562373095))
    upper = f.select(far, f.splat_number(-1.0), f.sub(magnitude, one))
    lower = f.select(far, magnitude, f.add(magnitude, one))
    reduced = f.select(middle, f.div(upper, lower), magnitude)
    quarter, half = f.splat_number(0.7853981633974483), f.splat_number(1.5707963267948966)
    base = f.select(far, half, f.select(middle, quarter, f.splat_number(0.0)))
    # the part of pi/4 and pi/2 beyond the first 53 bits
    rest = f.select(
        far,
        f.splat_number(6.123233995736766e-17),
        f.select(middle, f.splat_number(3.061616997868383e-17), f.splat_number(0.0)),
    )
    value = f.add(base, f.add(rest, _odd(f, reduced, poly.ATAN[f.real])))
    return with_sign(f, value, x)


def asin(f: Function, x: str) -> str:
    one = f.splat_number(1.0)
    root = f.intrinsic("sqrt", f.mul(f.sub(one, x), f.add(one, x)))
    return atan(f, f.div(x, root))


def acos(f: Function, x: str) -> str:
    one = f.splat_number(1.0)
    half = atan(f, f.intrinsic("sqrt", f.div(f.sub(one, x), f.add(one, x))))
    return f.add(half, half)


def asinh(f: Function, x: str) -> str:
    magnitude, one = absolute(f, x), f.splat_number(1.0)
    square = f.mul(magnitude, magnitude)
    root = f.intrinsic("sqrt", f.add(square, one))
    u = f.add(magnitude, f.div(square, f.add(root, one)))
    return with_sign(f, log1p(f, u), x)


def acosh(f: Function, x: str) -> str:
    t = f.sub(x, f.splat_number(1.0))
    root = f.intrinsic("sqrt", f.muladd(t, t, f.add(t, t)))
    return log1p(f, f.add(t, root))


def atanh(f: Function, x: str) -> str:
    magnitude, one = absolute(f, x), f.splat_number(1.0)
    ratio = f.div(f.add(magnitude, magnitude), f.sub(one, magnitude))
    return with_sign(f, f.mul(f.splat_number(0.5), log1p(f, ratio)), x)


UNARY: dict[str, Callable[..., str]] = {
    "exp": exp,
    "ln": log,
    "sqrt": sqrt,
    "abs": absolute,
    "sin": sin,
    "cos": cos,
    "tanh": tanh,
    "sinh": sinh,
    "cosh": cosh,
    "atan": atan,
    "asin": asin,
    "acos": acos,
    "asinh": asinh,
    "acosh": acosh,
    "atanh": atanh,
    "power_sign": power_sign,
    "floor": lambda f, x: f.intrinsic("floor", x),
    "ceil": lambda f, x: f.intrinsic("ceil", x),
    "trunc": lambda f, x: f.intrinsic("trunc", x),
}
