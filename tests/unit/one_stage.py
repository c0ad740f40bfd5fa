"""One stage alone: its input ports become inputs that a test imposes, everything else is the stage's own files and values."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.chain import Composition, compose
from ketasim.core.ports import Fragment, Stage
from ketasim.engine import Jump, Schedule, compile_model

Array = NDArray[np.float64]
_WORDS = {"umol/L": "uM", "dimensionless": "dimensionless"}
Imposed = tuple[str, float, float, float]  # port, from h, to h, value


@cache
def alone(
    stage: str,
    imposed: tuple[str, ...],
    parts: tuple[str, ...] = (),
    variants: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    varying: tuple[str, ...] = (),
):  # type: ignore[no-untyped-def]
    """The composition of one stage and its compiled model; `outputs` beside its output ports."""
    real: Stage = import_module(f"ketasim.stages.{stage}.stage").STAGE
    ports = {port.name: port for port in real.inputs}
    lines = [f"  const {name} = 0;\n  {name} has {_WORDS[ports[name].unit]};\n" for name in imposed]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "given.ant").write_text("// ports imposed by a test\nmodel given\n" + "".join(lines) + "end\n")
        giver = Stage(
            name="given",
            label="Given",
            folder=folder,
            inputs=(),
            outputs=real.inputs,
            fragments={"on": (Fragment("given.ant", provides=imposed),)},
            default=("on",),
        )
        chain: Composition = compose(parts, {stage: variants} if variants else None, stages=[giver, real])
    wanted = tuple(dict.fromkeys((*chain.outputs, *outputs)))
    wanted = tuple(name for name in wanted if name not in imposed)
    return chain, compile_model(chain.antimony, parameters=varying, outputs=wanted, inputs=chain.inputs), wanted


def run(
    stage: str,
    hours: Sequence[float] | Array,
    imposed: Sequence[Imposed] = (),
    ports: Sequence[str] = (),
    parts: Sequence[str] = (),
    variants: Sequence[str] = (),
    outputs: Sequence[str] = (),
    changed: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
) -> dict[str, Array]:
    """Curves by name. A port that is listed in `ports` but not imposed is held at 0, one that is in neither at its null."""
    moments = np.asarray(hours, dtype=np.float64)
    held = tuple(
        sorted({*ports, *(item[0] for item in imposed)} - {"s_bath_level", "r_bath_level", "lanicemine_level"})
    )
    chain, model, wanted = alone(stage, held, tuple(parts), tuple(variants), tuple(outputs), tuple(changed or {}))
    cuts = [moments.min(), moments.max() + 1e-3, *(t for item in imposed for t in item[1:3] if t <= moments.max())]
    boundaries = np.unique(np.round(cuts, 9))
    table = np.zeros((len(boundaries) - 1, len(chain.inputs)))
    middle = (boundaries[1:] + boundaries[:-1]) / 2
    for name, begin, end, level in imposed:
        table[(middle > begin) & (middle < end), chain.inputs.index(name)] = level
    jumps = tuple(Jump(0, name, add=amount) for name, amount in (start or {}).items())
    result = model.simulate(
        np.array([list((changed or {}).values())]),
        [Schedule(boundaries, table, jumps)],
        [0],
        moments,
        rtol=1e-9,
        atol=1e-12,
    )
    assert result.status[0] == 0, result.reasons
    return {name: result.values[0, :, i] for i, name in enumerate(wanted)}
