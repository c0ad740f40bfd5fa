"""Linear pharmacokinetics against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from ketasim.engine import Jump, Schedule, compile_model

ONE = """
model one
  species A = 0, E = 0; compartment c = 1; A in c; E in c; substanceOnly species A, E;
  const k = 0.3, rate = 0;
  infuse: -> A; rate;
  leave: A -> E; k*A;
end
"""

THREE = """
model three
  compartment c = 1; substanceOnly species C in c, P in c, D in c; C = 0; P = 0; D = 0;
  const cl = 85, v = 35, q2 = 150, v2 = 60, q3 = 70, v3 = 150, rate = 0;
  infuse: -> C; rate;
  leave: C -> ; cl*C/v;
  out2: C -> P; q2*C/v;   back2: P -> C; q2*P/v2;
  out3: C -> D; q3*C/v;   back3: D -> C; q3*D/v3;
  level := C/v;
end
"""


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_infusion_and_bolus_in_one_compartment(width: int) -> None:
    from ketasim.engine import Options

    model = compile_model(ONE, ("k",), ("A", "E"), ("rate",), Options(width=width))
    k = np.array([0.1, 0.3, 1.0, 2.5, 0.02])
    schedule = Schedule(np.array([0.0, 1.5, 20.0]), np.array([[4.0], [0.0]]), (Jump(0, "A", add=2.0),))
    times = np.array([0.0, 0.5, 1.5, 3.0, 7.0, 20.0])
    result = model.simulate(k[:, None], [schedule], np.zeros(5, int), times, rtol=1e-11, atol=1e-12)
    assert (result.status == 0).all()
    for person, rate in enumerate(k):
        during = 4.0 / rate * (1 - np.exp(-rate * np.minimum(times, 1.5))) * np.exp(-rate * np.maximum(times - 1.5, 0))
        exact = 2.0 * np.exp(-rate * times) + during
        exact[0] = 0.0  # left limit: before the jump
        assert np.abs(result.values[person, :, 0] - exact).max() < 1e-8
        given = 2.0 + 4.0 * np.minimum(times, 1.5)
        given[0] = 0.0
        assert np.abs(result.values[person, :, 0] + result.values[person, :, 1] - given).max() < 1e-9


def test_three_compartments_against_the_matrix_exponential() -> None:
    model = compile_model(THREE, ("cl", "v"), ("C", "P", "D", "level"), ("rate",))
    rng = np.random.default_rng(1)
    table = np.array([85.0, 35.0]) * np.exp(0.3 * rng.normal(size=(7, 2)))
    schedule = Schedule(np.array([0.0, 2 / 3, 72.0]), np.array([[52.5], [0.0]]))
    times = np.array([0.1, 0.5, 2 / 3, 1.0, 4.0, 24.0, 72.0])
    result = model.simulate(table, [schedule], np.zeros(7, int), times, rtol=1e-11, atol=1e-13)
    for person, (cl, v) in enumerate(table):
        q2, v2, q3, v3 = 150.0, 60.0, 70.0, 150.0
        matrix = np.zeros((4, 4))  # the last column carries the infusion
        matrix[0] = [-(cl + q2 + q3) / v, q2 / v2, q3 / v3, 52.5]
        matrix[1] = [q2 / v, -q2 / v2, 0, 0]
        matrix[2] = [q3 / v, 0, -q3 / v3, 0]
        off = matrix.copy()
        off[:, 3] = 0
        for row, t in enumerate(times):
            y = expm(matrix * min(t, 2 / 3)) @ np.array([0, 0, 0, 1.0])
            y = expm(off * max(t - 2 / 3, 0)) @ y
            assert np.abs(result.values[person, row, :3] - y[:3]).max() < 1e-8
            assert result.values[person, row, 3] == pytest.approx(y[0] / v, abs=1e-9)


def test_jumps_scale_and_add_per_person() -> None:
    model = compile_model(ONE, (), ("A",), ("rate",))
    schedule = Schedule(
        np.array([0.0, 1.0, 2.0]),
        np.zeros((3, 2, 1)),
        (Jump(0, "A", add=np.array([1.0, 2.0, 3.0])), Jump(1, "A", add=0.5, scale=np.array([0.0, 0.5, 1.0]))),
    )
    other = Schedule(np.array([0.0, 2.0]), np.array([[1.0]]))
    which = np.array([0, 1, 0, 1, 0])
    result = model.simulate(np.zeros((5, 0)), [schedule, other], which, np.array([1.0, 2.0]), rtol=1e-10, atol=1e-12)
    fall = np.exp(-0.3)
    for rank, person in enumerate((0, 2, 4)):
        first = (rank + 1.0) * fall
        assert result.values[person, 0, 0] == pytest.approx(first, rel=1e-8)
        assert result.values[person, 1, 0] == pytest.approx((first * 0.5 * rank + 0.5) * fall, rel=1e-8)
    for person in (1, 3):
        assert result.values[person, 1, 0] == pytest.approx((1 - np.exp(-0.6)) / 0.3, rel=1e-8)
