"""Plasticity: order of events, genotype, knock-outs, rapamycin in both species, limits."""

from __future__ import annotations

import numpy as np
import pytest
from one_stage import run

from ketasim.core import value

HOURS = np.array([0.0, 1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 1000])
PULSE = ("pathway_drive", 0.0, 2.0, 0.7)  # about the surge after 0.5 mg/kg


def v(key: str) -> float:
    return value(key).value


def pulse(*imposed: tuple[str, float, float, float], **options: object) -> dict[str, np.ndarray]:
    return run("plasticity", HOURS, [PULSE, *imposed], **options)  # type: ignore[arg-type]


def at(curve: np.ndarray, hour: float) -> float:
    return float(curve[np.flatnonzero(hour == HOURS)[0]])


def test_rest_stays_at_rest() -> None:
    rest = run("plasticity", HOURS, ports=("pathway_drive",))
    assert (rest["bdnf"] == 1).all()
    assert all((rest[name] == 0).all() for name in ("ampa_gain", "mtor", "spines"))


def test_order_of_events() -> None:
    """PL011, PL012, PL020-PL022, PL040: AMPA and BDNF first, BDNF gone by 8 h after, spines between 6 and 24 h."""
    seen = pulse()
    assert at(seen["ampa_gain"], 2) > 0.5
    assert at(seen["bdnf"], 2) > 1.2 and at(seen["bdnf"], 12) - 1 < 0.2 * (at(seen["bdnf"], 2) - 1)
    early, late = at(seen["spines"], 6) - at(seen["spines"], 3), at(seen["spines"], 24) - at(seen["spines"], 12)
    assert late / 12 > 2 * early / 3
    assert 0.05 < at(seen["spines"], 24) < 0.6


def test_spines_outlast_two_weeks_but_fade() -> None:
    """PL027: raised for up to two weeks, a fraction of the new spines persists as consolidated ones."""
    seen = pulse()
    assert 0.05 < at(seen["spines"], 336) / at(seen["spines"], 24) < 0.5
    assert at(seen["spines_consolidated"], 336) > at(seen["spines_new"], 336)
    assert at(seen["spines"], 1000) < at(seen["spines"], 336)


def test_new_spines_are_conserved_without_loss() -> None:
    """With elimination and decay off, consolidation only moves spines: the sum never falls."""
    seen = pulse(changed={"spine_elimination_rate": 0.0, "spine_decay_rate": 0.0})
    assert (np.diff(seen["spines"]) >= -1e-12).all()
    assert seen["spines"] == pytest.approx(seen["spines_new"] + seen["spines_consolidated"])


def test_shares_stay_between_zero_and_one_under_an_absurd_drive() -> None:
    seen = run("plasticity", HOURS, [("pathway_drive", 0.0, 1000.0, 50.0)])
    for name in ("ampa_gain", "spines_new", "spines_consolidated", "spines"):
        assert seen[name].min() >= 0 and seen[name].max() <= 1


def test_ampa_block_stops_everything_downstream() -> None:
    seen = pulse(("ampa_block", 0.0, 5.0, 1.0))
    assert seen["ampa_gain"].max() == 0 and seen["spines"].max() == 0 and seen["bdnf"].max() == 1


def test_no_bdnf_no_effect() -> None:
    seen = pulse(changed={"bdnf_availability": 0.0})
    assert seen["ampa_gain"].max() == 0 and seen["spines"].max() == 0


def test_val66met_lowers_the_late_path_more_than_the_fast_one() -> None:
    """The fast path depends on secreted BDNF only in part."""
    met = pulse(changed={"val66met_secretion": v("val66met_secretion_met_met")})
    full = pulse()
    fast = at(met["ampa_gain"], 4) / at(full["ampa_gain"], 4)
    late = at(met["spines"], 24) / at(full["spines"], 24)
    assert late < fast < 1
    assert v("val66met_secretion_met_met") < v("val66met_secretion_val_met") < v("val66met_secretion") == 1


def test_rapamycin_prolongs_in_man_and_blocks_in_the_rat_brain() -> None:
    """IN007 against PL001: how much reaches the synthesis, and whether it slows the loss."""
    held = ("mtor_inhibition", 0.0, 400.0, 0.9)
    plain, man = pulse(), pulse(held)
    rat = pulse(held, changed={"rapamycin_brain_share": 1.0, "rapamycin_spine_protection": 0.0})
    assert at(man["spines"], 24) > 0.8 * at(plain["spines"], 24)
    assert at(man["spines"], 336) > 1.1 * at(plain["spines"], 336)
    assert at(rat["spines"], 24) < 0.2 * at(plain["spines"], 24)
    assert rat["ampa_gain"] == pytest.approx(plain["ampa_gain"])


def test_direct_trkb_needs_bdnf_and_no_glutamate() -> None:
    """RP023."""
    held = [("trkb_direct", 0.0, 2.0, 0.05)]
    options: dict[str, object] = {"variants": ("synapses", "trkb")}
    direct = run("plasticity", HOURS, held, **options)  # type: ignore[arg-type]
    without = run("plasticity", HOURS, held, changed={"bdnf_availability": 0.0}, **options)  # type: ignore[arg-type]
    assert at(direct["spines"], 24) > 0.01 and without["spines"].max() == 0
    assert run("plasticity", HOURS, held)["spines"].max() == 0
