"""The plasma stage against an independent matrix-exponential solution and against closed forms of linear kinetics."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm

from ketasim.core import values
from ketasim.evidence.kinetics.plasma_arms import Bench, arm, statistic
from ketasim.forward import Tolerance

P = {key: item.value for key, item in values("plasma").items()}
SPACES = (
    "nasal",
    "gut_nasal",
    "gut_oral",
    "mouth",
    "gut_mouth",
    "central",
    "shallow",
    "deep",
    "liver",
    "nk_liver",
    "nk",
    "nk_far",
    "hnk",
    "hnk_far",
    "rapid",
    "stomach",
    "excess",  # uM from here on: what arteries hold above the mixed space, and norketamine in the arm vein
    "nk_excess",
    "nk_arm",
)
AT = {name: index for index, name in enumerate(SPACES)}


def system() -> np.ndarray:
    """Rates dA/dt = M A of S-ketamine, written from the structure in docs, not from the .ant files."""
    matrix = np.zeros((len(SPACES), len(SPACES)))

    def flow(source: str, target: str | None, rate: float) -> None:
        matrix[AT[source], AT[source]] -= rate
        if target:
            matrix[AT[target], AT[source]] += rate

    def exchange(first: str, second: str, rate: float, volume: float, other: float) -> None:
        flow(first, second, rate / volume)
        flow(second, first, rate / other)

    gut = 1.0 / (1.0 + P["gut_clearance_ratio"])
    flow("nasal", "central", P["nasal_absorption"])
    flow("mouth", "central", P["mucosal_absorption"])
    for site, name in (("gut_nasal", "nasal_swallowed"), ("gut_oral", "oral"), ("gut_mouth", "mucosal_swallowed")):
        rate = P[f"{name}_absorption"]
        flow(site, "liver", rate * gut)
        flow(site, "nk_liver", rate * (1 - gut) * P["gut_norketamine_yield"])
        flow(site, None, rate * (1 - gut) * (1 - P["gut_norketamine_yield"]))
    exchange("central", "shallow", P["shallow_flow"], P["central_volume"], P["shallow_volume"])
    exchange("central", "deep", P["deep_flow"], P["central_volume"], P["deep_volume"])
    exchange("central", "liver", P["hepatic_flow"], P["central_volume"], P["liver_volume"])
    flow("liver", "nk_liver", (P["cyp3a4_clearance"] + P["cyp2b6_clearance"]) / P["liver_volume"])
    flow("liver", None, P["other_clearance"] / P["liver_volume"])
    exchange("nk_liver", "nk", P["hepatic_flow"], P["norketamine_liver_volume"], P["norketamine_volume"])
    exchange("nk", "nk_far", P["norketamine_flow"], P["norketamine_volume"], P["norketamine_peripheral_volume"])
    flow("nk_liver", "hnk", P["hnk_fraction"] * P["norketamine_clearance"] / P["norketamine_liver_volume"])
    flow("nk_liver", None, (1 - P["hnk_fraction"]) * P["norketamine_clearance"] / P["norketamine_liver_volume"])
    exchange("hnk", "hnk_far", P["hnk_flow"], P["hnk_volume"], P["hnk_peripheral_volume"])
    flow("hnk", None, P["hnk_clearance"] / P["hnk_volume"])
    exchange("central", "rapid", P["rapid_flow"], P["central_volume"], P["rapid_volume"])
    flow("stomach", "gut_oral", P["oral_absorption"])
    lung, arm_time, through = P["front_end_transit"], P["arm_transit"], P["front_end_flow"]
    for site, rate in (("nasal", P["nasal_absorption"]), ("mouth", P["mucosal_absorption"])):
        matrix[AT["excess"], AT[site]] = rate / through / lung
    flow("excess", None, 1 / lung)
    matrix[AT["nk_excess"], AT["nk_liver"]] = P["hepatic_flow"] / P["norketamine_liver_volume"] / through / lung
    matrix[AT["nk_excess"], AT["nk"]] = -P["hepatic_flow"] / P["norketamine_volume"] / through / lung
    flow("nk_excess", None, 1 / lung)
    matrix[AT["nk_arm"], AT["nk"]] = 1 / P["norketamine_volume"] / arm_time
    matrix[AT["nk_arm"], AT["nk_excess"]] = 1 / arm_time
    flow("nk_arm", None, 1 / arm_time)
    return matrix


def after_input(
    matrix: np.ndarray, rates: dict[str, tuple[float, float]], start: dict[str, float], time: float
) -> np.ndarray:
    """Amounts at `time`; `rates` space -> (umol/h, until h); exact by augmented matrix exponentials between changes."""
    amounts = np.zeros(len(SPACES))
    for name, amount in start.items():
        amounts[AT[name]] = amount
    edges = sorted({0.0, time, *(end for _, end in rates.values() if end < time)})
    for begin, end in pairwise(edges):
        source = np.zeros(len(SPACES))
        for name, (rate, until) in rates.items():
            source[AT[name]] += rate if begin < until - 1e-12 else 0.0
        source[AT["excess"]] += source[AT["central"]] / P["front_end_flow"] / P["front_end_transit"]
        augmented = np.zeros((len(SPACES) + 1, len(SPACES) + 1))
        augmented[:-1, :-1], augmented[:-1, -1] = matrix * (end - begin), source * (end - begin)
        amounts = (expm(augmented) @ np.append(amounts, 1.0))[:-1]
    return amounts


CASES = {
    "iv_10": ({"central": ("infusion", 0.5)}, {}),
    "nasal_28": ({"gut_nasal": ("nasal", P["nasal_swallow_duration"])}, {"nasal": P["nasal_fraction"]}),
    "film_50": (
        {"mouth": ("mouth", P["mucosal_release_duration"]), "gut_mouth": ("gut", P["mucosal_swallow_duration"])},
        {},
    ),
    "oral": ({"stomach": ("oral", P["oral_release_duration"])}, {}),
}
SHARES = {
    "infusion": 1.0,
    "nasal": 1 - P["nasal_fraction"],
    "mouth": P["mucosal_fraction"],
    "gut": 1 - P["mucosal_fraction"],
    "oral": 1.0,
}


@pytest.mark.parametrize("name", CASES)
def test_every_route_agrees_with_matrix_exponentials(name: str) -> None:
    windows, deposits = CASES[name]
    which = arm(name)
    curves = Bench(tolerance=Tolerance(1e-10, 1e-10, "value")).curves(which)
    rates = {space: (SHARES[kind] * which.given / length, length) for space, (kind, length) in windows.items()}
    start = {space: share * which.given for space, share in deposits.items()}
    unit = np.eye(len(SPACES))
    central = unit[AT["central"]] / P["central_volume"]
    seen = {
        "ketamine": central,
        "arterial": central + unit[AT["excess"]],
        "norketamine": unit[AT["nk_arm"]],
        "arterial_norketamine": unit[AT["nk"]] / P["norketamine_volume"] + unit[AT["nk_excess"]],
        "hnk": unit[AT["hnk"]] / P["hnk_volume"],
    }
    picked = np.linspace(5, len(curves.times) - 1, 12).astype(int)
    exact = np.array([after_input(system(), rates, start, curves.times[i]) for i in picked])
    for output, weights in seen.items():
        micromolar = exact @ weights
        simulated = curves.levels[output][0, picked]
        scale = simulated / micromolar
        mass = scale[np.argmax(micromolar)]
        assert np.max(np.abs(simulated - micromolar * mass)) < 2e-7 * simulated.max(), output
        assert 220.0 < mass < 241.0, "ng/mL per umol/L is the molar mass"


def test_clearance_and_bioavailability_follow_from_flows_and_extraction() -> None:
    """CL = Qh CLint/(Qh + CLint); F oral = Fgut (1 - E); F nasal = FRn + (1 - FRn) F oral; R against S by CLint,
    in the liver and in the gut wall: R has the larger F."""
    bench = Bench()
    flow = P["hepatic_flow"]
    intrinsic = P["cyp3a4_clearance"] + P["cyp2b6_clearance"] + P["other_clearance"]
    extraction = intrinsic / (flow + intrinsic)
    oral = (1.0 - extraction) / (1.0 + P["gut_clearance_ratio"])
    reference = bench.curves(arm("long_iv"))
    assert statistic("clearance", reference, "ketamine")[0] == pytest.approx(flow * extraction, rel=3e-3)
    assert statistic("bioavailability", bench.curves(arm("oral")), "ketamine", 0.0, reference)[0] == pytest.approx(
        oral, rel=3e-3
    )
    first, later = P["nasal_fraction"], P["nasal_fraction"] * P["nasal_later_spray_factor"]
    taken = (first + 2 * later) / 3
    nasal = statistic("bioavailability", bench.curves(arm("long_nasal_84")), "ketamine", 0.0, reference)[0]
    assert nasal == pytest.approx(taken + (1 - taken) * oral, rel=3e-3)
    right, reference_r = bench.curves(arm("oral_r")), bench.curves(arm("long_iv_r"))
    slower = P["r_enantiomer_clearance"] * intrinsic
    oral_r = flow / (flow + slower) / (1.0 + P["r_enantiomer_clearance"] * P["gut_clearance_ratio"])
    assert statistic("bioavailability", right, "ketamine", 0.0, reference_r)[0] == pytest.approx(oral_r, rel=3e-3)
    assert oral_r > 1.2 * oral
    slower = P["r_enantiomer_clearance"] * intrinsic
    ratio = statistic("clearance_ratio", bench.curves(arm("long_iv_r")), "ketamine", 0.0, reference)[0]
    assert ratio == pytest.approx(flow * slower / (flow + slower) / (flow * extraction), rel=3e-3)


def test_intravenous_bioavailability_is_one_whatever_the_rate() -> None:
    bench = Bench()
    value = statistic(
        "bioavailability", bench.curves(arm("long_iv_racemate")), "ketamine", 0.0, bench.curves(arm("long_iv_racemate"))
    )
    assert value[0] == 1.0
    fast, slow = bench.curves(arm("iv_10_long")), bench.curves(arm("long_iv"))
    assert statistic("bioavailability", fast, "ketamine", 0.0, slow)[0] == pytest.approx(1.0, abs=3e-3)
