"""Structures of the plasma stage judged by studies they have not seen: `python -m ketasim.evidence.kinetics.leave_out [NAME ...]`.

For every structure of knowledge/fits/plasma.toml, [structures]: fit without one study, predict that study, for each study.
The log predictive density of the rows r of a left-out study (differences of logs, predicted over published) is
    log N(r; 0, D + J C J' + s 1 1') ,  D = diag(error^2), C the covariance of the values, J their sensitivities,
    s = STUDY_SD^2, what every study has in common with itself.
`--spread` computes, from the left-out residuals of the shipped structure, how far studies lie from the prediction by route
and writes knowledge/posterior/plasma_spread.toml. Minutes, so not part of a build.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from ketasim.core import knowledge_path, unknown_name
from ketasim.core.arrays import Array

from .fit_plasma import Prior, Problem, priors
from .pk_table import Target, study_of, targets
from .plasma_arms import Bench, settings
from .spread import Component, between_studies, route_of, written

STUDY_SD = 0.1
WITHIN = 1.5


@dataclass(frozen=True, slots=True)
class Structure:
    """One way to write the plasma stage: its variants and the priors of values only it has."""

    name: str
    variants: tuple[str, ...]
    says: str
    priors: tuple[Prior, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A study predicted by a fit without it: rows, ln(predicted/published), log predictive density."""

    study: str
    rows: tuple[Target, ...]
    residuals: Array
    density: float


def structures() -> dict[str, Structure]:
    """All structures of knowledge/fits/plasma.toml; the one called `shipped` has the default variants."""
    found = {}
    for name, table in settings()["structures"].items():
        own = tuple(Prior(key, **entry) for key, entry in table.get("priors", {}).items())
        found[name] = Structure(name, tuple(table["variants"]), table["says"], own)
    return found


def chosen_priors(structure: Structure) -> tuple[Prior, ...]:
    """The priors of the fit, with those of the structure in place of, or beside, the common ones."""
    own = {prior.name: prior for prior in structure.priors}
    common = [own.pop(prior.name, prior) for prior in priors()]
    return (*common, *own.values())


def _solve(problem: Problem, start: Array, most: int) -> Any:
    return least_squares(problem.residuals, start, problem.jacobian, max_nfev=most, x_scale="jac", ftol=1e-5, xtol=1e-5)


class Refits:
    """Fits of a structure to all targets but those of some studies; each begins where the fit to all of them ended."""

    def __init__(self, structure: Structure | None = None, most: int = 40) -> None:
        structure = structure or structures()["shipped"]
        self.priors = chosen_priors(structure)
        self.targets = tuple(replace(item, study=study_of(item)) for item in targets() if item.error > 0)
        self.bench = Bench([prior.name for prior in self.priors], variants=structure.variants)
        self._most = most
        self._known: dict[frozenset[str], tuple[Array, Array]] = {}

    @property
    def studies(self) -> frozenset[str]:
        """The studies whose numbers the values were fitted to."""
        return frozenset(item.study for item in self.targets)

    def without(self, studies: frozenset[str] = frozenset()) -> tuple[Array, Array]:
        """Values on the scale of the fit (p,) and their covariance (p, p), fitted to the targets of all other studies."""
        if studies not in self._known:
            kept = [item for item in self.targets if item.study not in studies]
            if studies:
                start, most = self.without()[0], self._most // 3
            else:
                start, most = np.array([prior.inward(prior.typical) for prior in self.priors]), self._most
            found = _solve(Problem(self.priors, kept, self.bench), start, most)
            self._known[studies] = found.x, np.linalg.inv(found.jac.T @ found.jac)
        return self._known[studies]

    def values(self, x: Array) -> dict[str, float]:
        """The values by key, in their units, for numbers (p,) on the scale of the fit."""
        return {prior.name: float(prior.outward(np.array(v))) for prior, v in zip(self.priors, x, strict=True)}


def left_out(structure: Structure, most: int = 40) -> Iterator[LeftOut]:
    """Each study of the targets predicted by the fit to all the others."""
    refits = Refits(structure, most)
    for study in sorted(refits.studies):
        x, covariance = refits.without(frozenset((study,)))
        own_rows = tuple(item for item in refits.targets if item.study == study)
        judged = Problem(refits.priors, own_rows, refits.bench)
        errors = np.array([item.error for item in own_rows])
        count = len(own_rows)
        residuals = judged.residuals(x)[:count] * errors
        slopes = judged.jacobian(x)[:count] * errors[:, None]
        total = np.diag(errors**2) + slopes @ covariance @ slopes.T + STUDY_SD**2
        root = np.linalg.cholesky(total)
        standard = np.linalg.solve(root, residuals)
        density = -0.5 * standard @ standard - np.log(np.diag(root)).sum() - 0.5 * count * math.log(2.0 * math.pi)
        yield LeftOut(study, own_rows, residuals, float(density))


def line(structure: Structure, found: Sequence[LeftOut]) -> str:
    """One line of the comparison: density, share of concentrations within 1.5-fold, median error."""
    misses = np.array([abs(r) for one in found for item, r in zip(one.rows, one.residuals, strict=True) if item.level])
    return (
        f"{structure.name:20}{sum(one.density for one in found):>9.1f}{np.mean(misses < math.log(WITHIN)):>9.2f}"
        f"{np.expm1(np.median(misses)):>9.1%}   {structure.says}"
    )


def spreads(found: Sequence[LeftOut]) -> Mapping[str, Component]:
    """Spread between studies and within one, by route, of the left-out residuals of levels."""
    table: dict[str, dict[str, list[float]]] = {}
    for one in found:
        for item, residual in zip(one.rows, one.residuals, strict=True):
            if item.level and item.output != "hnk":
                table.setdefault(route_of(item.arm), {}).setdefault(one.study, []).append(float(residual))
    return between_studies(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison of structures, or write the spread of the shipped one."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.kinetics.leave_out", description=__doc__)
    parser.add_argument("names", nargs="*", help="structures; all if none is named")
    parser.add_argument("--spread", action="store_true", help="write knowledge/posterior/plasma_spread.toml")
    options = parser.parse_args(arguments)
    known = structures()
    for name in options.names:
        if name not in known:
            raise unknown_name("structure", name, known, where="knowledge/fits/plasma.toml, [structures]")
    if options.spread:
        found = list(left_out(known["shipped"]))
        text = written(spreads(found))
        (knowledge_path() / "posterior" / "plasma_spread.toml").write_text(text, encoding="utf-8")
        print(text)
        return 0
    print(f"{'structure':20}{'density':>9}{'in 1.5':>9}{'median':>9}")
    for name in options.names or known:
        print(line(known[name], list(left_out(known[name]))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
