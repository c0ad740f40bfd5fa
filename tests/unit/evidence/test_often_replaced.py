"""What covariates, experiments, hypotheses and the fit replace is a parameter of every compiled arm: replacing it compiles nothing anew."""

from __future__ import annotations

import pytest

from ketasim.chain.hypothesis import union_keys
from ketasim.core import knowledge_path, read_toml, value
from ketasim.evidence.arms.courses import ArmSpec, course, integrated, often_replaced
from ketasim.forward.course import compiled
from ketasim.people import COVARIATES
from ketasim.scenario.experiments import experiments

SPEC = ArmSpec("ketamine iv 0.5 mg/kg over 40 min", times=(24.0,), people=4)


def test_every_declared_replacement_is_among_them() -> None:
    scaled = {key for plan in experiments().values() for arm in plan.arms.values() for key in arm.get("scale", {})}
    free = read_toml(knowledge_path() / "fits" / "evidence.toml")["free"]
    covariates = {key for covariate in COVARIATES for key in covariate.targets}
    for group in (scaled, set(free), covariates, set(union_keys())):
        assert group and group <= often_replaced()
    assert not {"spine_decay_rate", "spine_consolidation_rate"} & often_replaced()  # which nothing replaces any more


def test_replacing_any_of_them_compiles_nothing() -> None:
    course(SPEC)
    before = compiled.cache_info().misses
    inside = sorted(often_replaced() & integrated())
    assert {"opioid_gate_weight", "bdnf_release", "other_clearance"} <= set(inside)
    for key in inside:
        course(SPEC, {key: 1.01 * value(key).value})
    assert compiled.cache_info().misses == before


def test_what_nobody_replaces_is_compiled_when_somebody_does() -> None:
    course(SPEC)
    before = compiled.cache_info().misses
    course(SPEC, {"spine_decay_rate": 1.01 * value("spine_decay_rate").value})
    assert compiled.cache_info().misses == before + 1


def test_the_integration_reads_some_values_and_the_readout_the_others() -> None:
    assert "opioid_gate_weight" in integrated()
    assert not {"expectancy_sustained", "link_ceiling", "rating_sd"} & integrated()


@pytest.mark.parametrize("key", ["hepatic_flow", "val66met_secretion"])
def test_what_age_and_genotype_change_is_replaced_by_traits(key: str) -> None:
    assert key in often_replaced()
