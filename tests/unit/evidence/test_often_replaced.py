"""What covariates, experiments, hypotheses and the fit replace is a parameter of every compiled arm: replacing it compiles nothing anew."""

from __future__ import annotations

import pytest

from ketasim.chain import DEFAULT_PARTS, compose
from ketasim.chain.hypothesis import union_keys
from ketasim.chain.readout import readout
from ketasim.core import knowledge_path, read_toml, value
from ketasim.evidence.arms.courses import ArmSpec, course, often_replaced
from ketasim.forward.course import compiled
from ketasim.people import COVARIATES
from ketasim.scenario.experiments import experiments

WITHIN = readout(compose(DEFAULT_PARTS)).within  # what the differential equations read
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
    inside = sorted(often_replaced() & WITHIN)
    assert {"opioid_gate_weight", "bdnf_release", "other_clearance"} <= set(inside)
    for key in inside:
        course(SPEC, {key: 1.01 * value(key).value})
    assert compiled.cache_info().misses == before


def test_what_nobody_replaces_is_compiled_when_somebody_does() -> None:
    course(SPEC)
    before = compiled.cache_info().misses
    course(SPEC, {"spine_decay_rate": 1.01 * value("spine_decay_rate").value})
    assert compiled.cache_info().misses == before + 1


@pytest.mark.parametrize("key", ["hepatic_flow", "val66met_secretion"])
def test_what_age_and_genotype_change_is_replaced_by_traits(key: str) -> None:
    assert key in often_replaced()
