"""Undosed, the chain stays where it starts: every state begins at the steady state that the equations have without a dose.

Otherwise a run shows a drift that no dose has caused. Checked by integrating the undosed model until it settles (`engine.steady_state`).
"""

from __future__ import annotations

import numpy as np

from ketasim.core import Problem

from .compose import Composition

MOVED = 1e-6  # of the largest of start, end and 1


def unrest(model: Composition, label: str) -> list[Problem]:
    """States of a composition that leave their start without a dose, or do not settle; label : what it is ("circuit: hnk")."""
    from ketasim.engine import Schedule, compile_model, steady_state

    if not model.states:
        return []
    compiled = compile_model(model.antimony, (), tuple(model.states), model.inputs)
    nobody = np.zeros((1, 0))
    still = Schedule(np.array([0.0, 1.0]), np.zeros((1, len(model.inputs))))
    begin = compiled.simulate(nobody, [still], [0], [0.0])
    found = steady_state(compiled, nobody)
    if found.status[0] != 0:
        return [
            Problem(label, f"undosed, the chain does not come to rest: {found.reasons[0]}", "a loss for what is made")
        ]
    start = dict(zip(begin.outputs, begin.values[0, 0].tolist(), strict=True))
    problems = []
    for name, settled in found.states.items():
        first, last = start.get(name), float(settled[0])
        if first is None or abs(last - first) <= MOVED * max(1.0, abs(first), abs(last)):
            continue
        place = model.defined.get(name)
        where = f"{place[0]}/{place[1]}" if place else label
        problems.append(
            Problem(
                where,
                f"undosed, {name} moves from {first:.6g} to {last:.6g} ({label})",
                f"{name} = the level at which its rate is 0",
            )
        )
    return problems
