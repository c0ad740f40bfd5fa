"""Nothing looks into the future: whatever is given, felt or asked for after a time, no output up to that time changes.

A scenario is drawn, and a time t. Then everything after t is cut: later doses, later co-medication, the rest of an infusion that runs at t, the
rest of the run. Both are run in the same people; every output at every time up to t must agree to 1e-6 of the output's size at the tolerance of
every run, and to 1e-9 at a relative tolerance of 1e-11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ketasim.chain.hypothesis import hypotheses
from ketasim.forward import Tolerance
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.result import Result
from ketasim.scenario.run import ScenarioRun

MAINS = (
    ("ketamine iv", "mg/kg", 0.2, 1.0, 0.667),
    ("ketamine iv", "mg/kg", 0.2, 1.0, 2.0),
    ("arketamine iv", "mg/kg", 0.2, 1.0, 0.667),
    ("esketamine nasal", "mg", 28, 84, 0.0),
    ("ketamine oral", "mg", 50, 200, 0.0),
    ("ketamine sc", "mg/kg", 0.2, 0.8, 0.0),
    ("ketamine im", "mg/kg", 0.2, 0.8, 0.0),
    ("midazolam iv", "mg", 1, 3, 0.667),
)
BESIDE = (
    "naltrexone oral 50 mg",
    "diazepam oral 10 mg",
    "lorazepam oral 2 mg",
    "lamotrigine oral 300 mg",
    "ssri oral",
    "buprenorphine sublingual 4 mg",
    "clarithromycin oral 500 mg",
    "memantine oral 20 mg",
    "morphine iv 5 mg over 10 min",
    "ketamine iv 10 mg over 30 min",
)
SETTINGS = ("open", "saline", "midazolam", "nasal-placebo", "inpatient", "routine")
LONGEST_H = 120.0
ROUNDING = 1e-5
NOTHING = 1e-9  # an output that stays below this is rounding, not a quantity


@dataclass(frozen=True)
class Case:
    """A drawn scenario as data: main drug and its doses, co-medication with times, setting, hypothesis, end, and where it is cut."""

    main: tuple[str, str, float, float]  # drug and route, unit, amount, duration (0: none)
    doses_h: tuple[float, ...]
    beside: tuple[tuple[str, float], ...]
    setting: str
    masked: bool
    hypothesis: str | None
    end_h: float
    seed: int

    def words(self, cut_h: float = np.inf) -> tuple[Scenario, Scenario | None]:
        """The scenario with doses up to `cut_h`, its last infusion cut there too."""
        drug, unit, amount, duration = self.main
        over = f" over {60 * duration:.10g} min" if duration else ""
        past = [t for t in self.doses_h if t < cut_h]
        # an infusion that runs when time is cut keeps its rate until then
        at_cut = duration and past and past[-1] + duration > cut_h and len(past) == 1
        if at_cut:
            share = (cut_h - past[0]) / duration
            over, amount = f" over {60 * duration * share:.15g} min", amount * share
        given = tuple(f"{w} at {t:.10g} h once" for w, t in self.beside if t < cut_h)
        return scenario(
            f"{drug} {amount:.15g} {unit}{over}",
            repeat="at " + ", ".join(f"{t:.10g} h" for t in past),
            with_=given,
            setting=self.setting,
            masked=self.masked,
            hypothesis=self.hypothesis,
            days=min(self.end_h, cut_h) / 24.0 if np.isfinite(cut_h) else self.end_h / 24.0,
            at=[0.0],
            people=3,
            draws=2,
            seed=self.seed,
        )


def draw(number: int) -> tuple[Case, float]:
    """Case `number` and the time at which it is cut."""
    rng = np.random.default_rng([20261128, number])
    drug, unit, low, high, duration = MAINS[rng.integers(len(MAINS))]
    gaps = rng.choice([3.0, 8.0, 24.0, 48.0, 61.5], size=rng.integers(0, 4))
    doses = tuple(np.concatenate([[0.0], np.cumsum(gaps)]).tolist())
    beside = tuple(
        (BESIDE[rng.integers(len(BESIDE))], round(float(rng.uniform(-3.0, 60.0)), 2)) for _ in range(rng.integers(0, 3))
    )
    end = round(float(rng.uniform(doses[-1] + 5.0, doses[-1] + LONGEST_H)), 1)
    names = [None, None, *hypotheses()]
    case = Case(
        (drug, unit, round(float(rng.uniform(low, high)), 3), duration),
        doses,
        beside,
        SETTINGS[rng.integers(len(SETTINGS))],
        bool(rng.random() < 0.2),
        names[rng.integers(len(names))],
        end,
        int(rng.integers(1, 1000)),
    )
    within = duration if rng.random() < 0.3 and duration else 0.0  # often in the middle of the first infusion
    cut = float(rng.uniform(0.1, 0.95)) * (within or end)
    return case, round(cut, 3)


def run(asked: Scenario, tolerance: Tolerance | None) -> Result:
    return (ScenarioRun(asked, tolerance=tolerance) if tolerance else ScenarioRun(asked)).result()


def differences(case: Case, cut: float, tolerance: Tolerance | None) -> dict[str, float]:
    """Largest change of every output up to `cut`, in units of the output's size."""
    whole, past = run(case.words(), tolerance), run(case.words(cut), tolerance)
    assert not whole.failures and not past.failures
    common = np.intersect1d(whole.grid_h, past.grid_h)
    common = common[common <= cut]
    assert (
        len(common) == (whole.grid_h <= cut).sum() or case.main[3]
    )  # the same times, but for the end of a cut infusion
    i, j = (np.searchsorted(r.grid_h, common) for r in (whole, past))
    found = {}
    for name, rows in whole.grid_values.items():
        drawn = whole.model_grid_values.get(name, np.zeros((0, 0)))
        size = max(float(np.abs(rows).max()), NOTHING)
        if (
            name == "madrs.effect"
        ):  # a difference of two scores: where it is next to nothing, their rounding is its size
            size = max(size, ROUNDING * float(np.abs(whole.grid_values["madrs"]).max()))
        other = past.grid_values.get(name)
        if other is None:  # a drug that is given only after the cut
            found[name] = float(np.abs(rows[:, i]).max()) / size
            continue
        found[name] = float(np.abs(rows[:, i] - other[:, j]).max()) / size
        if drawn.size:
            change = np.abs(drawn[:, i] - past.model_grid_values[name][:, j]).max()
            found[name] = max(found[name], float(change) / size)
    return found


