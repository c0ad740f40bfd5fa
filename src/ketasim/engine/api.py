"""The engine's front door: `compile_model`."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Sequence

from ketasim.core import UsageError

from . import arguments
from .code import store
from .code.machine import load_object, processor, register_bytes
from .run.model import Model
from .run.steady import SteadyState, steady_state
from .run.streaming import Streamed, stream
from .types import Jump, Options, Schedule, Trajectories

__all__ = [
    "Jump",
    "Model",
    "Options",
    "Schedule",
    "SteadyState",
    "Streamed",
    "Trajectories",
    "compile_model",
    "steady_state",
    "stream",
]

MOST_MODELS = 32  # kept in this process
_models: OrderedDict[str, Model] = OrderedDict()
_lock = threading.Lock()
_building = threading.Lock()  # the libraries that read the text and make the code serve one thread at a time


def compile_model(
    text: str,
    parameters: Sequence[str] = (),
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    options: Options | None = None,
) -> Model:
    """Machine code for the model in `text` (Antimony or SBML).

    `parameters` constants that differ between people; `inputs` constants that change at dose boundaries (zero before
    the first one); `outputs` states, assigned variables or constants to report, `amount(S)` and `concentration(S)`
    of a species, `sum(A, B)` of any of these; all states when empty, everything that varies for `*`. All other constants are folded into
    the code. Machine code is kept in this process and on disk (`ketasim.engine.code.store`). Raises UsageError for text
    that cannot be read, for elements outside the ODE subset and for unknown names.
    """
    options = arguments.options(options)
    parameters, outputs, inputs = (
        arguments.names(given, name, "compile_model")
        for name, given in (("parameters", parameters), ("outputs", outputs), ("inputs", inputs))
    )
    if not isinstance(text, str):
        raise UsageError("the model must be given as text", where="compile_model", fix="text = path.read_text()")
    width = options.width or register_bytes() // (8 if options.dtype == "float64" else 4)
    key = store.key_of(
        text=text,
        parameters=list(parameters),
        outputs=list(outputs),
        inputs=list(inputs),
        options=dataclasses.asdict(options),
        width=width,
        processor=processor(),
    )
    with _lock:
        if key in _models:
            _models.move_to_end(key)
            return _models[key]
    with _building:
        with _lock:
            if key in _models:  # made while this thread waited
                return _models[key]
        found = store.read(key)
        if found is None:
            from .code.compile import build

            found = build(text, tuple(parameters), tuple(outputs), tuple(inputs), options, width)
            store.write(key, *found)
        description, code = found
        model = Model(description, load_object(code, ("solve_many",)), options)
        with _lock:
            _models[key] = model
            while len(_models) > MOST_MODELS:
                _models.popitem(last=False)
    return model
