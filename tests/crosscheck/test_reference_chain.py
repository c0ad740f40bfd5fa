"""The composed chain on the oracle: no dose, no change; and parts that are not dosed change nothing."""

import numpy as np
import pytest

pytest.importorskip("roadrunner")
from oracle import Schedule, compile_model

from ketasim.chain import compose, registry, to_sbml

INFUSION = 72.0  # umol/h of each enantiomer, close to 0.5 mg/kg over 40 min


def course(model, outputs, rate, times):
    text = model if isinstance(model, str) else model.antimony
    inputs = tuple(name for name in ("s_infusion_rate", "r_infusion_rate") if name in text)
    engine = compile_model(text, outputs=outputs, inputs=inputs)
    schedule = Schedule(np.array([0.0, 2 / 3, times[-1]]), np.array([[rate] * len(inputs), [0.0] * len(inputs)]))
    found = engine.simulate(np.zeros((1, 0)), [schedule], [0], times)
    assert found.status.tolist() == [0], found.reasons
    return found.values[0]


def test_without_a_dose_nothing_changes_in_four_weeks():
    model = compose()
    values = course(model, model.outputs, 0.0, np.array([0.0, 1.0, 24.0, 672.0]))
    drift = np.abs(values - values[0]).max(axis=0)
    moved = {name: d for name, d in zip(model.outputs, drift, strict=True) if d > 1e-9}
    assert moved == {}


def test_undosed_companions_leave_ketamine_as_it_is():
    alone = compose()
    parts = [p for p in registry().parts if p != "compound"]
    together = compose(tuple(parts))
    outputs = tuple(name for name in alone.outputs if name in together.outputs)
    assert outputs == alone.outputs
    times = np.array([0.0, 0.5, 2 / 3, 1.0, 4.0, 24.0, 72.0, 168.0])
    first, second = (course(model, outputs, INFUSION, times) for model in (alone, together))
    scale = np.maximum(np.abs(first).max(axis=0), 1e-12)
    assert (np.abs(first - second) / scale).max() < 1e-6
    dosed = dict(zip(outputs, np.ptp(first, axis=0), strict=True))
    assert dosed["s_ketamine_venous"] > 0 and dosed["mood_drive"] > 0 and dosed["spines"] > 0


def test_the_generated_engine_and_the_oracle_agree_on_the_whole_chain_with_every_drug_dosed():
    from ketasim.engine import compile_model as compile_generated

    model = compose(tuple(p for p in registry().parts if p != "compound"))
    inputs = model.inputs
    varied = ("central_volume", "mood_gain", "brain_equilibration_rate")
    people = np.array([[model.parameters[n].value * f for n in varied] for f in (0.7, 1.0, 1.4)])
    boundaries = np.array([-2.0, 0.0, 2 / 3, 5.0, 72.0, 72.0 + 2 / 3, 200.0])
    rates = np.zeros((6, len(inputs)))
    for column, name in enumerate(inputs):
        rates[(0, 1, 4, 2)[column % 4], column] = 5.0 if "ketamine" not in name else 70.0
    for name in ("s_infusion_rate", "r_infusion_rate"):
        rates[[1, 4], inputs.index(name)] = INFUSION
    schedule = Schedule(boundaries, rates)
    times = np.array([-2.0, 0.0, 0.3, 2 / 3, 1.5, 5.0, 24.0, 72.0, 72.5, 96.0, 200.0])
    outputs = (*model.outputs, *model.states)
    both = [
        compiler(model.antimony, varied, outputs, inputs).simulate(people, [schedule], [0, 0, 0], times, rtol=r, atol=a)
        for compiler, r, a in ((compile_model, 1e-9, 1e-12), (compile_generated, 1e-7, 1e-9))
    ]
    for found in both:
        assert found.status.tolist() == [0, 0, 0], found.reasons
    scale = np.abs(both[0].values).max(axis=(0, 1))
    error = np.abs(both[0].values - both[1].values).max(axis=(0, 1)) / np.maximum(scale, 1e-6)
    worst = int(np.argmax(error))
    assert error[worst] < 2e-6, (outputs[worst], error[worst])


def test_the_exported_sbml_is_the_same_model_and_keeps_units_names_and_sources():
    import libsbml

    model = compose()
    text = to_sbml(model)
    document = libsbml.readSBMLFromString(text)
    document.checkConsistencyWithStrictUnits()
    errors = [document.getError(i).getMessage() for i in range(document.getNumErrors())]
    assert errors == []
    part = document.getModel()
    for name, value in model.parameters.items():
        parameter = part.getParameter(name)
        assert parameter.getValue() == value.value and parameter.getUnits()
        assert value.source in parameter.getNotesString()
    times = np.array([0.0, 0.5, 4.0, 48.0])
    first, second = course(model, model.outputs, INFUSION, times), course(text, model.outputs, INFUSION, times)
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)
