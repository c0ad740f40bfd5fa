"""Fit of naltrexone and naltrexol to the summaries of one swallowed tablet: `python -m ketasim.evidence.kinetics.fit_naltrexone`.

Least squares on the log scale with the priors of knowledge/fits/naltrexone.toml; starts from the stored values and prints
them beside the optimum. What is stored in knowledge/values/comedication.toml is that optimum, rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit

from ketasim.chain.compose import compose
from ketasim.core import drug, knowledge_path, read_toml, value
from ketasim.core.arrays import Array
from ketasim.forward import SMOOTH, Forward, Given, molar_mass
from ketasim.stages.plasma.stage import STAGE, administrations

MASSES = {"naltrexone": "drug:naltrexone", "naltrexol": "molar_mass_naltrexol"}


@dataclass(frozen=True)
class NaltrexoneFit:
    """The settings of the fit and the compiled model."""

    settings: Mapping[str, Any]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Identifiers of the fitted values."""
        return tuple(self.settings["fitted"])

    @cached_property
    def stored(self) -> Array:
        """The values in knowledge/values, in the order of `names`."""
        return np.array([value(name).value for name in self.names])

    @cached_property
    def _forward(self) -> Forward:
        dose = self.settings["dose"]
        amounts = drug(dose["drug"]).part_amounts(dose["mg"], salt=dose["salt"])
        given = tuple(Given(0.0, umol, administrations(part, dose["route"])) for part, umol in amounts.items())
        return Forward(compose(("naltrexone",), stages=[STAGE]), given)

    def curves(self, numbers: Array) -> tuple[Array, dict[str, Array]]:
        """Times (T,) in h and courses (T,) in ng/mL of naltrexone and naltrexol for one set of values."""
        dose = self.settings["dose"]
        edges = [
            target[edge] for target in self.settings["targets"].values() for edge in ("from", "to") if edge in target
        ]
        times = np.unique([*np.arange(0.0, dose["dense"], dose["step"]), *edges, dose["until"]])
        varying = dict(zip(self.names, numbers[:, None], strict=True))
        plan = self._forward.schedule(varying, 0.0, dose["until"])
        found = self._forward.run([plan], varying, 1, times, tuple(MASSES), tolerance=SMOOTH)
        return times, {name: found.table[name][0] * molar_mass(mass) for name, mass in MASSES.items()}

    def predicted(self, numbers: Array) -> dict[str, float]:
        """Every target's prediction: Cmax ng/mL, Tmax h (parabola through the top three points), half-life h."""
        times, levels = self.curves(numbers)
        found = {}
        for name, target in self.settings["targets"].items():
            course = levels[target["output"]]
            top = int(np.argmax(course))
            if target["statistic"] == "cmax":
                found[name] = float(course[top])
            elif target["statistic"] == "tmax":
                left, middle, right = course[top - 1 : top + 2]
                found[name] = float(
                    times[top] + 0.5 * (left - right) / (left - 2 * middle + right) * (times[1] - times[0])
                )
            else:
                first, last = (int(np.argmin(np.abs(times - target[edge]))) for edge in ("from", "to"))
                found[name] = float(np.log(2) * (times[last] - times[first]) / np.log(course[first] / course[last]))
        return found

    def _scaled(self, numbers: Array) -> Array:
        scales = [self.settings["fitted"][name]["scale"] for name in self.names]
        return np.array([logit(x) if s == "logit" else np.log(x) for x, s in zip(numbers, scales, strict=True)])

    def _natural(self, scaled: Array) -> Array:
        scales = [self.settings["fitted"][name]["scale"] for name in self.names]
        return np.array([expit(x) if s == "logit" else np.exp(x) for x, s in zip(scaled, scales, strict=True)])

    def residuals(self, scaled: Array) -> Array:
        """Misfits in units of their errors: ln(predicted/observed)/error, then (x - middle)/sd of the priors."""
        predicted = self.predicted(self._natural(scaled))
        targets = self.settings["targets"]
        rows = [np.log(predicted[name] / target["value"]) / target["error"] for name, target in targets.items()]
        for index, name in enumerate(self.names):
            prior = self.settings["fitted"][name]
            if "middle" in prior:
                middle = logit(prior["middle"]) if prior["scale"] == "logit" else np.log(prior["middle"])
                rows.append((scaled[index] - middle) / prior["sd"])
        return np.array(rows)

    def optimum(self) -> tuple[dict[str, float], float]:
        """The fitted values and the sum of squares there."""
        found = least_squares(self.residuals, self._scaled(self.stored), diff_step=1e-4, x_scale=0.1)
        return dict(zip(self.names, self._natural(found.x), strict=True)), float(2 * found.cost)


def naltrexone_fit() -> NaltrexoneFit:
    """The fit as set in knowledge/fits/naltrexone.toml."""
    return NaltrexoneFit(read_toml(knowledge_path() / "fits" / "naltrexone.toml"))


def main() -> None:
    """Print fitted beside stored values and predicted beside published numbers."""
    fit = naltrexone_fit()
    best, cost = fit.optimum()
    print(f"{'value':34s} {'stored':>10s} {'fitted':>10s}")
    for name, stored in zip(fit.names, fit.stored, strict=True):
        print(f"{name:34s} {stored:10.4g} {best[name]:10.4g}")
    print(f"\n{'published':34s} {'observed':>10s} {'predicted':>10s}")
    for name, predicted in fit.predicted(fit.stored).items():
        print(f"{name:34s} {fit.settings['targets'][name]['value']:10.4g} {predicted:10.4g}")
    print(f"\nsum of squares at the optimum {cost:.2f}")


if __name__ == "__main__":
    main()
