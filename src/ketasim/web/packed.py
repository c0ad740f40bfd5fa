"""The slider's answer: a short header in JSON and the curves as 32-bit numbers, so that nothing is printed and read back."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.core import output, unknown_name
from ketasim.scenario.result import HIGH, LOW, Result, plain

CURVES = ("typical", "low", "high")
MODEL_CURVES = ("model_low", "model_high")


def pack(result: Result, names: list[str]) -> bytes:
    """Length of the header (4 bytes, little-endian), header (JSON, padded to 4), times, then per output its curves.

    Times are those of the internal grid, which holds the times asked for exactly. Curves: typical, and 5th and 95th
    percentile between people where people were drawn; the same of the typical person over the posterior, where one ships. NaN
    where a run failed.
    """
    chosen = [output(name).name for name in names] or list(result.grid_values)
    for name in chosen:
        if name not in result.grid_values:
            raise unknown_name("output of this run", name, result.grid_values, where="outputs")
    table = np.stack([result.grid_values[name] for name in chosen])  # (outputs, 1 + people, times)
    good = np.isfinite(table[:, 1:]).all(axis=(0, 2))
    banded = bool(good.any())
    curves, names_of = [table[:, 0]], CURVES[:1]
    if banded:
        curves, names_of = [*curves, *_ends(table[:, 1:][:, good])], CURVES
    if result.model_grid_values:
        drawn = np.stack([result.model_grid_values[name] for name in chosen])
        whole = np.isfinite(drawn).all(axis=(0, 2))
        if whole.any():
            curves, names_of = [*curves, *_ends(drawn[:, whole])], (*names_of, *MODEL_CURVES)
    blocks = [result.grid_h, np.stack(curves, axis=1)]
    header: dict[str, Any] = {
        **result.heading(),
        "curves": names_of,
        "times": len(result.grid_h),
        "doses_h": list(result.doses_h),
        "outputs": [{"name": name, "unit": output(name).unit, "label": output(name).label} for name in chosen],
    }
    text = json.dumps(plain(header), allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *(np.ascontiguousarray(b, dtype="<f4").tobytes() for b in blocks)])


def _ends(people: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """5th and 95th percentile over axis 1, as `np.percentile` gives them (linear between neighbours), on 32-bit numbers."""
    rows = np.ascontiguousarray(people.transpose(0, 2, 1), dtype=np.float32)
    places = [(rows.shape[-1] - 1) * share / 100.0 for share in (LOW, HIGH)]
    below = [int(place) for place in places]
    above = [min(place + 1, rows.shape[-1] - 1) for place in below]
    rows.partition(sorted({*below, *above}), axis=-1)
    low, high = (
        rows[..., b] + (rows[..., a] - rows[..., b]) * np.float32(place - b) for place, b, a in zip(places, below, above, strict=True)
    )
    return low, high
