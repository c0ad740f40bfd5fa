"""The oracle of test_literature: scipy's Radau at its sharpest, for the problems that cost it more than a minute.

python tests/crosscheck/engine/radau.py     writes radau.json beside this file: times, values, the call and the version of scipy
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.integrate import solve_ivp

HERE = Path(__file__).parent
PLACE = HERE / "radau.json"
SLOW = ("Robertson", "van der Pol")
CALL = 'solve_ivp(field, (0, times[-1]), start, "Radau", t_eval=times, rtol=1e-11, atol=1e-15)'


def main() -> None:
    """Compute and write."""
    sys.path.insert(0, str(HERE))
    from test_literature import PROBLEMS

    found = {}
    for name in SLOW:
        _, field, start, times = PROBLEMS[name]
        exact = solve_ivp(field, (0, times[-1]), start, "Radau", t_eval=times, rtol=1e-11, atol=1e-15)
        assert exact.success
        found[name] = {"times": times, "values": exact.y.T.tolist()}
    about = {"call": CALL, "scipy": scipy.__version__, "numpy": np.__version__}
    PLACE.write_text(json.dumps(about | {"problems": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
