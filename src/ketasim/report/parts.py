"""What stands beyond placebo, taken apart: the drug itself, and what noticing it adds; and what other hypotheses say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import default_hypothesis, hypotheses
from ketasim.core import KetasimError, UsageError
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

OPIOID = ("naltrexone", "buprenorphine", "morphine")  # drugs whose effect on mood the hypothesis decides


@dataclass(frozen=True, slots=True)
class Parts:
    """Of the typical person's effect beyond placebo, points: `drug` as in a perfectly masked trial, `belief` the rest.

    low, high : 90 % credible interval of `drug`; None without a posterior.
    """

    drug: float
    belief: float
    low: float | None
    high: float | None


def masked(result: Result) -> Result:
    """The typical person of the same run, with the same draws, if nobody could tell drug from placebo."""
    return result if result.scenario.masked else run(result.scenario.but(masked=True, people=0))


def parts(result: Result, without: Result, look: str) -> Parts | None:
    """The two parts at "24 h" or "7 d"; None where the run has no such look."""
    here, there = result.summary["mood"].get(look), without.summary["mood"].get(look)
    if here is None or there is None:
        return None
    whole, drug = here["madrs.effect"]["typical"], there["madrs.effect"]
    return Parts(drug["typical"], whole - drug["typical"], drug["model_low"], drug["model_high"])


def under_placebo(result: Result) -> Result | None:
    """The same people in the same setting with a placebo by the same route at the same times; None where words cannot say it."""
    asked = result.scenario
    main = asked.regimen.main
    if len(main.blocks) != 1 or main.blocks[0].dose.entry.role == "placebo":
        return None
    times = [time for time, _, _ in main.times(asked.end_h)]
    try:
        other = scenario(
            f"placebo {main.blocks[0].dose.route}",
            repeat="" if len(times) == 1 else "at " + ", ".join(f"{time:.10g} h" for time in times),
            with_=asked.with_,
            setting=asked.setting,
            days=asked.end_h / 24.0,
            people=asked.people,
            seed=asked.seed,
            draws=0,
            values={key: new for key, new in asked.values.items()},
            variants=dict(asked.variants),
            optional=tuple(asked.values),
        ).but(traits=asked.traits)
        found = [time for time, _, _ in other.regimen.main.times(other.end_h)]
        if len(found) != len(times) or not np.allclose(found, times):
            return None
        return run(other)
    except (UsageError, KetasimError):
        return None


@dataclass(frozen=True, slots=True)
class Range:
    """The typical person's effect beyond placebo at one look under every hypothesis, by its name, points."""

    look: str
    default: str
    effects: Mapping[str, float]


def opioid_drug(asked: Scenario) -> str:
    """The first opioid drug of the scenario; empty if there is none."""
    return next((d.dose.drug for d in asked.regimen.doses(asked.end_h) if d.dose.drug in OPIOID), "")


def over_hypotheses(result: Result, progress: Callable[[float], None] | None = None) -> Range | None:
    """What every shipped hypothesis says of this scenario; None where no opioid drug is given or a hypothesis was chosen.

    progress : told the share done; the first time, the model of each hypothesis is compiled.
    """
    asked = result.scenario
    placebo = asked.regimen.main.blocks[0].dose.entry.role == "placebo"
    if asked.hypothesis or asked.variants or placebo or not opioid_drug(asked):
        return None
    look = next((name for name in ("24 h", "7 d") if result.summary["mood"].get(name)), "")
    if not look:
        return None
    traits: dict[str, Any] = {
        name: getattr(asked.traits, name) for name in ("weight", "age", "sex", "baseline", "genotype", "ethnicity")
    }
    effects = {}
    for entry in hypotheses().values():
        other = scenario(
            asked.words,
            repeat=asked.repeat,
            with_=asked.with_,
            setting=asked.setting,
            masked=asked.masked,
            days=asked.end_h / 24.0,
            people=0,
            draws=0,
            compound=asked.compounds,
            values={key: new for key, new in asked.values.items() if key not in asked.optional},
            hypothesis=entry.id,
            **traits,
        )
        effects[entry.id] = float(run(other).summary["mood"][look]["madrs.effect"]["typical"])
        if progress:
            progress(len(effects) / len(hypotheses()))
    return Range(look, default_hypothesis().id, effects)
