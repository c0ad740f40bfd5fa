"""Own levels and scores beside the model: ledger, NPDE, VPC, empirical Bayes against a textbook case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

from ketasim.core import UsageError
from ketasim.person.own_body import bodies, empirical_bayes, most_likely, named
from ketasim.person.own_data import BODIES, Overlay, correction, npde, overlay, summary, vpc
from ketasim.person.own_table import OwnPerson, OwnValue, own_of
from ketasim.person.table import TableError

HEAD = "ID,TIME,EVID,AMT,RATE,DV,MDV,CENS,DVID,WT"
TWO = f"""{HEAD}
1,0,1,35,52.5,.,1,0,,70
1,0.667,0,0,0,170,0,0,ketamine,70
1,1.5,0,0,0,80,0,0,ketamine,70
1,4,0,0,0,60,0,0,norketamine,70
1,24,0,0,0,2,0,1,ketamine,70
2,0,1,45,67.5,.,1,0,,90
2,0.667,0,0,0,150,0,0,1,90
2,24,0,0,0,18,0,0,MADRS,90
2,48,1,45,67.5,.,1,0,,90
"""


@pytest.fixture(scope="module")
def found() -> Overlay:
    return overlay(own_of(TWO))


def test_doses_in_are_doses_out(found: Overlay) -> None:
    for row in found.ledger:
        if row["after_last_value"]:
            assert row["time_h"] == 48.0 and row["out_mg"] == 0.0
        else:
            assert row["out_mg"] == pytest.approx(row["in_mg"], rel=1e-9)
    assert len(found.ledger) == 3


def test_repeats_are_unrolled() -> None:
    people = own_of("ID,TIME,AMT,ADDL,II,DV,ROUTE\n1,0,10,2,24,.,oral\n1,60,0,0,0,5,\n")
    assert [dose.time_h for dose in people[0].doses] == [0.0, 24.0, 48.0]
    ledger = overlay(people).ledger
    assert sum(row["out_mg"] for row in ledger) == pytest.approx(30.0)


def test_plain_data(found: Overlay) -> None:
    plain = summary(found)
    assert plain["ledger"]["doses_in"] == 3 and plain["people"] == 2
    assert set(plain["outputs"]) == {"plasma.ketamine", "plasma.norketamine", "MADRS"}
    assert all(np.isfinite(v["predicted"]) for v in plain["values"])


def test_npde_of_data_from_the_model_is_standard_normal() -> None:
    """Correlated log-normal data, some below a limit: mean 0, variance 1, and uncorrelated."""
    generator = np.random.default_rng(6)
    root = np.linalg.cholesky(np.array([[0.4, 0.3, 0.1], [0.3, 0.5, 0.2], [0.1, 0.2, 0.3]]))
    draw = lambda n: np.exp(1.0 + generator.standard_normal((n, 3)) @ root.T)  # noqa: E731
    errors = []
    for i in range(600):
        y = draw(1)[0]
        below = y < 1.2
        errors.append(npde(np.where(below, 1.2, y), draw(500), [True] * 3, below.tolist(), i))
    table = np.array(errors)
    assert table.mean(axis=0) == pytest.approx([0, 0, 0], abs=0.12)
    assert table.std(axis=0) == pytest.approx([1, 1, 1], abs=0.1)
    assert abs(np.corrcoef(table.T)[0, 1]) < 0.12


def test_vpc_holds_data_from_the_model_and_not_others(found: Overlay) -> None:
    own = simulated_people(1.0)
    inside = [
        low <= mid <= high
        for one in vpc(own, "plasma.ketamine", bins=3, corrected=True)
        for mid, (low, high) in [(one.observed[1], one.simulated[1])]
    ]
    far = simulated_people(4.0)
    outside = [
        mid > high
        for one in vpc(far, "plasma.ketamine", bins=3)
        for mid, (_, high) in [(one.observed[1], one.simulated[1])]
    ]
    assert len(inside) == 3 and all(inside) and all(outside)
    with pytest.raises(UsageError, match="no value of"):
        vpc(found, "plasma.hnk")


def test_prediction_correction_by_hand() -> None:
    """Bergstrand 2011: y' = y PRED_bin / PRED. Two bins; predictions 10, 20, 40 (median 20) and 3, 5 (median 4)."""
    found = correction(np.array([10.0, 20.0, 40.0, 3.0, 5.0]), np.array([0, 0, 0, 1, 1]))
    assert found == pytest.approx([2.0, 1.0, 0.5, 4 / 3, 0.8])


def two_doses(factor: float = 1.0) -> Overlay:
    """Forty people at one time, half of them with a tenth of the dose, values the model's own times a factor."""
    generator = np.random.default_rng(3)
    centre = np.where(np.arange(40) % 2, 100.0, 10.0)
    table = np.exp(np.log(centre) + generator.normal(0, 0.3, (BODIES + 1, 40)))
    values = tuple(
        (str(i), OwnValue(0, 1.0, "plasma.ketamine", float(x) * factor, False)) for i, x in enumerate(table[0])
    )
    return Overlay((), values, table[1:], np.zeros(40), ())


