"""Exported models in other programs: libroadrunner reads the SBML and the Antimony text, SciPy runs the Python text; all give Ketasim's courses.

Twenty regimens, every route, co-medication, a bolus, repeats, other weights, hypotheses and replaced values. A few run by default.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

roadrunner = pytest.importorskip("roadrunner")

from ketasim.exchange.functions import python_text  # noqa: E402
from ketasim.exchange.sbml import antimony_text, sbml_text  # noqa: E402
from ketasim.exchange.typical import Plain, own_courses, plain  # noqa: E402
from ketasim.scenario.plan import scenario  # noqa: E402

BOUND = 1e-6  # of the largest value of an output
FLOOR = 1e-9  # an output below this is nothing
REGIMENS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ketamine iv 0.5 mg/kg over 40 min", {}),
    ("esketamine nasal 84 mg", {"with_": "naltrexone oral 50 mg at -45 min"}),
    ("ketamine oral 50 mg", {"with_": "clarithromycin oral 500 mg twice daily from -2 d to 0 d", "weight": 95.0}),
    ("ketamine im 0.5 mg/kg", {"hypothesis": "hnk-ampa"}),
    ("esketamine nasal 56 mg", {"repeat": "twice weekly x 8"}),
    ("ketamine sc 0.5 mg/kg over 60 min", {}),
    ("ketamine sublingual 100 mg", {}),
    ("esketamine film 100 mg", {}),
    ("ketamine iv 0.3 mg/kg", {"age": 80.0}),
    ("arketamine iv 0.5 mg/kg over 40 min", {"values": {"central_volume": 60.0}}),
    ("hnk iv 1 mg/kg over 40 min", {"hypothesis": "surge-and-hnk"}),
    (
        "ketamine iv 0.5 mg/kg over 40 min",
        {"repeat": "twice weekly x 6", "with_": "rifampicin oral 600 mg daily from -5 d to 5 d"},
    ),
    ("ketamine iv 0.5 mg/kg over 40 min", {"with_": "morphine iv 10 mg at -1 h"}),
    ("ketamine iv 0.5 mg/kg over 40 min", {"with_": "memantine oral 20 mg daily from -3 d to 3 d"}),
    ("ketamine iv 1 mg/kg over 60 min", {"with_": "lamotrigine oral 300 mg at -2 h", "hypothesis": "lateral-habenula"}),
    ("placebo iv over 40 min", {"with_": "ssri oral daily", "days": 28.0}),
    ("midazolam iv 0.045 mg/kg over 40 min", {}),
    ("esketamine iv 0.4 mg/kg over 40 min", {"hypothesis": "kappa-gate", "with_": "diazepam oral 10 mg at -1 h"}),
    ("ketamine oral 60 mg", {"variants": {"circuit": ("disinhibition", "rest_block")}}),
    ("esketamine nasal 56, 84 mg weekly", {"with_": "buprenorphine sublingual 4 mg daily from -3 d to 7 d"}),
)
FEW = 4
CASES = [
    pytest.param(
        words, options, id=f"{i}-{words.split()[0]}-{words.split()[1]}", marks=[] if i < FEW else [pytest.mark.slow]
    )
    for i, (words, options) in enumerate(REGIMENS)
]


def moments(model: Plain) -> np.ndarray:
    """Times inside the segments: at a boundary programs differ in whether a value is that before or after the dose."""
    inside = [(a + (b - a) * share) for a, b, *_ in model.segments()[:12] for share in (0.3, 0.9)]
    return np.unique([model.start_h, *inside, *np.linspace(0.37, model.end_h - 0.1, 9)])


def worst(model: Plain, found: dict[str, np.ndarray], times: np.ndarray) -> tuple[float, str]:
    own = own_courses(model, times)
    error = {
        name: float(np.max(np.abs(found[name] - own[:, i]))) / max(float(np.max(np.abs(own[:, i]))), FLOOR)
        for i, name in enumerate(model.outputs)
    }
    name = max(error, key=lambda n: error[n])
    return error[name], name


def in_libroadrunner(text: str, model: Plain, times: np.ndarray) -> dict[str, np.ndarray]:
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    runner = roadrunner.RoadRunner(text)
    integrator = runner.getIntegrator()
    for key, value in (("relative_tolerance", 1e-10), ("absolute_tolerance", 1e-13), ("maximum_num_steps", 500_000)):
        integrator.setValue(key, value)
    integrator.setValue("stiff", True)
    runner.timeCourseSelections = ["time", *model.outputs]
    table = np.asarray(runner.simulate(times=list(times - model.start_h)))
    np.testing.assert_allclose(table[:, 0], times - model.start_h, atol=1e-9)
    return {name: table[:, i] for i, name in enumerate(model.outputs, start=1)}


def in_scipy(model: Plain, times: np.ndarray) -> dict[str, np.ndarray]:
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(python_text(model), "exported.py", "exec"), space)
    return space["simulate"](times, rtol=1e-10, atol=1e-13)


def in_copasi(text: str, model: Plain, times: np.ndarray) -> dict[str, np.ndarray]:
    """COPASI's LSODA on the SBML, by basico; it locates the events of the doses itself."""
    basico = pytest.importorskip("basico", reason="pip install copasi-basico")
    loaded = basico.load_model_from_string(text)
    try:
        after = times - model.start_h
        found = basico.run_time_course(
            start_time=0.0,
            values=[0.0, *(float(t) for t in after if t > 0)],
            use_sbml_id=True,
            use_initial_values=True,
            r_tol=1e-10,
            a_tol=1e-13,
            max_steps=1_000_000,
            model=loaded,
        )
    finally:
        basico.remove_datamodel(loaded)
    table = found.to_numpy()
    np.testing.assert_allclose(np.asarray(found.index), np.unique([0.0, *after]), atol=1e-9)
    rows = np.searchsorted(np.asarray(found.index), after - 1e-9)
    return {name: table[rows, list(found.columns).index(name)] for name in model.outputs}


