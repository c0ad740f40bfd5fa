"""Traps for whoever adds something: what was silent in 0.1.0 and is an error with the line that fixes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from toy_chain import COPIES, value

import ketasim.chain.lint as lint_module
from ketasim.chain import CompositionError, compose, registry
from ketasim.chain.hypothesis import hypotheses, hypothesis, lint_hypotheses, switches, without_switch
from ketasim.chain.lint import lint, unread_ports, unrouted
from ketasim.chain.registry import declaration_problems
from ketasim.core import KetasimError, UsageError, all_values
from ketasim.core.ports import Fragment, Port, Stage
from ketasim.stages import all_stages
from ketasim.stages.plasma import comedication
from ketasim.stages.plasma.routing import administrations


def problems_of(toy, *args) -> str:
    with pytest.raises(CompositionError) as caught:
        toy.compose(*args)
    return str(caught.value)


def rebuilt(name: str, **changes) -> tuple[Stage, ...]:
    """The package's stages with one of them changed."""
    return tuple(dataclasses.replace(s, **changes) if s.name == name else s for s in all_stages())


# a value of one's own


def test_a_copy_never_takes_the_number_of_another_substance(toy):
    toy.response["fragments"]["ligands"] = (Fragment("ligand.ant", instances=COPIES),)
    message = problems_of(toy)
    assert "s has no value of its own for toy_affinity" in message
    assert '[s_toy_affinity] with unit = "umol/L" in knowledge/values/toy.toml' in message
    assert 'Fragment("ligand.ant", ..., shared=("toy_affinity",)) in stages/response/stage.py' in message
    assert "r has no value" not in message  # r_toy_affinity is there


def test_sharing_is_by_name_or_for_all(toy):
    toy.intake["fragments"]["main"] = (Fragment("intake.ant", instances=COPIES, shared=("toy_clearance",)),)
    message = problems_of(toy)
    assert "toy_size" in message and "toy_clearance" not in message
    toy.intake["fragments"]["main"] = (Fragment("intake.ant", instances=COPIES, shared=True),)
    assert toy.compose().parameters["toy_size"] == toy.values["toy_size"]


def _tablet() -> tuple[Stage, ...]:
    """A further drug by mouth, as CONTRIBUTING says, before its values are written."""
    instances = {name: name for name in (*comedication.ONE_COMPARTMENT, "gepirone")}
    old = next(f for f in comedication.FRAGMENTS if f.file == "one_compartment.ant")
    others = tuple(f for f in comedication.FRAGMENTS if f is not old)
    plasma = next(s for s in all_stages() if s.name == "plasma")
    fragments = {**plasma.fragments, "comedication": (*others, dataclasses.replace(old, instances=instances))}
    return rebuilt(
        "plasma",
        fragments=fragments,
        outputs=(*plasma.outputs, Port("gepirone", "umol/L", "Gepirone, plasma", observed="test")),
    )


@pytest.mark.parametrize("left_out", ["clearance", "central_volume"])
def test_a_drug_without_its_volume_does_not_get_that_of_ketamine(left_out: str) -> None:
    own = {
        f"gepirone_{name}": value(f"gepirone_{name}", number, unit)
        for name, number, unit in (("clearance", 80.0, "L/h"), ("central_volume", 200.0, "L"))
        if name != left_out
    }
    unit = {"clearance": "L/h", "central_volume": "L"}[left_out]
    with pytest.raises(CompositionError) as caught:
        compose(("gepirone",), values=own, stages=_tablet())
    message = str(caught.value)
    assert f'[gepirone_{left_out}] with unit = "{unit}" in knowledge/values/comedication.toml' in message
    assert "plasma.toml" not in message


def test_every_fall_back_of_the_package_is_declared() -> None:
    """Copies that share numbers are enantiomers of one drug, or name the value that they share."""
    for stage in all_stages():
        for _, fragment in stage.all_fragments():
            if fragment.shared is True:
                assert set(fragment.instances.values()) <= {"s", "r"}, fragment.file


# ports


def test_a_file_that_reads_what_its_stage_does_not_take_is_an_error(toy):
    toy.response["inputs"] = (Port("s_toy_level", "umol/L"),)
    message = problems_of(toy)
    assert (
        "response/ligand.ant:2 (copy r): reads r_toy_level of the stage intake, which response does not take" in message
    )
    assert 'Port("r_toy_level", "umol/L", "") among the inputs of stages/response/stage.py' in message
    assert "s_toy_level" not in message


def test_the_inside_of_another_stage_is_out_of_reach(toy):
    text = toy.files["response/bound.ant"]
    toy.files["response/bound.ant"] = text.replace("toy_total/(1", "s_toy_middle/s_toy_middle*toy_total/(1")
    assert "reads s_toy_middle of the stage intake" in problems_of(toy)


def test_an_input_that_no_file_reads_is_an_error(toy):
    toy.intake["outputs"] += (Port("toy_spare", "umol/L"),)
    toy.files["intake/depot.ant"] = toy.files["intake/depot.ant"].replace(
        "  toy_depot_amount", "  toy_spare := toy_depot/toy_size;\n  toy_depot_amount"
    )
    toy.response["inputs"] += (Port("toy_spare", "umol/L"),)
    found = "\n".join(str(p) for p in declaration_problems(registry(toy.stages())))
    assert "no file of the stage reads the input toy_spare" in found


