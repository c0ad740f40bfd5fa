"""Group-sequential designs: bounds at looks, how often they are crossed, and stopping of simulated trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ketasim.core import UsageError, unknown_name
from ketasim.core.arrays import Array, IntArray

from .shapes import values_of
from .status import Status

Kind = Literal["obrien-fleming", "pocock", "spend-obrien-fleming", "spend-pocock", "spend-power"]
KINDS = ("obrien-fleming", "pocock", "spend-obrien-fleming", "spend-pocock", "spend-power")
MOST_LOOKS = 20
FAR = 9.0  # SDs beyond which the normal law is taken as zero (1e-19)
NODES = 20


@dataclass(frozen=True)
class Bounds:
    """Bounds on the z statistic at each look.

    fractions : (K,), share of the planned information, ending in 1. upper : (K,), stop for efficacy at or above it.
    lower : (K,), stop at or below it: for efficacy of the comparator if `sided` is 2, else for futility (non-binding: it was
    not used to find `upper`). alpha : total error, over both sides if `sided` is 2. kind : how `upper` was found.
    """

    fractions: Array
    upper: Array
    lower: Array
    alpha: float
    sided: int
    kind: str


def bounds(
    looks: int | ArrayLike,
    kind: Kind | str = "spend-obrien-fleming",
    *,
    alpha: float = 0.05,
    sided: int = 2,
    power: float = 1.0,
    futility: ArrayLike | None = None,
) -> Bounds:
    """Efficacy bounds that spend `alpha` in all.

    kind : "obrien-fleming" (O'Brien and Fleming 1979: c / sqrt(fraction)), "pocock" (Pocock 1977: c), both with equal steps of
    information or not; error spending (Lan and DeMets 1983), with t the fraction and a the error of one side:
    "spend-obrien-fleming" 2 - 2 Phi(z(1 - a / 2) / sqrt(t)), "spend-pocock" a ln(1 + (e - 1) t), "spend-power" a t^power.

    looks : number of looks at equal steps, or the fractions themselves (rising, ending in 1). sided : 1 or 2.
    futility : bound on z at each look but the last, with `sided` 1 (None or -inf: none at that look).
    """
    fractions = _fractions(looks)
    if kind not in KINDS:
        raise unknown_name("kind of bounds", kind, KINDS, where="bounds(kind)", fix='kind="spend-obrien-fleming"')
    if sided not in (1, 2):
        raise UsageError(f"a test with {sided} sides", where="bounds(sided)", allowed="1 or 2")
    if not 0 < alpha < 0.5 * sided:
        raise UsageError(
            f"an error of {alpha:g} is not possible", where="bounds(alpha)", allowed="above 0, below 0.5 a side"
        )
    if kind == "spend-power" and not power > 0:
        raise UsageError(f"a power of {power:g} spends nothing in order", where="bounds(power)", allowed="above 0")
    one = alpha / sided
    if kind in ("obrien-fleming", "pocock"):
        shape = 1 / np.sqrt(fractions) if kind == "obrien-fleming" else np.ones_like(fractions)

        def excess(c: float) -> float:
            up, down = _march(fractions, c * shape, -c * shape if sided == 2 else np.full_like(shape, -np.inf), 0.0)
            return float(up.sum() + (down.sum() if sided == 2 else 0.0) - alpha)

        upper = optimize.brentq(excess, 0.1, 10.0, xtol=1e-11) * shape
    else:
        spend: dict[str, Callable[[Array], Array]] = {
            "spend-obrien-fleming": lambda t: 2 * special.ndtr(-special.ndtri(1 - one / 2) / np.sqrt(t)),
            "spend-pocock": lambda t: one * np.log1p((math.e - 1) * t),
            "spend-power": lambda t: one * t**power,
        }
        upper = _spent(fractions, spend[kind](fractions), sided)
    lower = -upper if sided == 2 else np.full_like(upper, -np.inf)
    if futility is not None:
        given = np.asarray(futility, dtype=np.float64)
        if sided == 2 or given.shape != (len(fractions) - 1,) or np.isnan(given).any() or (given >= upper[:-1]).any():
            raise UsageError(
                "futility bounds do not fit the looks",
                where="bounds(futility)",
                allowed="with sided=1, one number below the upper bound for each look but the last",
            )
        lower[:-1] = given
        lower[-1] = upper[-1]
    return Bounds(fractions, upper, lower, alpha, sided, kind)


def _fractions(looks: int | ArrayLike) -> Array:
    """Fractions of information at the looks."""
    if isinstance(looks, int | np.integer):
        number = int(looks)
        if not 1 <= number <= MOST_LOOKS:
            raise UsageError(f"{number} looks", where="bounds(looks)", allowed=f"1 to {MOST_LOOKS}")
        return np.arange(1, number + 1) / number
    fractions = np.asarray(looks, dtype=np.float64)
    good = fractions.ndim == 1 and 1 <= len(fractions) <= MOST_LOOKS
    if not good or not (np.diff(fractions, prepend=0.0) > 0).all() or abs(fractions[-1] - 1) > 1e-12:
        raise UsageError(
            "fractions of information do not rise to 1",
            where="bounds(looks)",
            allowed=f"up to {MOST_LOOKS} rising numbers above 0, the last one 1",
            fix="bounds([0.5, 1.0])",
        )
    return fractions


def _spent(fractions: Array, spent: Array, sided: int) -> Array:
    """Upper bounds that have spent these errors (of one side) by each look; what came before is carried, not computed again."""
    upper = np.empty_like(fractions)
    state = _START
    for k, t in enumerate(fractions):
        wanted = float(spent[k] - (spent[k - 1] if k else 0.0))

        def excess(c: float, t: float = float(t), wanted: float = wanted, state: _State = state) -> float:
            return _leave(state, t, c, -np.inf, 0.0)[0] - wanted

        upper[k] = optimize.brentq(excess, -2.0, FAR, xtol=1e-11)
        state = _go_on(state, float(t), upper[k], -upper[k] if sided == 2 else -np.inf, 0.0)
    return upper


def crossing(design: Bounds, drift: float) -> tuple[Array, Array]:
    """Chance to stop at or above `upper`, and at or below `lower`, for the first time at each look (K,), (K,).

    drift : mean of z with all information, effect times sqrt(information); z_k ~ Normal(drift sqrt(t_k), 1),
    cov(z_j, z_k) = sqrt(t_j / t_k). Recursive integration (Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000,
    chapter 19), Gauss-Legendre within the bounds.
    """
    return _march(design.fractions, design.upper, design.lower, drift)


@dataclass(frozen=True)
class _State:
    """Where b = z sqrt(t), whose steps are independent, may be at time t without having left: points and their mass."""

    t: float
    points: Array
    mass: Array


_START = _State(0.0, np.zeros(1), np.ones(1))


def _leave(state: _State, t: float, upper: float, lower: float, drift: float) -> tuple[float, float]:
    """Chance to be at or above `upper`, and at or below `lower`, on the z scale at time t."""
    spread, centre = np.sqrt(t - state.t), state.points + drift * (t - state.t)
    up = state.mass @ special.ndtr((centre - upper * np.sqrt(t)) / spread)
    down = state.mass @ special.ndtr((lower * np.sqrt(t) - centre) / spread)
    return float(up), float(down)


def _go_on(state: _State, t: float, upper: float, lower: float, drift: float) -> _State:
    """Who has stayed between the bounds at time t."""
    root, spread = np.sqrt(t), np.sqrt(t - state.t)
    low = max(lower * root, drift * t - FAR * root)
    high = min(upper * root, drift * t + FAR * root)
    if not high > low:
        return _State(t, np.zeros(1), np.zeros(1))
    # panels no wider than two SDs of a step keep the integrand smooth on each
    panels = int(np.clip(np.ceil((high - low) / (2 * spread)), 1, 60))
    edges = np.linspace(low, high, panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    grid = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    away = (grid[:, None] - state.points - drift * (t - state.t)) / spread
    density = np.exp(-0.5 * away**2) @ state.mass / (spread * np.sqrt(2 * np.pi))
    return _State(t, grid, (half * weights).ravel() * density)


def _march(fractions: Array, upper: Array, lower: Array, drift: float) -> tuple[Array, Array]:
    """Chances to leave above and below at each look."""
    up, down = np.zeros(len(fractions)), np.zeros(len(fractions))
    state = _START
    for k, t in enumerate(fractions):
        up[k], down[k] = _leave(state, float(t), upper[k], lower[k], drift)
        if k + 1 < len(fractions):
            state = _go_on(state, float(t), upper[k], lower[k], drift)
    return up, down


def power(design: Bounds, drift: float) -> float:
    """Chance to cross an efficacy bound at any look (both sides if `sided` is 2)."""
    up, down = crossing(design, drift)
    return float(up.sum() + (down.sum() if design.sided == 2 else 0.0))


def expected_fraction(design: Bounds, drift: float) -> float:
    """Mean share of the planned information that is used."""
    up, down = crossing(design, drift)
    stopped = up + down
    return float((stopped[:-1] * design.fractions[:-1]).sum() + 1 - stopped[:-1].sum())


def drift_for(design: Bounds, wanted: float) -> float:
    """The drift at which the power is `wanted`; drift squared over the squared effect per unit is the information needed."""
    if not design.alpha < wanted < 1:
        raise UsageError(
            f"a power of {wanted:g}", where="drift_for(wanted)", allowed=f"above {design.alpha:g}, below 1"
        )
    return float(optimize.brentq(lambda d: power(design, d) - wanted, 0.0, 20.0, xtol=1e-10))


@dataclass(frozen=True)
class Stopped:
    """What became of each replicate. look : (R,), at which it stopped, from 0. efficacy : (R,), whether for efficacy of the arm
    (`upper`); inferior : (R,), whether below a two-sided lower bound. status : (R,), a replicate whose z is missing at a look that it
    reached has no result.
    """

    look: IntArray
    efficacy: np.ndarray
    inferior: np.ndarray
    status: IntArray


def stop(z: ArrayLike, design: Bounds) -> Stopped:
    """Applies the bounds to the z statistics (R, K) of simulated trials, for which above 0 is better."""
    values = values_of(z, "z")
    if values.shape[1] != len(design.upper):
        raise UsageError(
            f"z at {values.shape[1]} looks, bounds at {len(design.upper)}",
            where="stop(z)",
            allowed="(replicates, looks)",
        )
    up, down = values >= design.upper, values <= design.lower
    if design.sided == 1:
        down[:, -1] = False
    ends = up | down | np.isnan(values)
    ends[:, -1] = True
    look = ends.argmax(axis=1)
    rows = np.arange(len(values))
    lost = np.isnan(values[rows, look])
    efficacy = up[rows, look] & ~lost
    inferior = down[rows, look] & ~lost & (design.sided == 2)
    return Stopped(look, efficacy, inferior, np.where(lost, int(Status.TOO_FEW), int(Status.OK)))


def stagewise_p(z: ArrayLike, look: ArrayLike, design: Bounds) -> Array:
    """p value of trials that ended at `look` with z (R,), by the stage-wise order (Jennison and Turnbull 2000, section 8.4).

    Chance under no effect to have crossed an efficacy bound at an earlier look, or to come to this one and reach z or more there; two-sided bounds:
    twice the smaller side. Below `alpha` where the trial crossed a bound and nowhere else. Futility bounds are left out, as they were for `upper`.
    """
    values, looks = np.asarray(z, dtype=np.float64), np.asarray(look)
    size = np.abs(values) if design.sided == 2 else values
    p = np.full(values.shape, np.nan)
    state, spent = _START, 0.0
    for k, t in enumerate(design.fractions):
        own = np.flatnonzero((looks == k) & ~np.isnan(values))
        spread = np.sqrt(t - state.t)
        for begin in range(0, len(own), 1000):
            some = own[begin : begin + 1000]
            far = (state.points - size[some, None] * np.sqrt(t)) / spread
            p[some] = spent + special.ndtr(far) @ state.mass
        below = -design.upper[k] if design.sided == 2 else -np.inf
        spent += _leave(state, float(t), design.upper[k], -np.inf, 0.0)[0]
        if k + 1 < len(design.fractions):
            state = _go_on(state, float(t), design.upper[k], below, 0.0)
    return np.minimum(2 * p, 1.0) if design.sided == 2 else p


def z_of(p: ArrayLike, estimate: ArrayLike, *, larger_is_better: bool = False) -> Array:
    """z with the same two-sided p as a test with few degrees of freedom, and the sign of the benefit."""
    values, effect = np.asarray(p, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    size = -special.ndtri(np.clip(values, 1e-300, 1.0) / 2)
    return np.asarray(size * np.sign(effect) * (1.0 if larger_is_better else -1.0))
