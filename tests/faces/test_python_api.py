"""The Python face: public names, pickling, short representations, tables, errors that teach."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import ketasim

WORDS = "ketamine iv 0.5 mg/kg over 40 min"
SUBMODULES = (
    "ketasim.dose.grammar",
    "ketasim.scenario.plan",
    "ketasim.scenario.run",
    "ketasim.scenario.compare",
    "ketasim.core.values",
    "ketasim.evidence.weigh.weighing",
    "ketasim.decide.claims",
)


@pytest.fixture(scope="module")
def result() -> ketasim.Result:
    return ketasim.run(WORDS, people=4, days=1, draws=0)


def test_at_most_twenty_public_names_each_a_function_or_a_class() -> None:
    names = [name for name in ketasim.__all__ if name != "__version__"]
    assert len(names) <= 20
    for name in names:
        assert inspect.isfunction(getattr(ketasim, name)) or inspect.isclass(getattr(ketasim, name)), name
        assert inspect.getdoc(getattr(ketasim, name)), name


@pytest.mark.parametrize("seed", range(3))
def test_public_names_are_what_they_say_after_any_import_order(seed: int) -> None:
    steps = [f"importlib.import_module('{m}')" for m in SUBMODULES]
    steps += [f"callable(ketasim.{n}) or failed.append('{n}')" for n in ("dose", "scenario", "run", "weigh", "claims")]
    random.Random(seed).shuffle(steps)
    end = (
        "failed += [n for n in ketasim.__all__ if n != '__version__' and isinstance(getattr(ketasim, n), types.ModuleType)]",
        "from ketasim.dose import parse",
        "from ketasim import dose, scenario",
        f"dose('{WORDS}'); scenario('{WORDS}')",
        "print(failed)",
    )
    code = "; ".join(("import importlib, types, ketasim", "failed = []", *steps, *end))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_is_light() -> None:
    """Counted, not timed: the package, its version, and nothing that is not in the standard library."""
    code = "import sys; before = set(sys.modules); import ketasim; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert {name for name in loaded if name.startswith("ketasim")} == {"ketasim", "ketasim._version"}
    assert {name.split(".")[0] for name in loaded} <= {"ketasim"} | sys.stdlib_module_names | {"typing"}


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "ketasim", "--version"], capture_output=True, text=True)
    assert done.stdout.strip() == f"ketasim {ketasim.__version__}"


def same(a: ketasim.Result, b: ketasim.Result) -> bool:
    return all(np.array_equal(a[name].people, b[name].people, equal_nan=True) for name in a)


def test_results_are_pickled_copied_and_deep_copied(result: ketasim.Result) -> None:
    for other in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert same(result, other)
        assert other.to_json() == result.to_json()


def test_scenarios_regimens_and_comparisons_are_pickled() -> None:
    asked = ketasim.scenario(
        WORDS, repeat="twice weekly x 3", with_="naltrexone oral 50 mg at -45 min", values={"mood_rate": 2.0}
    )
    assert pickle.loads(pickle.dumps(asked)) == asked
    assert str(pickle.loads(pickle.dumps(asked.regimen))) == str(asked.regimen)
    both = ketasim.compare(WORDS, "esketamine nasal 84 mg", people=2, draws=0)
    assert pickle.loads(pickle.dumps(both)).to_json() == both.to_json()


def _effect(asked: ketasim.Scenario) -> float:
    return float(ketasim.run(asked)["madrs.effect"].typical[-1])


def test_scenarios_go_to_other_processes_and_results_come_back(result: ketasim.Result) -> None:
    asked = [
        ketasim.scenario(f"ketamine iv {dose} mg/kg over 40 min", people=0, days=1, draws=0) for dose in (0.25, 0.5)
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        low, high = pool.map(_effect, asked)
    assert high == _effect(asked[1]) and low > high


def test_representations_are_short(result: ketasim.Result) -> None:
    assert len(repr(result)) < 300 and WORDS in repr(result)
    html = result._repr_html_()
    assert "<table>" in html and "madrs.effect" in html and len(html) < 20_000
    both = ketasim.compare(WORDS, "esketamine nasal 84 mg", people=2, draws=0)
    assert len(repr(both)) < 300
    assert both._repr_html_().count("<th>") == 4


def test_table_has_one_entry_per_person_and_agrees_with_the_courses(result: ketasim.Result) -> None:
    table = result.table()
    assert {len(column) for column in table.values()} == {4}
    fine = result.fine("plasma.ketamine")
    assert table["plasma.ketamine.cmax"] == pytest.approx(fine.people.max(axis=1))
    assert table["plasma.ketamine.tmax"] == pytest.approx(fine.time_h[fine.people.argmax(axis=1)])
    one = fine.people[0]
    area = sum(0.5 * (one[i] + one[i + 1]) * (fine.time_h[i + 1] - fine.time_h[i]) for i in range(len(one) - 1))
    assert table["plasma.ketamine.auc"][0] == pytest.approx(area)
    assert np.array_equal(table["weight"], result.people.weight)


def test_means_over_people_leave_the_typical_person_out(result: ketasim.Result) -> None:
    data = result.to_xarray()
    assert data.sizes["person"] == 4
    assert data["madrs.change"].mean("person").values == pytest.approx(result["madrs.change"].mean)
    assert np.array_equal(data["madrs.change.typical"].values, result["madrs.change"].typical)
    assert np.array_equal(data["weight"].values, result.people.weight)


@pytest.mark.parametrize(
    "call",
    [
        lambda result: result[0],
        lambda result: ketasim.compare([WORDS, WORDS]),
        lambda result: ketasim.compare(WORDS, 5),
    ],
)
def test_wrong_use_teaches(result: ketasim.Result, call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ketasim.UsageError) as caught:
        call(result)
    assert caught.value.allowed