def test_a_corrected_check_takes_the_dose_out() -> None:
    """Two doses in one bin: uncorrected percentiles span the doses (factor 10 times the spread), corrected ones the spread between people alone."""
    found = two_doses()
    plain, corrected = vpc(found, "plasma.ketamine")[0], vpc(found, "plasma.ketamine", corrected=True)[0]
    spread = np.exp(2 * 1.645 * 0.3)  # 95th over 5th percentile of a log-normal of SD 0.3
    assert corrected.observed[2] / corrected.observed[0] == pytest.approx(spread, rel=0.35)
    assert plain.observed[2] / plain.observed[0] > 4 * spread
    # what is corrected keeps its place in the bin: observed and simulated are multiplied alike
    factor = correction(found.prediction, np.zeros(40, dtype=np.int64))
    assert corrected.observed[1] == pytest.approx(
        np.median(np.array([v.value for _, v in found.rows]) * factor), rel=1e-12
    )
    doubled = vpc(two_doses(2.0), "plasma.ketamine", corrected=True)[0]
    assert not doubled.simulated[1][0] <= doubled.observed[1] <= doubled.simulated[1][1]


def test_values_below_a_limit_count_alike_in_data_and_in_simulations() -> None:
    """Log-normal around 10, limit 8: about a third lies below; reported as half of the limit on both sides, the low percentile is inside and not above what is simulated."""
    generator = np.random.default_rng(5)
    table = np.exp(np.log(10.0) + generator.normal(0, 0.5, (BODIES + 1, 60)))
    rows = tuple(
        (str(i), OwnValue(0, 1.0, "plasma.ketamine", 8.0 if x < 8.0 else float(x), bool(x < 8.0)))
        for i, x in enumerate(table[0])
    )
    found = vpc(Overlay((), rows, table[1:], np.zeros(60), ()), "plasma.ketamine")[0]
    assert found.observed[0] == found.simulated[0][0] == found.simulated[0][1] == 4.0
    assert found.observed[1] == pytest.approx(np.median(table[0]))  # fewer than half lie below: the middle is untouched
    middle = np.percentile(np.median(table[1:], axis=1), (5, 95))
    assert found.simulated[1] == pytest.approx(tuple(middle))


def simulated_people(factor: float) -> Overlay:
    """Twelve people whose values are one column of the model's own simulation, times a factor."""
    times = (0.667, 1.5, 4.0)
    rows = tuple((str(i), OwnValue(0, t, "plasma.ketamine", 1.0, False)) for i in range(12) for t in times)
    generator = np.random.default_rng(7)
    centre = np.log(np.tile([150.0, 60.0, 25.0], 12))
    body = np.repeat(generator.normal(0, 0.4, (BODIES + 1, 12)), 3, axis=1)
    table = np.exp(centre + body + generator.normal(0, 0.2, body.shape))
    values = tuple(
        (p, OwnValue(0, v.time_h, v.name, float(x) * factor, False)) for (p, v), x in zip(rows, table[0], strict=True)
    )
    return Overlay((), values, table[1:], np.zeros(len(rows)), ())


@pytest.mark.parametrize(
    ("line", "words", "fix"),
    [
        ("1,1,1,0,0,.,1,0,,70", "EVID 1 without AMT", "AMT in mg"),
        ("1,1,0,20,0,.,0,0,,70", "AMT 20 on a line with EVID 0", "EVID 1"),
        ("1,1,0,0,0,-4,0,0,ketamine,70", "a level of -4", "CENS 1"),
        ("1,1,0,0,0,4,0,0,ketamin,70", "unknown DVID 'ketamin'", "ketamine"),
        ("1,1,0,0,0,75,0,0,MADRS,70", "MADRS 75 is outside", "correct DV"),
        ("1,1,4,20,0,.,1,0,,70", "EVID 4", "a person of its own"),
        ("1,1,1,20,-2,.,1,0,,70", "a modelled rate", "RATE in mg/h"),
        ('1,"1,5",0,0,0,4,0,0,ketamine,70', "TIME is a number", "1.5"),
        ("9,1,0,0,0,4,0,0,ketamine,70", "9 has values and no dose", "EVID 1"),
        ("8,1,1,20,0,.,1,0,,70", "the first dose of 8 is at 1 h", "counts from the first dose"),
        ("1,1,0,0,0,4,0,0,ketamine,500", "WT 500 is outside", "correct it"),
    ],
)
def test_hostile_lines_are_named(line: str, words: str, fix: str) -> None:
    with pytest.raises(TableError) as error:
        own_of(TWO + line + "\n")
    assert words in str(error.value) and fix in str(error.value) and "line 11" in str(error.value)


