"""The arrays of the project by what they hold: every file takes its names from here (a test says so).

Shapes stand in the docstring of the function, with P people, T times, D draws, S segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]
type IntArray = NDArray[np.int64]
type BoolArray = NDArray[np.bool_]
type AnyArray = NDArray[Any]