def test_the_declarations_alone_show_what_is_read_and_not_taken(toy):
    toy.response["inputs"] = (Port("s_toy_level", "umol/L"),)
    found = [str(p) for p in declaration_problems(registry(toy.stages()))]
    assert len(found) == 1 and "reads r_toy_level" in found[0]


def test_a_port_that_nobody_reads_is_an_error(toy):
    assert unread_ports(registry(toy.stages()), set()) == []
    toy.response["outputs"] += (Port("toy_last", "dimensionless"),)
    toy.files["response/bound.ant"] = toy.files["response/bound.ant"].replace(
        "end", "  toy_last := toy_effect;\n  toy_last has dimensionless;\nend"
    )
    known = registry(toy.stages())
    assert [p.what for p in unread_ports(known, set())] == [
        "nothing reads the port toy_last: what drives it changes no number"
    ]
    assert unread_ports(known, {"toy_last"}) == []
    toy.response["outputs"] = (*toy.response["outputs"][:-1], Port("toy_last", "dimensionless", observed="eyes"))
    assert unread_ports(registry(toy.stages()), set()) == []


def _with_sigma(port: str) -> tuple[Stage, ...]:
    circuit = next(s for s in all_stages() if s.name == "circuit")
    return rebuilt("circuit", outputs=(*circuit.outputs, Port(port, "dimensionless", "Sigma-1")))


def test_a_pathway_of_the_circuit_is_summed_or_found_idle() -> None:
    assert not unread_ports(registry(_with_sigma("sigma_drive")), {p for p in registry().ports})
    known = registry(_with_sigma("sigma_push"))
    found = [p for p in unread_ports(known, set(registry().ports))]
    assert [p.where for p in found] == ["stages/circuit/stage.py"]
    assert "NAME_drive (summed in pathway_drive)" in found[0].fix


def test_the_drive_is_the_sum_of_what_is_on() -> None:
    drives = {"disinhibition": "surge_drive", "rest_block": "rest_drive", "hnk": "hnk_drive"}
    model = compose(variants={"circuit": tuple(drives)})
    total = next(e for e in model.equations if e.name == "pathway_drive")
    assert sorted(total.uses) == sorted(drives.values())
    assert "const pathway_drive = 0;" in compose(variants={"circuit": ("none",)}).antimony


# switches


def test_every_mechanism_that_tells_hypotheses_apart_has_a_switch() -> None:
    assert without_switch(hypotheses().values()) == []
    known = {v.key for v in all_values()}
    assert {key for keys in switches().values() for key in keys} <= known


def test_a_mechanism_without_switch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = next(s for s in all_stages() if s.name == "circuit")
    bare = tuple(dataclasses.replace(f, switch=()) for f in circuit.fragments["habenula"])
    changed = registry(rebuilt("circuit", fragments={**circuit.fragments, "habenula": bare}))
    monkeypatch.setattr("ketasim.chain.hypothesis.registry", lambda: changed)
    found = [str(p) for p in lint_hypotheses()]
    assert len(found) == 1
    assert "the mechanism habenula belongs to lateral-habenula, surge-and-habenula" in found[0]
    assert 'Fragment("habenula.ant", ..., switch=("ITS_WEIGHT",))' in found[0]
    with pytest.raises(KetasimError, match="mechanism habenula"):
        hypothesis("opioid-gate").switched_off()


def test_a_hypothesis_differs_where_the_joint_model_does() -> None:
    odd = dataclasses.replace(hypothesis("hnk-ampa"), variants={**hypothesis("hnk-ampa").variants, "body": ("none",)})
    assert any("picks variants of the stage body" in p.what for p in without_switch([odd]))


# what chain check says


def test_a_page_that_went_stale_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_module, "whole_text", lambda: "another chain")
    found = lint("mood")
    assert [(p.where, p.fix) for p in found] == [("chain/whole.ant", "python -m ketasim.chain whole")]


def test_what_stops_the_composition_is_told_whatever_stage_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = rebuilt("plasticity", inputs=next(s for s in all_stages() if s.name == "plasticity").inputs[1:])
    known = registry(stages)

    def composed(parts, variants, values=None):
        return compose(parts, variants, values or {}, stages=stages)

    monkeypatch.setattr(lint_module, "registry", lambda: known)
    monkeypatch.setattr(lint_module, "compose", composed)
    for asked in ("circuit", "plasticity"):
        assert any("reads pathway_drive of the stage circuit" in p.what for p in lint(asked))


def test_a_stage_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="circuit"):
        lint("circiut")


# doses


def test_every_route_of_every_drug_can_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unrouted() == []
    monkeypatch.delitem(comedication_routings(), "memantine")
    found = unrouted()
    assert [p.where for p in found] == ["knowledge/drugs/memantine.toml, [routes.oral]"]
    assert "SWALLOWED" in found[0].fix


def comedication_routings() -> Mapping[str, object]:
    from ketasim.stages.plasma import routing

    return routing.ROUTINGS


def test_an_unrouted_dose_says_what_to_write() -> None:
    with pytest.raises(UsageError) as caught:
        administrations("gepirone", "oral")
    assert '"gepirone" in SWALLOWED' in caught.value.fix and caught.value.where == "stages/plasma/comedication.py"
