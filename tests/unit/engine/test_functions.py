"""Elementary functions against mpmath, in units in the last place."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache

import mpmath
import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.engine import Schedule, api, compile_model
from ketasim.engine.code import functions, machine
from ketasim.engine.code.emit import Function, Module
from ketasim.engine.code.machine import Code, build_object, load_object

mpmath.mp.prec = 160
REALS = ("double", "float")
NAMES = [n for n in functions.UNARY if n not in ("floor", "ceil", "trunc", "abs", "power_sign")]


@cache
def _code(real: str) -> Code:
    module = Module(4, real)
    for name, write in functions.UNARY.items():
        with Function(module, f"f_{name}", [("ptr", "x"), ("ptr", "o")]) as f:
            f.store_vector("%o", 0, write(f, f.load_vector("%x", 0)))
    with Function(module, "f_power", [("ptr", "x"), ("ptr", "e"), ("ptr", "o")]) as f:
        e = f.load_vector("%e", 0)
        f.store_vector("%o", 0, functions.power(f, f.load_vector("%x", 0), e, functions.power_sign(f, e)))
    with Function(module, "f_power_slack", [("ptr", "x"), ("ptr", "e"), ("ptr", "s"), ("ptr", "o")]) as f:
        x, e, s = (f.load_vector(n, 0) for n in ("%x", "%e", "%s"))
        f.store_vector("%o", 0, functions.power(f, x, e, functions.power_sign(f, e), s))
    with Function(module, "f_sqrt_slack", [("ptr", "x"), ("ptr", "s"), ("ptr", "o")]) as f:
        f.store_vector("%o", 0, functions.sqrt(f, f.load_vector("%x", 0), f.load_vector("%s", 0)))
    names = (*(f"f_{n}" for n in functions.UNARY), "f_power", "f_power_slack", "f_sqrt_slack")
    return load_object(build_object(module.text()), names)


def apply(name: str, real: str, *columns: np.ndarray) -> np.ndarray:
    kind = np.float64 if real == "double" else np.float32
    count = len(columns[0])
    padded = [np.zeros(count + 8, kind) for _ in range(len(columns) + 1)]
    for target, column in zip(padded, columns, strict=False):
        target[:count] = column
    aligned = [np.zeros(64 // kind().itemsize, kind) for _ in padded]
    starts = [a.ctypes.data + (-a.ctypes.data) % 32 for a in aligned]
    call = _code(real).function(f"f_{name}", *([ctypes.c_void_p] * len(starts)))
    for i in range(0, count, 4):
        for start, column in zip(starts[:-1], padded[:-1], strict=True):
            ctypes.memmove(start, column[i : i + 4].ctypes.data, 4 * kind().itemsize)
        call(*starts)
        ctypes.memmove(padded[-1][i : i + 4].ctypes.data, starts[-1], 4 * kind().itemsize)
    return padded[-1][:count].copy()


def ulps(result: np.ndarray, exact: list[mpmath.mpf]) -> np.ndarray:
    kind = result.dtype.type
    errors = []
    for got, true in zip(result, exact, strict=True):
        spacing = float(np.spacing(kind(abs(float(true))))) or 1.0
        errors.append(float(abs(mpmath.mpf(float(got)) - true) / mpmath.mpf(spacing)))
    return np.array(errors)


def samples(name: str, real: str) -> np.ndarray:
    rng = np.random.default_rng(7)
    wide = real == "double"
    n = 2000
    near = rng.normal(size=n) * 10.0 ** rng.uniform(-8, 0.5, n)
    positive = 10.0 ** rng.uniform(*((-300, 300) if wide else (-36, 36)), n)
    around = 1.0 + near * 1e-3
    if name == "exp":
        x = np.concatenate([near, rng.uniform(*((-700, 709) if wide else (-86, 88)), n)])
    elif name in ("ln", "sqrt"):
        x = np.concatenate([positive, around, np.abs(near) + 1e-9])
    elif name in ("sinh", "cosh"):
        x = np.concatenate([near, rng.uniform(*((-700, 700) if wide else (-80, 80)), n)])
    elif name in ("sin", "cos"):
        x = np.concatenate([near, rng.uniform(-1e3, 1e3, n)])
        if wide:
            x = np.concatenate([x, rng.uniform(-1e6, 1e6, n)])
    elif name in ("asin", "acos", "atanh"):
        x = np.clip(np.concatenate([near, rng.uniform(-1, 1, n)]), -0.9999, 0.9999)
    elif name == "acosh":
        x = 1.0 + np.abs(np.concatenate([near, rng.uniform(0, 1e3, n)])) + 1e-6
    else:
        x = np.concatenate([near, rng.uniform(-30, 30, n), np.sign(near) * positive[:n] ** 0.1])
    return x.astype(np.float64 if wide else np.float32)


BOUNDS = {"asin": 6, "acos": 6, "asinh": 6, "acosh": 6, "atanh": 6}


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", NAMES)
def test_error_in_ulp(name: str, real: str) -> None:
    x = samples(name, real)
    exact_function: Callable[[mpmath.mpf], mpmath.mpf] = getattr(mpmath, name)
    exact = [exact_function(mpmath.mpf(float(v))) for v in x]
    errors = ulps(apply(name, real, x), exact)
    if name in ("sin", "cos"):  # near a zero of the function the error is absolute
        small = np.array([abs(float(v)) < (1e-9 if real == "double" else 1e-2) for v in exact]) & (np.abs(x) > 1)
        errors = errors[~small]
    assert errors.max() <= BOUNDS.get(name, 3 if real == "double" else 4), (
        f"{errors.max():.2f} ulp at {x[errors.argmax()]}"
    )


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_of_large_angles(name: str, real: str) -> None:
    """Over the whole range of the arithmetic, to the last digits: small angles, large and larger in one register too."""
    rng = np.random.default_rng(11)
    wide = real == "double"
    size = 10.0 ** rng.uniform(0, 308.2 if wide else 38.5, 3000)
    # 6381956970095103 2^797 is the double nearest to a multiple of pi/2 (Muller 2016, section 11.2)
    special = (
        [6381956970095103 * 2.0**797, 2.0**1000, 1.7e308, 2e6, 1e9, 1e22] if wide else [3e38, 2.0**100, 1e5, 16367173.0]
    )
    x = np.concatenate([size * rng.choice([-1, 1], 3000), special]).astype(np.float64 if wide else np.float32)
    with mpmath.workprec(1300):
        exact = [getattr(mpmath, name)(mpmath.mpf(float(v))) for v in x]
        errors = ulps(apply(name, real, x), exact)
    # up to 2^20 pi/2 the remainder has the error of 2^-53 of the reduction in three parts: absolute near a zero
    far = np.abs(x) > (2.0**20 if wide else 2.0**12) * 1.5707963267948966
    assert errors[far].max() <= (3 if wide else 4), x[far][errors[far].argmax()]
    assert np.abs(apply(name, real, x)).max() <= 1


@pytest.mark.parametrize("real", REALS)
def test_power(real: str) -> None:
    rng = np.random.default_rng(5)
    kind = np.float64 if real == "double" else np.float32
    x = (10.0 ** rng.uniform(-9, 9, 4000)).astype(kind)
    y = rng.uniform(-3, 8, 4000).astype(kind)
    if real == "float":
        x = x ** kind(0.3)
    exact = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
    size = np.array([abs(float(mpmath.log(e))) for e in exact])
    errors = ulps(apply("power", real, x, y), exact)
    assert (errors <= 3 + 2 * size).all()


@pytest.mark.parametrize("real", REALS)
def test_special_values(real: str) -> None:
    inf, nan = math.inf, math.nan

    def one(name: str, *x: float) -> float:
        return float(apply(name, real, *(np.array([v]) for v in x))[0])

    assert one("exp", -inf) == 0 and one("exp", inf) == inf and math.isnan(one("exp", nan)) and one("exp", 0.0) == 1
    assert one("ln", 0.0) == -inf and one("ln", inf) == inf and math.isnan(one("ln", -1.0)) and one("ln", 1.0) == 0
    assert math.isnan(one("ln", nan))
    assert one("tanh", 100.0) == 1 and one("tanh", -inf) == -1 and one("atan", inf) == pytest.approx(math.pi / 2)
    assert one("power", 0.0, 2.5) == 0 and one("power", 0.0, 0.0) == 1 and one("power", 0.0, -1.0) == inf
    assert one("power", -2.0, 3.0) == pytest.approx(-8) and one("power", -2.0, -2.0) == pytest.approx(0.25)
    assert (
        math.isnan(one("power", -2.0, 0.5))
        and math.isnan(one("power", -1e-6, 1.3))
        and math.isnan(one("power", nan, 2.0))
    )
    assert one("power", inf, 2.0) == inf and one("power", inf, -2.0) == 0
    assert math.isnan(one("sqrt", -1.0)) and math.isnan(one("sqrt", -1e-9)) and one("sqrt", 4.0) == 2
    assert one("power_slack", -1e-6, 1.3, 2e-6) == 0 and math.isnan(one("power_slack", -1e-6, 1.3, 5e-7))
    assert one("power_slack", -2.0, 3.0, 5.0) == pytest.approx(-8) and math.isnan(
        one("power_slack", -1.0, 0.5, math.nan)
    )
    assert (
        one("sqrt_slack", -1e-9, 1e-9) == 0
        and math.isnan(one("sqrt_slack", -1e-9, 0.9e-9))
        and one("sqrt_slack", 4.0, 9.0) == 2
    )
    assert math.isnan(one("sin", inf)) and math.isnan(one("cos", -inf)) and math.isnan(one("sin", nan))
    assert math.isnan(one("asin", 1.5))
    assert one("floor", -1.5) == -2 and one("ceil", -1.5) == -1 and one("trunc", -1.5) == -1


def test_long_functions_are_translated_apart_and_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETASIM_CACHE", "off")
    text = " ".join(
        f"x{i} = 1; x{i}' = -x{i} + 0.1*sin({'+'.join(f'x{j}' for j in range(12))} + {i});" for i in range(12)
    )
    plan, results = Schedule(np.array([0.0, 3.0]), np.zeros((1, 0))), []
    for long in (machine.LONG, 200):
        monkeypatch.setattr(machine, "LONG", long)
        api._models.clear()
        results.append(
            compile_model(text).simulate(np.zeros((1, 0)), [plan], [0], [1.0, 3.0], rtol=1e-9, atol=1e-12).values
        )
    assert np.abs(results[0] - results[1]).max() < 1e-8 and np.isfinite(results[0]).all()
    long = machine._by_length("define void @a(ptr %x, double %t) nounwind {\nentry:" + "\n  ret void" * 300 + "\n}\n")
    assert "define void @a" in long[0] and long[1].strip() == "declare void @a(ptr, double)"
    monkeypatch.setattr(machine, "MOST_EFFORT", 300**2)
    api._models.clear()
    with pytest.raises(UsageError, match="instructions in one piece"):
        compile_model(text)
