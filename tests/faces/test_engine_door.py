"""`python -m ketasim.engine FILE` on models of the literature: what another modeller would try first.

The reference is scipy on equations written here by hand from the papers, or a closed form.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from door import Door, one_species, sbml
from scipy.integrate import solve_ivp

TIGHT = ("--rtol", "1e-9", "--atol", "1e-12")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    running = Door(tmp_path_factory.mktemp("door"))
    yield running
    running.close()


# Goldbeter 1995, Proc. R. Soc. B 261, 319-324, doi 10.1098/rspb.1995.0153: circadian rhythm of the PER protein, five states.
GOLDBETER = """
model goldbeter
  compartment cell = 1; species M in cell, P0 in cell, P1 in cell, P2 in cell, PN in cell;
  M = 0.1; P0 = 0.25; P1 = 0.25; P2 = 0.25; PN = 0.25;
  vs = 0.76; KI = 1; n = 4; vm = 0.65; Km = 0.5; ks = 0.38; V1 = 3.2; V2 = 1.58; V3 = 5; V4 = 2.5; K = 2; k1 = 1.9; k2 = 1.3;
  vd = 0.95; Kd = 0.2;
  -> M; cell*vs*KI^n/(KI^n + PN^n);  M -> ; cell*vm*M/(Km + M);
  -> P0; cell*ks*M;  P0 -> P1; cell*V1*P0/(K + P0);  P1 -> P0; cell*V2*P1/(K + P1);
  P1 -> P2; cell*V3*P1/(K + P1);  P2 -> P1; cell*V4*P2/(K + P2);  P2 -> ; cell*vd*P2/(Kd + P2);
  P2 -> PN; cell*k1*P2;  PN -> P2; cell*k2*PN;