def in_diffrax(model: Plain, times: np.ndarray) -> dict[str, np.ndarray]:
    """The Python text with JAX's functions, stepped by Diffrax (Kvaerno, order 5), restarted at every segment."""
    jax = pytest.importorskip("jax", reason="pip install diffrax")
    diffrax = pytest.importorskip("diffrax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(python_text(model), "exported.py", "exec"), space)
    functions = {"exp": jnp.exp, "log": jnp.log, "where": jnp.where, "power": jnp.power}
    parameters, none = space["PARAMETERS"], dict.fromkeys(space["INPUTS"], 0.0)
    states, place = np.array(list(space["START"].values())), {name: i for i, name in enumerate(space["START"])}

    def both(t: Any, y: Any, u: Any) -> Any:
        return space["equations"](t, y, parameters, u, **functions)

    solver = diffrax.Kvaerno5()
    control = diffrax.PIDController(rtol=1e-10, atol=1e-13, dtmax=None)
    term = diffrax.ODETerm(lambda t, y, u: jnp.stack([jnp.asarray(x, dtype=float) for x in both(t, y, u)[0]]))

    @jax.jit
    def course(begin: Any, end: Any, y: Any, u: Any, save: Any) -> Any:
        asked = diffrax.SaveAt(ts=save)
        return diffrax.diffeqsolve(
            term, solver, begin, end, None, y, u, saveat=asked, stepsize_controller=control, max_steps=1_000_000
        ).ys

    kept: list[Any] = [None] * len(times)
    for at in np.flatnonzero(times <= space["SEGMENTS"][0][0]):
        kept[at] = both(times[at], states, none)[1]
    for begin, end, inputs, deposits in space["SEGMENTS"]:
        for state, scale, add in deposits:
            states[place[state]] = scale * states[place[state]] + add
        u = {k: float(x) for k, x in (none | inputs).items()}
        inside = np.flatnonzero((times > begin) & (times <= end))
        save = np.concatenate([times[inside], np.full(len(times) + 1 - len(inside), end)])
        ys = np.asarray(course(float(begin), float(end), jnp.asarray(states), u, jnp.asarray(save)))
        for row, at in enumerate(inside):
            kept[at] = both(times[at], ys[row], u)[1]
        states = ys[-1].copy()
    return {name: np.array([float(row[name]) for row in kept]) for name in kept[0]}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("words", "options"), [case.values for case in CASES], ids=[case.id for case in CASES])
def test_copasi_gives_the_same_courses(words: str, options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """`pip install copasi-basico`; `-s` prints the error of every regimen."""
    model = plain(scenario(words, **options))
    times = moments(model)
    error, name = worst(model, in_copasi(sbml_text(model), model, times), times)
    with capsys.disabled():
        print(f"COPASI {error:.1e} {name} {words}")
    assert error < BOUND, (name, error)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("words", "options"), [case.values for case in CASES[:FEW]])
def test_diffrax_gives_the_same_courses(
    words: str, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """`pip install diffrax`; every model is compiled anew, so a few regimens."""
    model = plain(scenario(words, **options))
    times = moments(model)
    error, name = worst(model, in_diffrax(model, times), times)
    with capsys.disabled():
        print(f"Diffrax {error:.1e} {name} {words}")
    assert error < BOUND, (name, error)


@pytest.mark.parametrize(("words", "options"), CASES)
def test_other_programs_give_the_same_courses(words: str, options: dict[str, Any]) -> None:
    model = plain(scenario(words, **options))
    times = moments(model)
    error, name = worst(model, in_libroadrunner(sbml_text(model), model, times), times)
    assert error < BOUND, ("libroadrunner", name, error)
    error, name = worst(model, in_scipy(model, times), times)
    assert error < BOUND, ("SciPy", name, error)


def test_the_antimony_text_is_the_same_model() -> None:
    import antimony

    model = plain(scenario("esketamine nasal 84 mg", with_="naltrexone oral 50 mg at -45 min", weight=55.0))
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(antimony_text(model)) >= 0, antimony.getLastError()
    times = moments(model)
    error, name = worst(model, in_libroadrunner(antimony.getSBMLString(), model, times), times)
    assert error < BOUND, (name, error)


def test_an_export_whose_dose_is_left_out_would_be_seen() -> None:
    """The comparison can fail: without one deposit the courses differ far beyond the bound."""
    from dataclasses import replace

    model = plain(scenario("esketamine nasal 84 mg"))
    less = replace(model, jumps=model.jumps[:-1])
    times = moments(model)
    error, _ = worst(model, in_libroadrunner(sbml_text(less), model, times), times)
    assert error > 0.01
