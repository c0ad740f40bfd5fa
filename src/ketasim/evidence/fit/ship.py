"""Write the posterior that ships: values.toml, draws.csv, predictions.csv, between.toml; and say what the data know.

draws.csv joins a draw of the plasma values (plasma_draws.csv) to each draw of the values fitted here, so that a run varies both.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import numpy as np

from ketasim.core.arrays import Array
from ketasim.core.posterior import folder
from ketasim.core.values import starting_value

from ..arms.numbers import LINK_CEILING, MEAN_ONE, SPREAD, TIED_SLOPE, tied_slope
from ..compare.predict import Evidence
from ..compare.shipped import row_key
from ..kinetics.fit_plasma import draws_path
from .calibrate import Problem, State
from .draws import Draws

WELL, SOME = 0.5, 0.85


def sentence(shrinkage: float, start: float, moved: float) -> str:
    """What the data say about a value, in one sentence. shrinkage : posterior SD over prior SD."""
    if shrinkage > SOME:
        return f"The data say next to nothing about this (posterior SD {shrinkage:.2f} of the prior's); it stays near its start, {start:g}."
    word = "well" if shrinkage < WELL else "in part"
    return f"The data know this {word} (posterior SD {shrinkage:.2f} of the prior's; moved by {moved:+.1f} prior SD from {start:g})."


def report(task: Problem, state: State) -> str:
    """Table of the fitted values: start, mode, shrinkage."""
    sd = np.sqrt(np.diag(np.linalg.inv(state.hessian))) if state.hessian is not None else np.full(len(state.z), np.nan)
    lines = [
        f"objective {state.value:.2f} after {state.iteration} steps, {'converged' if state.done else 'not converged'}"
    ]
    lines += [
        f"{p.key:32s} {p.start:10.4g} -> {p.value(z):10.4g}   z {z:+5.2f}   know {s:4.2f}"
        for p, z, s in zip(task.parameters, state.z, sd, strict=True)
    ]
    lines += [f"{key:32s} {starting_value(key).value:10.4g} -> {v:10.4g}" for key, v in state.taus.items()]
    return "\n".join(lines)


def ship(task: Problem, state: State, draws: Draws, everything: Evidence) -> str:
    """Write knowledge/posterior; returns what was written."""
    target = folder()
    target.mkdir(exist_ok=True)
    assert state.hessian is not None
    # a draw beyond a bound of its value is that bound
    sd = np.array([[p.z(p.value(float(x))) for p, x in zip(task.parameters, row, strict=True)] for row in draws.z]).std(
        axis=0
    )
    laplace = np.sqrt(np.diag(np.linalg.inv(state.hessian)))
    text = io.StringIO()
    count, studies = sum(len(b.rows) for b in task.evidence.blocks), len(task.evidence.blocks)
    text.write(
        "# Written by `python -m ketasim.evidence.fit --ship`; do not edit. sd, shrinkage: of the draws; sd on the scale of `uncertain`.\n\n[about]\n"
    )
    text.write(
        f"values = {count}\nstudies = {studies}\nobjective = {state.value:.4f}\nsteps = {state.iteration}\nconverged = {str(state.done).lower()}\n"
    )
    text.write("".join(f"{name} = {figure:.4g}\n" for name, figure in draws.figures().items()))
    for k, p in enumerate(task.parameters):
        mode, shrink = p.value(float(state.z[k])), float(sd[k])
        text.write(
            f'\n[values."{p.key}"]\nstart = {p.start:.6g}\nprior_sd = {p.sd:.6g}\nmode = {mode:.6g}\nsd = {p.sd * shrink:.6g}\nshrinkage = {shrink:.3f}\nlaplace_shrinkage = {laplace[k]:.3f}\n'
        )
        text.write(f'says = "{sentence(shrink, p.start, float(state.z[k]))}"\n')
        name = p.key.removesuffix(SPREAD)
        if p.key.endswith(SPREAD) and name in MEAN_ONE:
            text.write(
                f'\n[values."{name}"]\nstart = {starting_value(name).value:.6g}\nmode = {math.exp(-(mode**2) / 2):.6g}\nsays = "Follows its spread, so that the mean over people is 1."\n'
            )
    ceiling = dict(zip([p.key for p in task.parameters], state.z, strict=True)).get(LINK_CEILING)
    if ceiling is not None:
        at = next(p for p in task.parameters if p.key == LINK_CEILING).value(float(ceiling))
        text.write(
            f'\n[values."{TIED_SLOPE}"]\nstart = {starting_value(TIED_SLOPE).value:.6g}\nmode = {tied_slope(at):.6g}\nsays = "Follows the ceiling, so that a drive of ln 2 halves the score."\n'
        )
    for key, v in state.taus.items():
        text.write(
            f'\n[values."{key}"]\nstart = {starting_value(key).value:.6g}\nmode = {v:.6g}\nsays = "Estimated from the spread of the fit studies around the model."\n'
        )
    (target / "values.toml").write_text(text.getvalue(), encoding="utf-8")
    natural = np.array([[p.value(float(x)) for p, x in zip(task.parameters, row, strict=True)] for row in draws.z])
    keys = [p.key for p in task.parameters]
    for name in MEAN_ONE:  # what follows from a drawn value is drawn with it
        if name + SPREAD in keys:
            natural = np.column_stack([natural, np.exp(-(natural[:, keys.index(name + SPREAD)] ** 2) / 2.0)])
            keys.append(name)
    if LINK_CEILING in keys:
        natural = np.column_stack([natural, [tied_slope(u) for u in natural[:, keys.index(LINK_CEILING)]]])
        keys.append(TIED_SLOPE)
    _write_draws(*with_plasma(keys, natural, *plasma_draws()), draws.weights)
    _write_predictions(everything, draws)
    return f"shipped: {count} values of {studies} studies, {len(draws.z)} draws, effective {draws.effective:.0f}"


def plasma_draws() -> tuple[list[str], Array]:
    """Names and draws (M, q) of the plasma values, in their units; none where none ship."""
    if not draws_path().exists():
        return [], np.empty((0, 0))
    with draws_path().open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    return lines[0], np.array(lines[1:], dtype=np.float64)


def with_plasma(keys: Sequence[str], natural: Array, names: Sequence[str], plasma: Array) -> tuple[list[str], Array]:
    """Each draw (N, p) of the fitted values with a draw of the plasma values (M, q) of its own: the two fits share no numbers, so they are independent.

    The plasma draws are independent of each other and taken in turn, again from the first where there are fewer. A value that both fits have
    keeps the draws of the evidence.
    """
    kept = [i for i, name in enumerate(names) if name not in keys]
    if not kept or not len(plasma):
        return list(keys), natural
    turn = plasma[np.arange(len(natural)) % len(plasma)][:, kept]
    return [*keys, *(names[i] for i in kept)], np.column_stack([natural, turn])


def _write_draws(keys: list[str], natural: Array, weights: Array) -> None:
    with (folder() / "draws.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["weight", *keys])
        for weight, row in zip(weights, natural, strict=True):
            writer.writerow([f"{weight:.6g}", *(f"{x:.6g}" for x in row)])


def _write_predictions(everything: Evidence, draws: Draws) -> None:
    """SD of every prediction over the posterior, scale of comparison."""
    with (folder() / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "sd"])
        for i, block in enumerate(everything.blocks):
            table = np.array([p[i] for p in draws.predictions])
            mean = draws.weights @ table
            sd = np.sqrt(draws.weights @ (table - mean) ** 2)
            writer.writerows([row_key(r.row), f"{s:.5g}"] for r, s in zip(block.rows, sd, strict=True))
