"""Concentrations of round 2: early minutes, oral peaks, metabolites, weight, formulations, uncertainty."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from ketasim.core import UsageError, drug, knowledge_path, read_toml, values
from ketasim.dose.regimen import parse
from ketasim.evidence.kinetics.fit_plasma import SOURCES_DISAGREE, draws_path, draws_text, shipped_fit
from ketasim.evidence.kinetics.leave_out import chosen_priors, structures
from ketasim.evidence.kinetics.pk_table import Row, Share, predict, rows, summary, targets
from ketasim.evidence.kinetics.plasma_arms import Bench, arm, statistic
from ketasim.evidence.kinetics.spread import component, restricted, route_of
from ketasim.evidence.kinetics.weight import HEAVY, NO_EFFECT, REFERENCE, findings, level, shipped_exponents
from ketasim.stages.plasma.stage import CHOICES, STAGE, administrations

pytestmark = pytest.mark.xdist_group("plasma_table")

OUTSIDE_PEAKS = {"PK-PO-51", "PK-PO-208"}  # Grant 1981, and norketamine after the sublingual dose of Chong 2006
IRREPRODUCIBLE = {"PK-IN-01d", "PK-IN-02d", "PK-IN-03d"}  # norketamine areas of a table its own model does not give


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return rows()


@pytest.fixture(scope="module")
def shares(table: list[Row]) -> dict[str, Share]:
    return {one.what: one for one in summary(table)}


def ratio(table: list[Row], record: str, output: str, kind: str, time: float = 0.0) -> float:
    (found,) = [
        row.ratio
        for row in table
        if (row.target.record, row.target.output, row.target.statistic, row.target.time) == (record, output, kind, time)
    ]
    return found


def test_nine_of_ten_levels_are_within_one_and_a_half_and_the_median_error_is_small(shares: dict[str, Share]) -> None:
    both = shares["parent and norketamine, all levels and areas"]
    assert both.rows >= 80 and both.share >= 0.90 and both.median < 0.20
    assert shares["parent"].share >= 0.90 and shares["norketamine"].share >= 0.90
    assert set(both.outside) <= OUTSIDE_PEAKS | IRREPRODUCIBLE


def test_peaks_after_oral_and_sublingual_doses(shares: dict[str, Share]) -> None:
    """Eight of ten within 1.5-fold; the two others contradict another record of the same thing (docs/decisions/plasma.md)."""
    peaks = shares["peaks after oral and sublingual doses"]
    assert peaks.rows == 10 and set(peaks.outside) == OUTSIDE_PEAKS
    times = shares["times of those peaks"]
    assert times.rows == 9 and set(times.outside) <= {"PK-OTF-4a"}, (
        "the larger film peaks later; a linear model has one time"
    )


def test_norketamine_from_a_quarter_of_an_hour_on_and_hydroxynorketamine(shares: dict[str, Share]) -> None:
    assert set(shares["norketamine in a course, from 15 min on"].outside) <= {"PK-PO-208"}
    assert shares["hydroxynorketamine"].rows >= 6 and not shares["hydroxynorketamine"].outside


def test_a_bolus_peaks_as_published(table: list[Row]) -> None:
    """296 ng/mL two minutes after 10 mg (PK-PH-1a); without the rapid space it stays under half of that."""
    assert 1 / 1.5 < ratio(table, "PK-PH-1a", "ketamine", "cmax") < 1.5
    old = structures()["old"]
    wide = Bench(("central_volume",), variants=old.variants).curves(arm("bolus_10"), np.array([[115.5]]))
    assert statistic("cmax", wide, "ketamine")[0] < 0.5 * 296.0


def test_the_first_quarter_of_an_hour_of_an_infusion(table: list[Row]) -> None:
    """Kamp 2020, arterial: parent and norketamine at 15 min; with the liver volume of 0.1.0 norketamine is a third of it."""
    assert ratio(table, "PK-KAMP-a", "arterial", "at", 0.25) == pytest.approx(1.0, abs=0.3)
    assert ratio(table, "PK-KAMP-d", "arterial_norketamine", "at", 0.25) == pytest.approx(1.0, abs=0.3)
    slow = Bench(("liver_volume",)).curves(arm("steps"), np.array([[101.0]]))
    assert statistic("at", slow, "arterial_norketamine", 0.25)[0] < 4.0 / 2.5


def test_a_printed_mean_is_compared_as_the_median_of_its_lognormal() -> None:
    """Mean 22.8, SD 12.8: a lognormal with these has its median at 19.88 (Aitchison and Brown: m / sqrt(1 + CV^2))."""
    (item,) = [one for one in targets() if one.record == "PK-PO-205"]
    sigma = math.sqrt(math.log(1 + (12.8 / 22.8) ** 2))
    assert item.value == pytest.approx(22.8 * math.exp(-(sigma**2) / 2))


def test_extended_release_is_flat_and_mostly_metabolite(table: list[Row]) -> None:
    """KET01 240 mg: peak 39 ng/mL, norketamine area ten times that of ketamine (10.1 published); plain tablets peak higher."""
    assert ratio(table, "R2-KET01-ORAL-PROLONGED-RELEA-07", "ketamine", "cmax") == pytest.approx(1.0, abs=0.33)
    bench = Bench()
    slow, plain = bench.curves(arm("ket01_240")), bench.curves(arm("chong_oral_25"))
    areas = [statistic("auc", slow, output)[0] for output in ("norketamine", "ketamine")]
    assert 10.1 / 1.5 < areas[0] / areas[1] < 10.1 * 1.5
    assert statistic("cmax", slow, "ketamine")[0] < 0.4 * 240 / 25 * statistic("cmax", plain, "ketamine")[0]


def test_a_formulation_without_data_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="formulation lozenge"):
        administrations("s_ketamine", "sublingual", formulation="lozenge")
    with pytest.raises(UsageError, match="formulation lozenge of ketamine"):
        drug("ketamine").route("sublingual").formulation("lozenge")
    for words in ("ketamine lozenge 100 mg", "ketamine sublingual troche 50 mg"):
        with pytest.raises(UsageError, match=r"the formulation '(lozenge|troche)' of ketamine is not computed"):
            parse(words)
    with pytest.raises(UsageError, match="extended-release"):
        drug("esketamine").route("oral").formulation("extended release")
    assert drug("ketamine").route("oral").formulation("extended release") == "extended-release"
    assert drug("ketamine").route("oral").formulation("") == ""
    assert administrations("r_ketamine", "oral", formulation="extended-release").total({}) == 1.0


def test_weight_sets_every_source_beside_both_size_models() -> None:
    """Per kg, area as W^(1-a): 1.17 (a = 0.75) or 1.86 (a = 0) from 70 to 130 kg; at 70 kg the two are one."""
    light = level("racemate_40_min", REFERENCE, shipped_exponents(), per_kg=True)
    assert light == pytest.approx(level("racemate_40_min", REFERENCE, NO_EFFECT, per_kg=True))
    heavy = level("racemate_40_min", HEAVY, shipped_exponents(), per_kg=True)
    assert heavy[1] / light[1] == pytest.approx((130 / 70) ** 0.25, rel=0.01)
    found = findings()
    nasal = [one for one in found if one.record == "PK-COV-01"]
    children = next(one for one in found if one.record == "POP-FLINT2017")
    assert all(one.without == pytest.approx(1.0, rel=1e-3) for one in nasal), "no effect is what 820 people showed"
    assert abs(math.log(children.shipped / children.published)) < math.log(1.3) < math.log(children.without / 29.8)
    exponent = values("plasma")["clearance_weight_exponent"]
    assert exponent.value == 0.75 and exponent.uncertain is not None, "the conflict is kept as a distribution"


def test_the_default_takes_the_first_of_each_choice_and_every_structure_composes() -> None:
    assert all(choice[0] in STAGE.default for choice in CHOICES)
    known = structures()
    assert set(known["shipped"].variants) == set(STAGE.default)
    for structure in known.values():
        own = chosen_priors(structure)
        bench = Bench([prior.name for prior in own], variants=structure.variants)
        point = np.array([[prior.typical for prior in own]])
        some = [item for item in targets() if item.record in ("PK-PH-1a", "PK-PO-205", "PK-KAMP-d")]
        assert np.isfinite(predict(bench, some, point)).all(), structure.name


def test_the_draws_are_those_of_the_fit_with_its_correlations() -> None:
    found = shipped_fit()
    with draws_path().open(encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    assert header == [prior.name for prior in found.priors]
    again = [line.split(",") for line in draws_text(found, len(lines)).splitlines()[1:6]]
    assert np.array(again, dtype=float) == pytest.approx(np.array(lines[:5], dtype=float), rel=0.01), "redo the draws"
    table = np.array(lines, dtype=float)
    inside = np.column_stack([[prior.inward(number) for number in table[:, i]] for i, prior in enumerate(found.priors)])
    sds = np.sqrt(np.diag(found.covariance))
    assert inside.std(axis=0) == pytest.approx(sds, rel=0.12)
    error = np.abs(np.corrcoef(inside.T) - found.covariance / np.outer(sds, sds))
    assert error.max() < 4.5 / math.sqrt(len(lines))
    assert SOURCES_DISAGREE in header


def test_restricted_likelihood_finds_the_spreads_a_balanced_set_has_by_analysis_of_variance() -> None:
    """Balanced groups: within^2 = mean square within, between^2 = (mean square between - within)/size (Searle 1971)."""
    groups = np.random.default_rng(4).normal(size=(12, 1)) * 0.4 + np.random.default_rng(5).normal(size=(12, 5)) * 0.2
    inside = ((groups - groups.mean(axis=1, keepdims=True)) ** 2).sum() / (12 * 4)
    outside = 5 * groups.mean(axis=1).var(ddof=1)
    found = component(list(groups))
    assert found.within == pytest.approx(math.sqrt(inside), rel=1e-3)
    assert found.between == pytest.approx(math.sqrt((outside - inside) / 5), rel=1e-3)
    at_best = restricted(np.log([found.between, found.within]), list(groups))
    assert at_best < restricted(np.log([found.between * 1.3, found.within]), list(groups))


def test_the_spread_by_route_ships_and_oral_is_the_widest() -> None:
    spread = read_toml(knowledge_path() / "posterior" / "plasma_spread.toml")
    assert {"all", "intravenous", "nasal", "oral", "mucosal", "injected"} == set(spread)
    assert spread["oral"]["new_study"] > 1.5 * spread["intravenous"]["new_study"] > 0.18
    for one in spread.values():
        assert one["new_study"] == pytest.approx(math.hypot(one["between"], one["within"]), abs=2e-3)
        assert one["borrowed"] == (one["studies"] < 3)
    assert [route_of(name) for name in ("nasal_84", "film_50", "oral", "bolus_10", "grant_muscle_35")] == [
        "nasal",
        "mucosal",
        "oral",
        "intravenous",
        "injected",
    ]


def test_outputs_by_enantiomer_add_up() -> None:
    names = read_toml(knowledge_path() / "names.toml")
    for name in ("norketamine", "dhnk"):
        both = names[f"plasma.{name}"]["ports"]
        assert [names[f"plasma.{q}_{name}"]["ports"] for q in "sr"] == [[port] for port in both]
    assert names["plasma.ss_hnk"]["ports"] == ["s_hnk"] and names["plasma.rr_hnk"]["ports"] == ["r_hnk"]
