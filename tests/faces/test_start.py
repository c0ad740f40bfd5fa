"""Starting is cheap: the package, and a plain run, load nothing they do not need; the public API is small."""

import subprocess
import sys
import time

import pytest

import ketasim

HEAVY = ("matplotlib", "xarray", "pandas", "pint", "libsbml", "antimony", "roadrunner", "pyarrow")
PLAIN_RUN = "import ketasim, sys; ketasim.run('ketamine iv 0.5 mg/kg over 40 min', people=5); print(*sys.modules)"


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_is_quick() -> None:
    python("import ketasim")  # byte code, file cache
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        python("import ketasim")
        best = min(best, time.perf_counter() - begin)
    assert best < 0.5


def test_import_loads_no_numbers() -> None:
    assert "numpy" not in python("import ketasim, sys; print(*sys.modules)").split()


def test_a_second_run_of_the_same_model_needs_none_of_the_heavy_libraries() -> None:
    python(PLAIN_RUN)  # the first one may compile, and keeps the machine code
    loaded = set(python(PLAIN_RUN).split())
    assert not loaded.intersection(HEAVY)


def test_the_public_api_is_small_and_real() -> None:
    assert len(ketasim.__all__) <= 21  # twenty names and the version
    for name in ketasim.__all__:
        assert getattr(ketasim, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'simulate'"):
        ketasim.simulate  # noqa: B018
