"""Fit of the plasma stage to its calibration records: `python -m ketasim.evidence.kinetics.fit_plasma [--write] [--draws 200]`.

Penalised least squares on transformed values x (log, or logit for shares):
    minimise  sum_j (ln(predicted_j / published_j) / error_j)^2 + sum_i ((x_i - prior_i) / sd_i)^2
by Gauss-Newton (scipy least_squares, trust region), derivatives by differences in one batch of people. The uncertainty
is the inverse of J'J at the optimum (prior included): the Laplace approximation. `--draws N` writes N draws from it, in the
units of the values, to knowledge/posterior/plasma_draws.csv, with their correlations. Data, priors and errors:
knowledge/fits/plasma.toml.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from ketasim.core import KetasimError, knowledge_path, unknown_name, values
from ketasim.core.arrays import Array
from ketasim.core.streams import normals

from .pk_table import Target, predict, rows, targets, text
from .plasma_arms import Bench, settings

DRAWS_SEED = 20261128
SOURCES_DISAGREE = "hnk_clearance"  # its spread is the disagreement between sources, wider than the fit's
STEP = 1e-3  # of the transformed value, for differences; curves are computed to 1e-8


@dataclass(frozen=True, slots=True)
class Prior:
    """What was known of one value before the fit: typical value, SD on the scale of `transform` (log or logit)."""

    name: str
    typical: float
    sd: float
    transform: str = "log"
    why: str = ""

    def inward(self, number: float) -> float:
        """From the value to the scale of the fit."""
        return float(np.log(number / (1.0 - number)) if self.transform == "logit" else np.log(number))

    def outward(self, x: Array) -> Array:
        """From the scale of the fit to the value."""
        return np.asarray(1.0 / (1.0 + np.exp(-x)) if self.transform == "logit" else np.exp(x))


def priors() -> tuple[Prior, ...]:
    """All priors of knowledge/fits/plasma.toml; every name must be a value of the plasma stage."""
    known = values("plasma")
    found = []
    for name, table in settings()["priors"].items():
        if name not in known:
            raise unknown_name("value", name, known, where="knowledge/fits/plasma.toml, [priors]")
        found.append(Prior(name, **table))
    return tuple(found)


@dataclass(frozen=True)
class Fit:
    """Result: fitted values, their SD on the transformed scale, covariance there, cost of data and of priors."""

    priors: tuple[Prior, ...]
    x: Array
    covariance: Array
    data_cost: float
    prior_cost: float
    targets: tuple[Target, ...]

    @property
    def fitted(self) -> dict[str, float]:
        """The fitted values by name."""
        return {prior.name: float(prior.outward(np.array(x))) for prior, x in zip(self.priors, self.x, strict=True)}

    @cached_property
    def draws_root(self) -> Array:
        """Lower triangular root L of the covariance, L L' = covariance."""
        return np.linalg.cholesky(self.covariance)

    def draws(self, count: int, seed: int = DRAWS_SEED) -> Array:
        """`count` draws (count, values) from N(x, covariance), in the units of the values; the same for the same seed."""
        normal = np.column_stack([normals(seed, f"plasma {prior.name}", count) for prior in self.priors])
        inside = self.x + normal @ self.draws_root.T
        return np.column_stack([prior.outward(inside[:, i]) for i, prior in enumerate(self.priors)])

    @property
    def sds(self) -> dict[str, float]:
        """SD of each value on the scale of its transform."""
        return {prior.name: float(sd) for prior, sd in zip(self.priors, np.sqrt(np.diag(self.covariance)), strict=True)}


class Problem:
    """Residuals and their derivatives for a choice of priors and targets."""

    def __init__(self, chosen: Sequence[Prior], wanted: Sequence[Target], bench: Bench | None = None) -> None:
        self.priors = tuple(chosen)
        self.targets = tuple(item for item in wanted if item.error > 0)
        self.bench = bench or Bench([prior.name for prior in self.priors])
        self._errors = np.array([item.error for item in self.targets])
        self._published = np.log([item.value for item in self.targets])
        self._centres = np.array([prior.inward(prior.typical) for prior in self.priors])
        self._sds = np.array([prior.sd for prior in self.priors])

    def start(self) -> Array:
        """The shipped values on the scale of the fit."""
        known = values("plasma")
        return np.array([prior.inward(known[prior.name].value) for prior in self.priors])

    def _data(self, points: Array) -> Array:
        table = np.column_stack([prior.outward(points[:, i]) for i, prior in enumerate(self.priors)])
        return np.asarray((np.log(predict(self.bench, self.targets, table)) - self._published) / self._errors)

    def residuals(self, x: Array) -> Array:
        """Data residuals, then prior residuals."""
        return np.concatenate([self._data(x[None, :])[0], (x - self._centres) / self._sds])

    def jacobian(self, x: Array) -> Array:
        """Central differences of the residuals, all people in one batch."""
        count = len(x)
        points = np.concatenate([x + STEP * np.eye(count), x - STEP * np.eye(count)])
        data = self._data(points)
        return np.vstack([(data[:count] - data[count:]).T / (2.0 * STEP), np.diag(1.0 / self._sds)])


