"""The engine's front door: `compile_model`."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Description, Model
from .types import Jump, Options, Schedule, Trajectories

__all__ = ["Jump", "Model", "Options", "Schedule", "Trajectories", "compile_model"]


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
    of a species, all states when empty. All other constants are folded into the code. Raises UsageError for
    text that cannot be read, for elements outside the ODE subset and for unknown names.
    """
    from .emit import Module
    from .kernel import lay_out, write_first_stage, write_observe, write_prepare, write_stage, write_start
    from .loop import write_loop
    from .machine import build_object, load_object, register_bytes
    from .reader import read_model
    from .system import assemble
    from .tableau import METHODS

    options = options or Options()
    real = "double" if options.dtype == "float64" else "float"
    width = options.width or register_bytes() // (8 if real == "double" else 4)
    system = assemble(read_model(text), parameters, outputs, inputs)
    module = Module(width, real)
    layout = lay_out(system)
    write_prepare(module, layout)
    write_start(module, system)
    write_observe(module, system, layout)
    write_first_stage(module, system, layout)
    write_stage(module, system, layout)
    memory = write_loop(module, system, layout, METHODS[options.method])
    code = load_object(build_object(module.text()), ("solve_many",))
    description = Description(
        system.states, system.all_states, tuple(sorted(system.as_amount)), system.outputs, system.parameters,
        system.inputs, system.nominal, width, memory.size, module.bytes,
    )
    return Model(description, code, options)
