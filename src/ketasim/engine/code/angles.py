"""Large angles: the remainder of x by pi/2 for any finite x, after Payne and Hanek.

x = m 2^e with a whole m below 2^53. Of x 2/pi only the part below 4 matters; so the bits of 2/pi that give multiples of 4
are left out, 256 of the others are multiplied by m as whole numbers, and the product holds the quadrant in its first two bits and
the remainder, in units of pi/2, in the others. No double comes nearer than 2^-62 to a multiple of pi/2, so that enough bits
are left. (Payne & Hanek, Radian reduction for trigonometric functions, ACM SIGNUM Newsletter 18(1), 19-24, 1983,
doi 10.1145/1057600.1057602; Muller, Elementary Functions, 3rd ed. 2016, section 11.4.)
"""

from __future__ import annotations

from functools import cache

from .emit import Function, double

NAME = "large_angle"
WORDS = 24  # of 64 bits; the largest double needs 21
PADDING = 64  # zero bits before the point, for numbers with a fraction
HALF_PI = (1.5707963267948966, 6.123233995736766e-17)


@cache
def two_over_pi(bits: int) -> int:
    """floor(2/pi 2^bits), pi by Machin's formula 16 arctan(1/5) - 4 arctan(1/239)."""
    guard = bits + 64

    def arctan(inverse: int) -> int:
        power = total = (1 << guard) // inverse
        k = 1
        while power:
            power //= -(inverse * inverse)
            k += 2
            total += power // k
            if abs(power) < 2:
                break
        return total

    pi = 16 * arctan(5) - 4 * arctan(239)
    return (1 << (guard + bits + 1)) // pi


def _words() -> list[int]:
    whole = two_over_pi(64 * WORDS - PADDING)
    mask = (1 << 64) - 1
    return [whole >> (64 * (WORDS - 1 - i)) & mask for i in range(WORDS)]


def write_large_angle(f: Function) -> None:
    """`large_angle(x, r, q)` into the module, once: the remainder in (-pi/4, pi/4) and the quadrant as i64."""
    module = f.module
    if any(part.startswith(f"define void @{NAME}(") for part in module.parts):
        return
    words = ", ".join(f"i64 {w}" for w in _words())
    module.parts.append(f"@two_over_pi = internal constant [{WORDS} x i64] [{words}]")
    with Function(module, NAME, [("double", "x"), ("ptr", "r"), ("ptr", "q")], "nounwind noinline") as g:
        _reduce(g)


def _reduce(g: Function) -> None:
    bits = g.new("bitcast double %x to i64")
    raised = g.scalar("and", g.scalar("lshr", bits, "52", "i64"), "2047", "i64")
    g.store("double", "%r", 0, double(float("nan")))
    g.store("i64", "%q", 0, "0")
    with g.when(g.new(f"icmp ne i64 {raised}, 2047")):
        whole = g.scalar("or", g.scalar("and", bits, str((1 << 52) - 1), "i64"), str(1 << 52), "i64")
        # the bit of weight 2 in x 2/pi is number e - 1 behind the point, with e = raised - 1075
        place = g.scalar("add", raised, str(PADDING - 1 - 1 - 1075), "i64")
        word, shift = g.scalar("lshr", place, "6", "i64"), g.scalar("and", place, "63", "i64")
        table = [g.load("i64", "@two_over_pi", g.scalar("add", word, str(i), "i64")) for i in range(5)]
        part = [_shifted(g, table[i], table[i + 1], shift) for i in range(4)]
        product = _product(g, part, whole)
        quadrant = g.scalar("lshr", product[0], "62", "i64")
        rest = [_shifted(g, a, b, "2") for a, b in zip(product, [*product[1:], "0"], strict=True)]
        below = g.new(f"icmp slt i64 {rest[0]}, 0")
        quadrant = g.scalar("add", quadrant, g.new(f"zext i1 {below} to i64"), "i64")
        remainder = _in_radians(g, rest)
        negative = g.new(f"icmp slt i64 {bits}, 0")
        g.store("double", "%r", 0, g.scalar_select(negative, g.new(f"fneg double {remainder}"), remainder))
        turned = g.scalar("sub", "0", quadrant, "i64")
        g.store("i64", "%q", 0, g.scalar_select(negative, turned, quadrant, "i64"))


def _shifted(g: Function, high: str, low: str, by: str) -> str:
    return g.call("llvm.fshl.i64", "i64", ("i64", high), ("i64", low), ("i64", by))


def _product(g: Function, words: list[str], factor: str) -> list[str]:
    """The last 256 bits of a number of four words, highest first, times a word."""
    wide = g.new(f"zext i64 {factor} to i128")
    carry, result = "0", list[str]()
    for word in reversed(words):
        term = g.scalar("mul", g.new(f"zext i64 {word} to i128"), wide, "i128")
        total = g.scalar("add", term, carry, "i128")
        result.insert(0, g.new(f"trunc i128 {total} to i64"))
        carry = g.scalar("lshr", total, "64", "i128")
    return result


def _in_radians(g: Function, rest: list[str]) -> str:
    """A signed fraction of four words times pi/2: pieces of 32 bits, summed in two doubles."""
    pieces = []
    for i, word in enumerate(rest[:3]):
        half = g.scalar("ashr" if i == 0 else "lshr", word, "32", "i64")
        for k, piece in enumerate((half, g.scalar("and", word, str((1 << 32) - 1), "i64"))):
            value = g.new(f"sitofp i64 {piece} to double")
            pieces.append(g.scalar("fmul", value, double(2.0 ** -(32 * (2 * i + k + 1)))))
    a, b, *small = pieces
    high = g.scalar("fadd", a, b)
    low = g.scalar("fadd", g.scalar("fsub", a, high), b)
    tail = small[-1]
    for piece in reversed(small[:-1]):
        tail = g.scalar("fadd", piece, tail)
    low = g.scalar("fadd", low, tail)
    fine = g.scalar("fadd", g.scalar("fmul", high, double(HALF_PI[1])), g.scalar("fmul", low, double(HALF_PI[0])))
    return g.scalar("fadd", g.scalar("fmul", high, double(HALF_PI[0])), fine)