def fit(names: Sequence[str] = (), start: Array | None = None, most: int = 15, bench: Bench | None = None) -> Fit:
    """Fit the values of `names` (all with a prior if empty), the others stay as shipped.

    start : on the transformed scale, default the shipped values. most : evaluations at most.
    """
    everything = priors()
    chosen = [prior for prior in everything if not names or prior.name in names]
    if names and len(chosen) != len(set(names)):
        missing = sorted(set(names) - {prior.name for prior in everything})
        raise unknown_name("fitted value", missing[0], [prior.name for prior in everything])
    problem = Problem(chosen, targets(), bench)
    begin = problem.start() if start is None else start
    result = least_squares(
        problem.residuals, begin, problem.jacobian, max_nfev=most, x_scale="jac", ftol=1e-6, xtol=1e-6
    )
    count = len(problem.targets)
    return Fit(
        priors=problem.priors,
        x=result.x,
        covariance=np.linalg.inv(result.jac.T @ result.jac),
        data_cost=float((result.fun[:count] ** 2).sum()),
        prior_cost=float((result.fun[count:] ** 2).sum()),
        targets=problem.targets,
    )


def describe(found: Fit) -> str:
    """The fitted values beside prior and shipped value."""
    known = values("plasma")
    lines = [f"{'value':34}{'fitted':>10}{'SD':>7}{'prior':>10}{'SD':>6}{'SD/prior':>9}{'shipped':>10}"]
    for prior in found.priors:
        sd = found.sds[prior.name]
        lines.append(
            f"{prior.name:34}{found.fitted[prior.name]:>10.4g}{sd:>7.3f}{prior.typical:>10.4g}{prior.sd:>6.2f}"
            f"{sd / prior.sd:>9.2f}{known[prior.name].value:>10.4g}"
        )
    lines.append(f"data cost {found.data_cost:.1f} on {len(found.targets)} numbers, prior cost {found.prior_cost:.1f}")
    return "\n".join(lines)


def rewritten(toml: str, found: Fit) -> str:
    """The text of values/plasma.toml with the fitted values and their uncertainty put in; the rest is untouched."""
    for prior in found.priors:
        block = re.search(rf"^\[{prior.name}\]\n(?:(?!\[).*\n)*", toml, re.M)
        if block is None:
            raise KetasimError(f"values/plasma.toml has no table [{prior.name}]")
        kind = "logitnormal" if prior.transform == "logit" else "lognormal"
        table = re.sub(r"^value = .*$", f"value = {found.fitted[prior.name]:.4g}", block[0], flags=re.M)
        spread = f'uncertain = {{ kind = "{kind}", sd = {found.sds[prior.name]:.2g} }}'
        if prior.name != SOURCES_DISAGREE:
            table = re.sub(r"^uncertain = .*$", spread, table, flags=re.M)
        toml = toml.replace(block[0], table)
    return toml


def shipped_fit(bench: Bench | None = None) -> Fit:
    """The Laplace approximation at the shipped values, without fitting."""
    problem = Problem(priors(), targets(), bench)
    x = problem.start()
    residuals, jacobian = problem.residuals(x), problem.jacobian(x)
    count = len(problem.targets)
    return Fit(
        priors=problem.priors,
        x=x,
        covariance=np.linalg.inv(jacobian.T @ jacobian),
        data_cost=float((residuals[:count] ** 2).sum()),
        prior_cost=float((residuals[count:] ** 2).sum()),
        targets=problem.targets,
    )


def draws_path() -> Path:
    """Where the draws of the plasma values ship."""
    return knowledge_path() / "posterior" / "plasma_draws.csv"


def draws_text(found: Fit, count: int) -> str:
    """The draws as CSV: one column per value, in its unit; equal weights."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([prior.name for prior in found.priors])
    writer.writerows([f"{number:.6g}" for number in row] for row in found.draws(count))
    return out.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, print values and table; `--write` puts the result into knowledge/values/plasma.toml."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.kinetics.fit_plasma", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the result into knowledge/values/plasma.toml")
    parser.add_argument("--most", type=int, default=15, help="evaluations at most")
    parser.add_argument("--draws", type=int, default=0, help="write this many draws at the shipped values and stop")
    options = parser.parse_args(arguments)
    if options.draws:
        draws_path().write_text(draws_text(shipped_fit(), options.draws), encoding="utf-8")
        print(f"written: {options.draws} draws to {draws_path().name}")
        return 0
    found = fit(most=options.most)
    print(describe(found))
    if options.write:
        path = knowledge_path() / "values" / "plasma.toml"
        path.write_text(rewritten(path.read_text(encoding="utf-8"), found), encoding="utf-8")
        print(f"written: {path.name}; the table below is still that of the values shipped before")
    print(text(rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
