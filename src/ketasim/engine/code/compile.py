"""From model text to machine code: the steps in order. Imported only when the code is not in the cache."""

from __future__ import annotations

from collections.abc import Sequence

from ketasim.core import UsageError

from ..read.reader import read_model
from ..symbolic.evaluate import program
from ..symbolic.sizes import Size
from ..symbolic.slack import with_slack
from ..symbolic.system import System, assemble
from ..types import Options
from . import functions
from .description import Description
from .dop853 import ExplicitTableau
from .emit import Module
from .kernel import (
    Layout,
    lay_out,
    write_clock,
    write_conditions,
    write_first_stage,
    write_observe,
    write_prepare,
    write_rates,
    write_stage,
    write_start,
    write_substitution,
)
from .loop import write_loop
from .machine import build_object, is_x86, llvm_version
from .tableau import METHODS

LINES_OF_A_FUNCTION = 60
MOST_LINES = 1_500_000


def generate(
    text: str, parameters: Sequence[str], outputs: Sequence[str], inputs: Sequence[str], options: Options, width: int
) -> tuple[Description, str]:
    """LLVM text of a model, and what is to be known of it."""
    system = with_slack(assemble(read_model(text), parameters, outputs, inputs))
    real = "double" if options.dtype == "float64" else "float"
    module = Module(width, real, flush=real == "float" and is_x86(), short=llvm_version() >= 20)
    layout = lay_out(system)
    _check_amount(system, layout)
    write_prepare(module, layout)
    write_start(module, system, layout)
    write_observe(module, system, layout)
    write_conditions(module, layout)
    write_clock(module, layout)
    method = METHODS[options.method]
    if isinstance(method, ExplicitTableau):
        write_rates(module, system, layout)
    else:
        layout.linear.write_functions(module)
        write_first_stage(module, system, layout)
        write_stage(module, system, layout)
        write_substitution(module, layout)
    memory = write_loop(module, system, layout, method)
    description = Description(
        states=system.states,
        all_states=system.all_states,
        as_amount=tuple(sorted(system.as_amount)),
        outputs=system.outputs,
        parameters=system.parameters,
        inputs=system.inputs,
        sizes=system.sizes,
        nominal=system.nominal,
        width=width,
        work_vectors=memory.size,
        vector_bytes=module.bytes,
        switches=layout.timed_switches,
        varying_sizes=tuple(Size(c, program(system.graph, [n])) for c, n in system.varying_sizes.items()),
    )
    return description, module.text()


def _check_amount(system: System, layout: Layout) -> None:
    """Refuses what would fill the memory with text before LLVM can say that it is too much."""
    graph = system.graph
    needed = graph.reach([*system.rates, *system.output_nodes, *layout.linear.roots])
    lines = sum(LINES_OF_A_FUNCTION if graph.op[n] in functions.UNARY or graph.op[n] == "pow" else 1 for n in needed)
    if lines > MOST_LINES:
        raise UsageError(
            f"the model is too large: about {lines:,} instructions",
            where="compile_model",
            allowed=f"about {MOST_LINES:,}; exp, sin and powers are {LINES_OF_A_FUNCTION} each",
        )


def build(
    text: str, parameters: Sequence[str], outputs: Sequence[str], inputs: Sequence[str], options: Options, width: int
) -> tuple[Description, bytes]:
    """Description and object code of a model."""
    description, code = generate(text, parameters, outputs, inputs, options, width)
    return description, build_object(code)