def check(number: int) -> tuple[float, float]:
    case, cut = draw(number)
    usual = differences(case, cut, None)
    assert max(usual.values()) < 1e-6, (case, cut, max(usual, key=lambda n: usual[n]))
    exact = differences(case, cut, Tolerance(1e-11, 1e-13))
    assert max(exact.values()) < 1e-9, (case, cut, max(exact, key=lambda n: exact[n]))
    return max(usual.values()), max(exact.values())


@pytest.mark.parametrize("number", range(25))
def test_what_comes_later_changes_nothing_before(number: int) -> None:
    check(number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(25, 200))
def test_what_comes_later_changes_nothing_before_in_many_scenarios(number: int) -> None:
    check(number)


def test_the_first_ten_minutes_of_a_short_and_of_a_long_infusion_are_the_same() -> None:
    """Case 80: the shorter infusion is the first ten minutes of the longer one, and nobody can know yet which of them it is."""
    long = scenario("ketamine iv 0.5 mg/kg over 40 min", at=[1 / 12, 1 / 6], people=20, seed=1)
    short = replace(long, words="ketamine iv 0.125 mg/kg over 10 min")
    one, other = ScenarioRun(long).result(), ScenarioRun(short).result()
    for name in one.values:
        size = np.abs(one.grid_values[name]).max()
        assert one.values[name] == pytest.approx(other.values[name], rel=0, abs=1e-6 * size), name


def test_what_is_asked_for_changes_nothing() -> None:
    """Times that are only asked for, and a longer run, leave every answer and every moment as it was."""
    plain = scenario("esketamine nasal 84 mg", at=[24.0], days=7, people=6, setting="nasal-placebo")
    asked = replace(plain, at=(0.31, 0.52, 0.617, 3.3, 24.0), days=60.0)
    one, other = ScenarioRun(plain).result(), ScenarioRun(asked).result()
    for name in one.values:
        size = np.abs(one.grid_values[name]).max()
        assert other[name].people[:, -1] == pytest.approx(one[name].people[:, 0], rel=0, abs=1e-6 * size), name
    for key in ("onset_h", "time_in_clinic_h"):
        assert other.summary[key] == pytest.approx(one.summary[key], rel=1e-6), key
    for name in ("cadss", "plasma.ketamine", "nmda.occupancy"):
        assert other.summary["peaks"][name]["time_h"] == one.summary["peaks"][name]["time_h"], name
