"""Coefficients of the Rosenbrock methods.

Form with transformed stages u_i (Hairer & Wanner, Solving Ordinary Differential Equations II, 2nd ed. 1996,
section IV.7). With W = I/(h gamma) - J,

    W u_i = f(t + alpha_i h, y + sum_{j<i} a_ij u_j) + sum_{j<i} (c_ij / h) u_j + h d_i df/dt .

The methods here are stiffly accurate with the last stage as error estimate: with Y the argument of f in the last stage,
y_new = Y + u_last and error = u_last. Dense output, 0 <= s <= 1:

    y(t + s h) = (1 - s) y + s (y_new + (1 - s) (K_1 + s (K_2 + s (K_3 ...)))),   K_m = sum_j dense_mj u_j .
"""

from __future__ import annotations

from dataclasses import dataclass

from .dop853 import DOP853, ExplicitTableau


@dataclass(frozen=True)
class Tableau:
    name: str
    order: int
    gamma: float
    alpha: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    d: tuple[float, ...]
    dense: tuple[tuple[float, ...], ...]

    @property
    def stages(self) -> int:
        return len(self.alpha)

    @property
    def stability(self) -> tuple[float, ...]:
        """Coefficients of w^0, w^1, ... of the stability function R(z), with w = 1/(1 - gamma z).

        For y' = lambda y and h lambda = z the stages are u_i = (w - 1) (y + sum a_ij u_j) + gamma w sum c_ij u_j.
        """
        size = self.stages + 1
        stages: list[list[float]] = []
        argument = [0.0] * size
        for a, c in zip(self.a, self.c, strict=True):
            argument = [1.0] + [0.0] * (size - 1)
            added = [0.0] * size
            for weight, other, u in zip(a, c, stages, strict=True):
                argument = [x + weight * y for x, y in zip(argument, u, strict=True)]
                added = [x + self.gamma * other * y for x, y in zip(added, u, strict=True)]
            both = [x + y for x, y in zip(argument, added, strict=True)]
            stages.append([x - y for x, y in zip([0.0, *both[:-1]], argument, strict=True)])
        return tuple(x + y for x, y in zip(argument, stages[-1], strict=True))


_A5 = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950)

# Hairer & Wanner 1996, code RODAS, method 1 (order 4, embedded order 3)
RODAS4 = Tableau(
    name="RODAS4",
    order=4,
    gamma=0.25,
    alpha=(0.0, 0.386, 0.21, 0.63, 1.0, 1.0),
    a=(
        (),
        (1.544000000000000,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        _A5,
        (*_A5, 1.0),
    ),
    c=(
        (),
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
    ),
    d=(0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0),
    dense=(
        (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662),
        (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872),
    ),
)

METHODS: dict[str, Tableau | ExplicitTableau] = {"rodas4": RODAS4, "dop853": DOP853}
