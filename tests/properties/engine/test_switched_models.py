"""Random models with switches in states: two methods that share no stage must agree, and scipy in small steps with them."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ketasim.engine import Options, Schedule, compile_model

speed = st.floats(0.2, 2.0).map(lambda x: round(x, 3))
level = st.floats(-0.6, 0.9).map(lambda x: round(x, 3))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(speed, speed, speed, speed), st.tuples(level, level, level))
def test_two_methods_and_scipy_agree(k: tuple[float, ...], levels: tuple[float, ...]) -> None:
    # a and b rotate; c, d and e are driven by windows in a, b, c, none of which depends on what it drives (no sliding)
    p, q, r = levels
    text = f"""a = 0; b = 1; a' = {k[0]}*b; b' = -{k[0]}*a; c = 0.5; d = 0.2; e = 0;
    c' = piecewise({k[1]}, a > {p} && b < {abs(q)}, -{k[2]}*c);
    d' = piecewise(1 - d, c > {abs(r)} || b < {q}, -{k[3]}*d*c);
    e' = piecewise(sin(c), xor(a > {q}, d > {abs(p)}), piecewise(-e, a*b > {abs(r) / 4}, 0.1));"""

    def field(t: float, y: np.ndarray) -> list[float]:
        a, b, c, d, e = y
        return [
            k[0] * b,
            -k[0] * a,
            k[1] if a > p and b < abs(q) else -k[2] * c,
            1 - d if c > abs(r) or b < q else -k[3] * d * c,
            np.sin(c) if (a > q) != (d > abs(p)) else (-e if a * b > abs(r) / 4 else 0.1),
        ]

    times, plan = np.linspace(0, 20, 41), [Schedule(np.array([0.0, 20.0]), np.zeros((1, 0)))]
    found = [
        compile_model(text, (), ("a", "b", "c", "d", "e"), options=Options(method=m)).simulate(  # type: ignore[arg-type]
            np.zeros((1, 0)), plan, [0], times, rtol=1e-10, atol=1e-12
        )
        for m in ("rodas4", "dop853")
    ]
    assert found[0].reasons == [None] and found[1].reasons == [None]
    assert np.abs(found[0].values - found[1].values).max() < 1e-6
    near = solve_ivp(field, (0, 20), [0, 1, 0.5, 0.2, 0], t_eval=times, max_step=0.02, rtol=1e-6, atol=1e-8).y.T
    assert np.abs(found[0].values[0] - near).max() < 2e-2