end
"""


def goldbeter(t: float, y: np.ndarray) -> list[float]:
    m, p0, p1, p2, pn = y
    first = 3.2 * p0 / (2 + p0) - 1.58 * p1 / (2 + p1)
    second = 5 * p1 / (2 + p1) - 2.5 * p2 / (2 + p2)
    entry = 1.9 * p2 - 1.3 * pn
    return [
        0.76 / (1 + pn**4) - 0.65 * m / (0.5 + m),
        0.38 * m - first,
        first - second,
        second - entry - 0.95 * p2 / (0.2 + p2),
        entry,
    ]


# Tyson 1991, PNAS 88, 7328-7332, doi 10.1073/pnas.88.16.7328, in the two variables of its figure 2: cell cycle.
TYSON = """
u = 0.01; v = 0.01; kappa = 0.015; k4 = 180; k4p = 0.018; k6 = 1;
v' = kappa - k6*u; u' = k4*(v - u)*(k4p/k4 + u^2) - k6*u;
"""


def tyson(t: float, y: np.ndarray) -> list[float]:
    u, v = y
    return [180 * (v - u) * (1e-4 + u**2) - u, 0.015 - u]


# FitzHugh 1961, Biophys. J. 1, 445-466, doi 10.1016/S0006-3495(61)86902-6, with a current that starts at t = 20.
FITZHUGH = """
x = 1.2; y = -0.6; a = 0.7; b = 0.8; c = 3; z := piecewise(-0.4, time >= 20, 0);
x' = c*(y + x - x^3/3 + z); y' = -(x - a + b*y)/c;
"""


def fitzhugh(t: float, s: np.ndarray) -> list[float]:
    x, y = s
    return [3 * (y + x - x**3 / 3 + (-0.4 if t >= 20 else 0.0)), -(x - 0.7 + 0.8 * y) / 3]


# Schaefer 1975 ("HIRES"), Hairer & Wanner 1996: the end values are those of the Test Set for IVP Solvers, release 2.4.
HIRES = Path(__file__).parent.parent.parent / "benchmarks" / "models" / "schaefer1975.ant"
KINASES = Path(__file__).parent.parent.parent / "benchmarks" / "models" / "kholodenko2000.ant"


def kinases(t: float, y: np.ndarray) -> list[float]:
    a, b, c, d, e, f, g, h = y
    j1, j2 = 2.5 * a / ((1 + h / 9) * (10 + a)), 0.25 * b / (8 + b)
    j3, j4 = 0.025 * b * c / (15 + c), 0.025 * b * d / (15 + d)
    j5, j6 = 0.75 * e / (15 + e), 0.75 * d / (15 + d)
    j7, j8 = 0.025 * e * f / (15 + f), 0.025 * e * g / (15 + g)
    j9, j10 = 0.5 * h / (15 + h), 0.5 * g / (15 + g)
    return [j2 - j1, j1 - j2, j6 - j3, j3 + j5 - j4 - j6, j4 - j5, j10 - j7, j7 + j9 - j8 - j10, j8 - j9]


COURSES: dict[
    str, tuple[str, Callable[[float, np.ndarray], list[float]], tuple[str, ...], list[float], float, tuple[float, ...]]
] = {
    "Goldbeter circadian clock": (
        GOLDBETER,
        goldbeter,
        ("M", "P0", "P1", "P2", "PN"),
        [0.1, 0.25, 0.25, 0.25, 0.25],
        96.0,
        (),
    ),
    "Tyson cell cycle": (TYSON, tyson, ("u", "v"), [0.01, 0.01], 100.0, ()),
    "FitzHugh nerve with a current step": (FITZHUGH, fitzhugh, ("x", "y"), [1.2, -0.6], 60.0, (20.0,)),
    "Kholodenko kinase cascade": (
        KINASES.read_text(encoding="utf-8"),
        kinases,
        ("MKKK", "MKKK_P", "MKK", "MKK_P", "MKK_PP", "MAPK", "MAPK_P", "MAPK_PP"),
        [90, 10, 280, 10, 10, 280, 10, 10],
        4000.0,
        (),
    ),
}


@pytest.mark.parametrize("name", COURSES)
def test_models_of_the_literature(name: str, door: Door) -> None:
    text, field, states, start, until, cuts = COURSES[name]
    answer = door(text, *TIGHT, until=str(until), points="61")
    assert answer.code == 0, answer.err
    table = answer.table()
    times, expected = table["time"], np.empty((61, len(states)))
    assert times[0] == 0.0 and times[-1] == until
    y, begin = np.array(start, dtype=float), 0.0
    for end in (*cuts, until):
        inside = (times >= begin) & (times <= end)
        found = solve_ivp(
            lambda t, y, e=end: field(min(t, np.nextafter(e, 0)), y),
            (begin, end),
            y,
            "LSODA",
            times[inside],
            rtol=1e-11,
            atol=1e-13,
        )
        expected[inside], y, begin = found.y.T, found.y[:, -1], end
    values = np.column_stack([table[s] for s in states])
    assert (np.ptp(expected, axis=0) > 0.1 * np.abs(expected).max(axis=0)).all()  # they move
    assert (np.abs(values - expected) / np.abs(expected).max(axis=0)).max() < 2e-6


def test_the_end_of_hires_to_nine_digits(door: Door) -> None:
    answer = door(HIRES.read_text(encoding="utf-8"), "--rtol", "1e-11", "--atol", "1e-16", until="321.8122", points="2")
    published = {
        "Pr": 0.7371312573325668e-3,
        "Pfr": 0.1442485726316185e-3,
        "PrX": 0.5888729740967575e-4,
        "PfrX": 0.1175651343283149e-2,
        "PrX2": 0.2386356198831331e-2,
        "PfrX2": 0.6238968252742796e-2,
        "PfrX2E": 0.2849998395185769e-2,
        "E": 0.2850001604814231e-2,
    }
    assert {name: answer.last(name) for name in published} == pytest.approx(published, rel=1e-8)


def test_robertson_over_eleven_decades(door: Door) -> None:
    text = "A = 1; B = 0; C = 0; A' = -0.04*A + 1e4*B*C; B' = 0.04*A - 1e4*B*C - 3e7*B^2; C' = 3e7*B^2;"
    answer = door(text, "--rtol", "1e-10", "--atol", "1e-18", until="1e11", points="2")
    published = {
        "A": 0.2083340149701255e-7,
        "B": 0.8333360770334713e-13,
        "C": 0.9999999791665050,
    }  # Test Set for IVP Solvers 2.4
    assert {name: answer.last(name) for name in published} == pytest.approx(published, rel=1e-6)


def test_chaos_is_followed_as_far_as_it_can_be(door: Door) -> None:
    # Lorenz 1963, doi 10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2: errors grow by e every 1.1; 8 units keep 5 digits at 1e-12
    text = "x = 1; y = 1; z = 1; x' = 10*(y - x); y' = x*(28 - z) - y; z' = x*y - 8/3*z;"
    answer = door(text, "--rtol", "1e-12", "--atol", "1e-12", until="8", points="9")
    found = solve_ivp(
        lambda t, s: [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]],
        (0, 8),
        [1, 1, 1],
        "DOP853",
        np.linspace(0, 8, 9),
        rtol=1e-13,
        atol=1e-13,
    )
    assert answer.table()["x"] == pytest.approx(found.y[0], abs=2e-4)


def test_amounts_and_concentrations_in_compartments_of_every_kind(door: Door) -> None:
    body = one_species(amount=False, size=4)  # amount 1 in 4 litres; the law removes one concentration per time
    plain, amounts, levels = (
        door(sbml(body), *words, *TIGHT, suffix=".xml").table()["a"]
        for words in ((), ("--amounts",), ("--concentrations",))
    )
    times = np.linspace(0, 10, 5)
    assert plain == pytest.approx(0.25 * np.exp(-times / 4), rel=1e-7)
    assert levels == pytest.approx(plain, rel=1e-12) and amounts == pytest.approx(4 * plain, rel=1e-12)


def test_a_growing_compartment_dilutes(door: Door) -> None:
    text = "compartment V = 1; species S in V; S = 3; V' = 0.5; k = 0; J: S -> ; k*S*V; t2 := time*2;"
    table = door(text, *TIGHT, points="3").table()
    assert set(table) == {"time", "S", "V", "t2"}
    assert table["S"] == pytest.approx(3 / (1 + 0.5 * table["time"]), rel=1e-8)
    assert table["t2"].tolist() == [0.0, 10.0, 20.0]


def test_times_settings_and_a_file_as_target(door: Door, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    answer = door(
        "x = 1; k = 1; x' = -k*x;", "--set", "k=2", "--start", "-3", "--csv", str(target), until="1", points="9"
    )
    assert answer.code == 0 and answer.out == ""
    rows = np.array([[float(x) for x in line.split(",")] for line in target.read_text().strip().split("\n")[1:]])
    assert rows[:, 0].tolist() == np.linspace(-3, 1, 9).tolist()
    assert rows[:, 1] == pytest.approx(np.exp(-2 * (rows[:, 0] + 3)), rel=1e-6)


def test_the_default_is_standard_output_and_numbers_read_back_exactly(door: Door) -> None:
    first, second = (door("x = 1; x' = -x/3;", points="7") for _ in range(2))
    assert first.out == second.out
    assert all(repr(float(x)) == x for line in first.out.strip().split("\n")[1:] for x in line.split(","))


def test_it_starts_as_a_module_and_needs_no_ketamine(tmp_path: Path) -> None:
    path = tmp_path / "decay.ant"
    path.write_text("x = 1; x' = -x;")
    code = (
        "import sys, runpy; sys.argv = ['engine', sys.argv[1], '--until', '1', '--points', '2']\n"
        "try: runpy.run_module('ketasim.engine', run_name='__main__')\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        "assert not {m for m in sys.modules if m.startswith(('ketasim.chain', 'ketasim.stages', 'ketasim.scenario'))}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.strip().split(",")[-1]) == pytest.approx(np.exp(-1), rel=1e-7)


def test_a_rotation_too_fast_to_follow_is_no_silent_zero(door: Door) -> None:
    # x^2 + y^2 = 1 for ever; a first step that is a share of the run damps it to 1e-33
    answer = door(
        "x = 1; y = 0; x' = 1e9*y; y' = -1e9*x;", "--rtol", "1e-9", "--atol", "1e-9", until="1000", points="2"
    )
    assert answer.code == 1 and "too many steps" in answer.err and answer.out == ""
