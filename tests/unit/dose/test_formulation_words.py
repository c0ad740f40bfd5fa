"""Words for a tablet that releases slowly: read before or behind the amount, kept through repeats, given to the plasma stage, else refused."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.core.drugs import drugs
from ketasim.dose import dose, parse
from ketasim.dose.vocabulary import FORMULATION_WORDS
from ketasim.evidence.kinetics.plasma_arms import Bench, arm
from ketasim.evidence.published.studies import studies
from ketasim.forward import deliveries
from ketasim.scenario.run import run

TABLET = "ketamine oral 120 mg extended-release"


@pytest.mark.parametrize(
    "words",
    [
        TABLET,
        "ketamine oral 120 mg extended release",
        "ketamine oral 120 mg prolonged-release tablet",
        "ketamine oral extended-release 120 mg",
        "Ketamine Oral Prolonged Release tablet 120 mg",
        "ketamine oral tablet extended-release 120 mg",
        "ketamine po XR 120 mg",
        "ketamine oral 120 mg ER",
    ],
)
def test_every_way_to_say_it_is_the_same_regimen(words: str) -> None:
    assert str(parse(words)) == TABLET and parse(str(parse(words))) == parse(words)


@pytest.mark.parametrize(
    "words",
    [
        f"{TABLET} daily x 21",
        f"{TABLET} daily x 3, then 240 mg daily x 3",
        "ketamine oral 120, 240 mg extended-release daily x 5",
        f"{TABLET} daily x 3, then ketamine oral 50 mg daily x 2",
        f"ketamine oral 50 mg daily x 2, then {TABLET} daily x 2",
        f"ketamine iv 0.5 mg/kg over 40 min with {TABLET} at 2 d once",
    ],
)
def test_repeats_keep_the_formulation_and_print_themselves(words: str) -> None:
    found = parse(words)
    assert parse(str(found)) == found
    kinds = [one.dose.formulation for one in found.doses(30 * 24.0)]
    assert "extended-release" in kinds
    if "oral 50 mg" in words:
        assert "" in kinds
    elif "iv" not in words:
        assert set(kinds) == {"extended-release"}


def test_the_python_verbs_keep_it_too() -> None:
    again = dose(TABLET).every("1 d", times=3).then("240 mg daily x 2")
    assert {one.dose.formulation for one in again.doses()} == {"extended-release"}
    assert dose("ketamine oral 120 mg daily x 2").then("120 mg extended-release daily x 2").doses()[-1].dose.formulation


@pytest.mark.parametrize(
    "words",
    [
        f"{d} {r} 50 mg extended-release"
        for d, r in (("esketamine", "nasal"), ("ketamine", "sublingual"), ("naltrexone", "oral"), ("ketamine", "im"))
    ],
)
def test_a_formulation_without_data_is_refused_and_no_other_dose_is_offered(words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(words)
    assert "formulation 'extended-release'" in refused.value.what and refused.value.fix == ""


def test_it_is_not_said_twice() -> None:
    with pytest.raises(UsageError, match="written twice"):
        parse("ketamine oral extended-release 120 mg extended-release")


def test_every_formulation_of_the_drug_files_has_words() -> None:
    declared = {name for drug in drugs().values() for way in drug.routes.values() for name in way.formulations}
    assert declared == set(FORMULATION_WORDS)


def test_the_dose_goes_where_the_tablet_goes() -> None:
    """The whole dose enters by the slow input, none by that of the plain tablet; sums are the plain tablet's."""
    given = deliveries(parse(TABLET), 24.0, np.array([70.0]))
    assert {w.input for one in given for w in one.administration.windows} == {"s_extended_rate", "r_extended_rate"}
    assert sum(float(one.amount[0]) for one in given) == pytest.approx(120e3 / 237.73, rel=1e-4)


def test_the_run_is_that_of_the_fit() -> None:
    """240 mg: the curve that the kinetic fit compares with KET01, from an arm that it builds without words."""
    found = run("ketamine oral 240 mg extended-release", people=0, draws=0, days=2)
    curves = Bench().curves(arm("ket01_240"))
    assert found.fine("plasma.ketamine").typical.max() == pytest.approx(curves.levels["ketamine"].max(), rel=2e-3)
    plain = run("ketamine oral 240 mg", people=0, draws=0, days=2)
    assert found.fine("plasma.ketamine").typical.max() < 0.4 * plain.fine("plasma.ketamine").typical.max()
    assert found.ledger[0].given_mg == pytest.approx(240, rel=1e-3)


def test_the_tablet_of_ket01_is_said_in_words() -> None:
    tablet = studies()["KET01"].arms["tablet"]
    assert parse(tablet.words).doses()[0].dose.formulation == "extended-release" and not tablet.no_words