def test_empirical_bayes_of_a_textbook_case() -> None:
    """One compartment, 100 mg into a vein, two levels (Sheiner and Beal's form): CL 4 L/h (40 %), V 40 L (20 %), residual 15 %. The mode by another optimiser."""
    times, y = np.array([2.0, 12.0]), np.log(np.array([1.5, 0.35]))
    sd = np.array([0.4, 0.2])

    def predict(effects: np.ndarray) -> np.ndarray:
        clearance, volume = 4.0 * np.exp(sd[0] * effects[:, [0]]), 40.0 * np.exp(sd[1] * effects[:, [1]])
        return np.log(100.0 / volume) - clearance / volume * times

    found = most_likely(predict, y, 0.15**2 * np.eye(2), 2)

    def objective(e: np.ndarray) -> float:
        return float((((y - predict(e[None])[0]) / 0.15) ** 2).sum() + (e**2).sum())

    best = minimize(
        objective, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    )
    assert found.effects == pytest.approx(best.x, abs=1e-4)
    assert 4.0 * np.exp(sd[0] * found.effects[0]) > 4.0  # levels below what is usual: cleared faster


def test_empirical_bayes_of_oral_theophylline() -> None:
    """One compartment with first-order absorption (the textbook's theophylline: 320 mg, 70 kg, ka 1.5/h, CL 2.8 L/h, V 32 L; made-up levels; effects log-normal
    with SD 0.5, 0.3, 0.15; a residual with a part shared by all levels). Mode and spread by least squares on whitened residuals, another method and another package."""
    times = np.array([0.5, 1.0, 2.0, 5.0, 9.0, 12.0, 24.0])
    y = np.log(np.array([3.1, 5.4, 8.6, 8.2, 6.4, 5.1, 1.9]))
    sd, size = np.array([0.5, 0.3, 0.15]), len(times)
    covariance = 0.05**2 * np.ones((size, size)) + 0.1**2 * np.eye(size)

    def predict(effects: np.ndarray) -> np.ndarray:
        ka, clearance, volume = (
            typical * np.exp(s * effects[:, [i]])
            for i, (typical, s) in enumerate(zip((1.5, 2.8, 32.0), sd, strict=True))
        )
        k = clearance / volume
        return np.log(320.0 / volume * ka / (ka - k) * (np.exp(-k * times) - np.exp(-ka * times)))  # Bateman

    found = most_likely(predict, y, covariance, 3)
    white = np.linalg.cholesky(np.linalg.inv(covariance)).T
    best = least_squares(
        lambda e: np.concatenate([white @ (y - predict(e[None])[0]), e]),
        np.zeros(3),
        method="lm",
        xtol=1e-14,
        ftol=1e-14,
    )
    assert found.effects == pytest.approx(best.x, abs=2e-4)
    assert found.covariance == pytest.approx(np.linalg.inv(best.jac.T @ best.jac), rel=2e-3, abs=1e-6)
    assert np.exp(found.usual) == pytest.approx(np.exp(predict(np.zeros((1, 3)))[0]))
    assert ((y - found.predicted) ** 2).sum() < ((y - found.usual) ** 2).sum() and found.steps < 15


def test_empirical_bayes_of_a_line_is_exact() -> None:
    """f = a e, y: mode a y / (s^2 + a^2), variance s^2 / (s^2 + a^2)."""
    found = most_likely(lambda e: 0.5 * e, np.array([1.0]), np.array([[0.09]]), 1)
    assert found.effects[0] == pytest.approx(0.5 / (0.09 + 0.25))
    assert found.covariance[0, 0] == pytest.approx(0.09 / (0.09 + 0.25))


def person_with(levels: Sequence[tuple[float, float]]) -> OwnPerson:
    text = f"{HEAD}\n1,0,1,35,52.5,.,1,0,,70\n" + "".join(f"1,{t},0,0,0,{v},0,0,ketamine,70\n" for t, v in levels)
    return own_of(text)[0]


def test_empirical_bayes_finds_a_slow_eliminator() -> None:
    """The levels of a person at the mode of high values lie nearer to what was measured than those of the typical person, and clearance falls."""
    usual, _ = empirical_bayes(person_with([(0.667, 155), (1.5, 62), (4, 25)]))
    slow, keys = empirical_bayes(person_with([(0.667, 155), (1.5, 90), (4, 60), (8, 40)]))
    effects = named(slow, keys)
    assert effects["metabolic_capacity"] < -0.3 or effects["hepatic_flow"] < -0.3
    assert np.abs(usual.effects).max() < 0.8
    assert np.exp(slow.predicted[-1]) > 12.0


def test_bodies_as_plain_data() -> None:
    people = own_of(TWO)
    found = bodies(people[:1])[0]
    assert found["person"] == "1" and [v["value"] for v in found["levels"]] == [
        170.0,
        80.0,
        60.0,
    ]  # the one below its limit is left out
    sizes = [abs(e["sd"]) for e in found["effects"]]
    assert sizes == sorted(sizes, reverse=True) and all(0 < e["spread"] <= 1.0 + 1e-9 for e in found["effects"])
    for v in found["levels"]:  # the own body lies nearer to what was measured, or as near, taken together
        assert v["own"] > 0 and v["usual"] > 0
    miss = [sum(np.log(v["value"] / v[which]) ** 2 for v in found["levels"]) for which in ("usual", "own")]
    assert miss[1] < miss[0]
