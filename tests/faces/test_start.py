"""Starting is cheap: the package, and a plain run, load nothing they do not need; the public API is small."""

import subprocess
import sys

import pytest

import ketasim

HEAVY = ("matplotlib", "xarray", "pandas", "pint", "libsbml", "antimony", "roadrunner", "pyarrow")
PLAIN_RUN = "import ketasim, sys; ketasim.run('ketamine iv 0.5 mg/kg over 40 min', people=5); print(*sys.modules)"


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_little() -> None:
    """Modules, not seconds: how long it takes is `benchmarks/start.py`."""
    bare, ours = (set(python(f"{code}import sys; print(*sys.modules)").split()) for code in ("", "import ketasim; "))
    assert len(ours - bare) < 60, sorted(ours - bare)


def test_import_loads_no_numbers() -> None:
    assert "numpy" not in python("import ketasim, sys; print(*sys.modules)").split()


def test_a_second_run_of_the_same_model_needs_none_of_the_heavy_libraries() -> None:
    python(PLAIN_RUN)  # the first one may compile, and keeps the machine code
    loaded = set(python(PLAIN_RUN).split())
    assert not loaded.intersection(HEAVY)


KEPT = {
    *(
        "Comparison",
        "KetasimError",
        "Result",
        "Scenario",
        "UsageError",
        "__version__",
        "check",
        "claims",
        "compare",
        "dose",
    ),
    *("experiment", "forecast", "next_study", "output", "run", "scenario", "screen", "trial", "value", "weigh"),
}
"""Public names of the released version: one that goes stays for a minor version with a warning that names its successor."""


def test_no_public_name_goes_without_a_warning() -> None:
    assert set(ketasim.__all__) >= KEPT


def test_the_public_api_is_small_and_real() -> None:
    assert len(ketasim.__all__) <= 21  # twenty names and the version
    for name in ketasim.__all__:
        assert getattr(ketasim, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'simulate'"):
        ketasim.simulate  # noqa: B018
