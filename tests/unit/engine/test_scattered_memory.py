"""Machine code is linked wherever the process has room: sections of one object that lie far apart ended it with an LLVM assertion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Leaves the process gaps of one and two pages high up, and room for more than that only 3 GB below: constants (one page) and
# code (four) of one object, asked for one by one, would end up on both sides, where a 32-bit distance does not reach.
SCATTERED = """
import ctypes
import numpy as np
from ketasim.engine import Schedule, compile_model

system = ctypes.CDLL(None)
system.mmap.restype = ctypes.c_void_p
system.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def reserve(size):
    return system.mmap(None, size, 0, 0x02 | 0x20 | 0x4000, -1, 0)


def run(start):
    model = compile_model(f"x = {start}; k = 0.1; x' = -k*x + 0.5*exp(-x) + sin(time);", ("k",))
    return float(model.simulate([[0.3]], [Schedule(np.array([0.0, 1.0]), np.zeros((1, 0)))], [0], [1.0]).values[0, 0, 0])


expected = run(1)
below = reserve(3 << 30)
for _ in range(200_000):
    if reserve(3 * 4096) <= below:
        break
else:
    raise SystemExit("the gaps above were not filled")
for start in (2, 3, 4):
    assert run(start) > expected
print("linked")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="lays out memory with the flags of Linux")
def test_code_and_constants_are_linked_when_memory_is_scattered() -> None:
    found = subprocess.run(
        [sys.executable, "-c", SCATTERED],
        capture_output=True,
        text=True,
        env={**os.environ, "KETASIM_CACHE": "off"},
    )
    assert (found.returncode, found.stdout.strip()) == (0, "linked"), found.stderr[-600:]
