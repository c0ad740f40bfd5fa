"""The exported PEtab problem: petab's own checks say nothing, and a second program finds Ketasim's likelihood from the files alone.

petab (extra `exchange`) reads the tables; libroadrunner integrates its SBML; Ketasim's kinetics fit is the other side.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if not find_spec("petab"):  # looked for, not imported: two seconds in every worker that collects
    pytest.skip("pip install 'ketasim[exchange]'", allow_module_level=True)
roadrunner = pytest.importorskip("roadrunner")

from ketasim.core import UsageError  # noqa: E402
from ketasim.evidence.kinetics.fit_plasma import Problem as OwnFit  # noqa: E402
from ketasim.evidence.kinetics.fit_plasma import priors  # noqa: E402
from ketasim.evidence.kinetics.pk_table import predict  # noqa: E402
from ketasim.evidence.kinetics.plasma_arms import Bench  # noqa: E402
from ketasim.exchange.export import export  # noqa: E402
from ketasim.exchange.petab import problem  # noqa: E402

FEW = "Simons2022"


def levels(found, nominal: dict[str, float]) -> np.ndarray:
    """The level of every measurement, by libroadrunner, from what stands in the files."""
    runner = roadrunner.RoadRunner(str(found.config.base_path / found.config.model_files["ketasim"].location))
    integrator = runner.getIntegrator()
    for key, value in (("relative_tolerance", 1e-10), ("absolute_tolerance", 1e-13), ("maximum_num_steps", 500_000)):
        integrator.setValue(key, value)
    conditions = {c.id: c for table in found.condition_tables for c in table.elements}
    formulas = {o.id: o.formula for table in found.observable_tables for o in table.elements}
    rows = [m for table in found.measurement_tables for m in table.elements]
    answer = np.full(len(rows), np.nan)
    for table in found.experiment_tables:
        for experiment in table.elements:
            runner.resetAll()
            for name, value in nominal.items():
                if name in runner.model.getGlobalParameterIds():
                    runner.setValue(name, value)
            mine = [i for i, m in enumerate(rows) if m.experiment_id == experiment.id]
            periods = sorted(experiment.periods, key=lambda p: p.time)
            for at, period in enumerate(periods):
                changes = []
                for identifier in period.condition_ids:
                    for change in conditions[identifier].changes:
                        told = {s: nominal.get(str(s)) for s in change.target_value.free_symbols}
                        told = {s: runner.getValue(str(s)) if v is None else v for s, v in told.items()}
                        changes.append((change.target_id, float(change.target_value.subs(told))))
                for name, value in changes:
                    runner.setValue(name, value)
                last = at + 1 == len(periods)
                end = math.inf if last else periods[at + 1].time
                inside = [i for i in mine if period.time < rows[i].time <= end]
                times = sorted({period.time, *(rows[i].time for i in inside), *([] if last else [end])})
                if len(times) < 2:
                    continue
                symbols = sorted({str(s) for f in formulas.values() for s in f.free_symbols})
                runner.timeCourseSelections = ["time", *symbols]
                course = np.asarray(runner.simulate(times=times))
                for i in inside:
                    row = course[times.index(rows[i].time)]
                    told = {s: row[1 + symbols.index(str(s))] for s in formulas[rows[i].observable_id].free_symbols}
                    answer[i] = float(formulas[rows[i].observable_id].subs(told))
    return answer


def log_likelihood(values: np.ndarray, predicted: np.ndarray, errors: np.ndarray) -> float:
    """Of log-normal measurements, natural parameters: sum of -ln(y s sqrt(2 pi)) - (ln y - ln p)^2 / (2 s^2)."""
    z = (np.log(values) - np.log(predicted)) / errors
    return float(np.sum(-np.log(values * errors * math.sqrt(2.0 * math.pi)) - 0.5 * z**2))


@pytest.mark.parametrize("words", [FEW, pytest.param("all", marks=pytest.mark.slow)])
def test_petab_finds_nothing_wrong_and_the_likelihood_is_ours(words: str, tmp_path: Path) -> None:
    from petab.v2 import Problem

    made = export(words, tmp_path / "plasma.yaml")
    assert any("cannot say" in line for line in made.lost)
    found = Problem.from_yaml(tmp_path / "plasma.yaml")
    assert [str(issue) for issue in found.validate()] == []
    nominal = {p.id: p.nominal_value for table in found.parameter_tables for p in table.elements}
    rows = problem(words).rows
    told = [m for table in found.measurement_tables for m in table.elements]
    assert [m.measurement for m in told] == [row.value for row in rows]
    errors = np.array([float(m.noise_parameters[0]) for m in told])
    values = np.array([m.measurement for m in told])
    theirs = log_likelihood(values, levels(found, nominal), errors)
    ours = log_likelihood(values, predict(Bench(), rows)[0], np.array([row.error for row in rows]))
    # what remains (5e-4 for all rows) is the straight line between the fit's own output times, 1.5 min apart
    assert abs(theirs - ours) < 1e-3 * abs(ours)
    fit = OwnFit(priors(), rows)
    start = fit.residuals(fit.start())[: len(rows)]
    constant = -np.sum(np.log(values * errors * math.sqrt(2.0 * math.pi)))
    assert abs(ours - (constant - 0.5 * np.sum(start**2))) < 1e-9 * abs(ours)  # the cost that the fit minimises


def test_a_study_without_levels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no row is a level at a time"):
        export("PerezRuixo2021", tmp_path / "p.yaml")
    with pytest.raises(UsageError, match="unknown study"):
        export("Nobody1999", tmp_path / "p.yaml")
    assert list(tmp_path.iterdir()) == []
