"""The algebra after the integration, from the model's own text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ketasim.chain import compose
from ketasim.chain import readout as module
from ketasim.chain.hypothesis import hypotheses
from ketasim.chain.readout import rated_outputs, readout
from ketasim.core import Fragment, KetasimError, Port, Stage, UsageError, Value, all_values
from ketasim.engine import compile_model

PARTS = ("s_ketamine", "r_ketamine", "ssri", "midazolam", "naltrexone")


def variants() -> dict[str, dict]:
    found = {"the default": {}, "nothing is felt": {"body": ("none",)}, "no mood": {"mood": ("none",)}}
    return found | {name: dict(h.variants) for name, h in hypotheses().items()}


@pytest.mark.parametrize("name", variants())
def test_every_output_is_that_of_the_compiled_model(name: str) -> None:
    """Two ways through one text: machine code that computes the outputs itself, NumPy on what it integrates."""
    composition = compose(PARTS, variants()[name] or None)
    made = readout(composition)
    random = np.random.default_rng(5)
    keys = tuple(sorted(made.after & set(composition.parameters)))
    people = 3
    table = np.array([[composition.parameters[k].value for k in keys]] * people) * random.uniform(
        0.5, 2.0, (people, len(keys))
    )
    table = np.minimum(
        table, [composition.parameters[k].bounds[1] if composition.parameters[k].bounds else np.inf for k in keys]
    )
    outputs = tuple(dict.fromkeys((*made.needed, *(n for n in made.formulas))))
    if not outputs:
        return
    model = compile_model(composition.antimony, parameters=keys, outputs=outputs, inputs=composition.inputs)
    initial = {s: 0.5 for s in composition.states if s in model.states}
    from ketasim.engine import Schedule

    plan = Schedule(np.array([0.0, 5.0]), np.zeros((1, len(composition.inputs))))
    found = model.simulate(table, [plan], np.zeros(people, dtype=int), np.linspace(0.0, 5.0, 9), initial=initial)
    assert not found.status.any(), found.reasons
    rows = {n: found.values[:, :, i] for i, n in enumerate(outputs)}
    numbers = {k: table[:, i] for i, k in enumerate(keys)}
    for output in made.formulas:
        mine = np.broadcast_to(made(output, rows, numbers, found.times), rows[output].shape)
        assert mine == pytest.approx(rows[output], rel=1e-12, abs=1e-12), output
    for output, null in made.nulls.items():
        assert made(output, rows, numbers).item() == null


def test_what_acts_afterwards_comes_out_of_the_graph() -> None:
    made = readout(compose(("s_ketamine", "r_ketamine", "ssri")))
    assert {
        "mood_gain",
        "mood_late_size",
        "ssri_size",
        "cadss_maximum",
        "sedation_level",
        "sedation_gain",
    } <= made.after
    # read by the adaptation to dissociation too, and by the level that drives it: the integration has to know them
    assert {"r_ketamine_acute_share", "dissociation_adaptation_rate", "opioid_gate_weight", "mood_rate"} <= made.within
    assert not made.after & made.within
    assert "mood_habenula_size" not in made.after | made.within  # no habenula in the default chain: it moves nothing


def test_what_is_integrated_does_not_depend_on_what_acts_afterwards() -> None:
    """The cut is a true one: doubling every late value leaves every needed quantity bit by bit as it was."""
    composition = compose(("s_ketamine", "r_ketamine", "ssri"))
    made = readout(composition)
    keys = tuple(sorted(made.after))
    from ketasim.engine import Schedule

    model = compile_model(composition.antimony, parameters=keys, outputs=made.needed, inputs=composition.inputs)
    start = np.array([composition.parameters[k].value for k in keys])
    plan = Schedule(np.array([0.0, 24.0]), np.full((1, len(composition.inputs)), 0.1))
    found = model.simulate(np.array([start, 2 * start]), [plan], [0, 0], np.linspace(0.0, 24.0, 7))
    assert not found.status.any()
    assert np.array_equal(found.values[0], found.values[1])


def test_an_output_that_is_no_port_is_named() -> None:
    with pytest.raises(UsageError, match="mood_drive"):
        readout(compose(), ("mood_driv",))
    with pytest.raises(UsageError, match="cadss"):
        readout(compose())("cads", {}, {})


def _stage(folder: Path, text: str) -> Stage:
    (folder / "last.ant").write_text(text)
    port = Port("felt", "dimensionless", "what is felt")
    return Stage("last", "Last", folder, (), (port,), {"last": (Fragment("last.ant", provides=("felt",)),)}, ("last",))


def _value(key: str, number: float) -> Value:
    from dataclasses import replace

    like = next(v for v in all_values() if v.key == "mood_fast_size")
    return replace(like, key=key, value=number, between=None, uncertain=None)


def test_a_dose_input_without_a_name_of_its_own_is_refused(tmp_path: Path) -> None:
    text = """model last
  const entry = 0;
  entry has dimensionless;
  felt has dimensionless;
  felt := late_gain*entry;
end
"""
    stage = _stage(tmp_path, text)
    composition = compose((), values={"late_gain": _value("late_gain", 2.0)}, stages=[stage])
    with pytest.raises(KetasimError, match="dose input"):
        readout(composition, ("felt",))


def test_a_damaged_file_of_the_cache_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path))
    composition = compose(("s_ketamine",))
    module._analysed.cache_clear()
    first = readout(composition)
    (file,) = tmp_path.glob("*.readout")
    whole = file.read_bytes()
    for content in (b"", whole[:100], whole.replace(b"fast_mood", b"late_mood")):
        file.write_bytes(content)
        module._analysed.cache_clear()
        assert readout(composition) == first
    module._analysed.cache_clear()
    monkeypatch.setenv("KETASIM_CACHE", "off")
    assert readout(composition) == first
    module._analysed.cache_clear()


def test_rated_outputs_are_the_ports_of_the_last_stages() -> None:
    assert {"mood_drive", "ideation_drive", "ssri_drive", "cadss", "sbp_rise", "moaas", "nausea"} <= set(
        rated_outputs()
    )
