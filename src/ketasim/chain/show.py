"""What the model says about one identifier: its equations, its number, who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.core import Value, unknown_name

from .compose import Composition, Equation, compose


@dataclass(frozen=True, slots=True)
class Explanation:
    """One identifier in a composition.

    kind : state | algebra | reaction | input | parameter | port at its null. unit : as in the chain. label : of its port
    or value. defined_by : its own equations; a species has the reactions that move it. read_by : equations that read it.
    value : of a parameter. null : of a port that nothing provides here.
    """

    name: str
    kind: str
    unit: str
    label: str
    defined_by: tuple[Equation, ...]
    read_by: tuple[Equation, ...]
    value: Value | None = None
    null: float | None = None

    def lines(self) -> list[str]:
        """The explanation as lines of plain text."""
        head = f"{self.name} [{self.unit}]" if self.unit else self.name
        found = [f"{head}: {self.kind}" + (f", {self.label}" if self.label else "")]
        if self.value is not None:
            found.append(f"  {self.value.symbol or self.name} = {self.value.value:g} {self.value.unit}")
        if self.null is not None:
            found.append(f"  = {self.null:g}, because nothing given here provides it")
        for title, equations in (("equation", self.defined_by), ("read by", self.read_by)):
            for equation in equations:
                copy = f", copy {equation.copy}" if equation.copy else ""
                found.append(f"  {title}: {equation.text}    ({equation.stage}/{equation.file}:{equation.line}{copy})")
        return found


def explain(name: str, model: Composition | None = None) -> Explanation:
    """Equations, value and readers of an identifier of the composition (of the default chain when none is given).

    An unknown identifier raises UsageError with the nearest ones.
    """
    model = model or compose()
    known = {*model.defined, *model.parameters, *model.nulls}
    if name not in known:
        raise unknown_name("identifier of the model", name, known)
    own = tuple(e for e in model.equations if e.name == name)
    moved = tuple(e for e in model.equations if e.kind == "reaction" and e.name != name and name in _moved(e))
    read = tuple(e for e in model.equations if e.name != name and name in e.uses and e not in moved)
    if name in model.parameters:
        kind = "parameter"
    elif name in model.nulls:
        kind = "port at its null"
    elif name in model.inputs:
        kind = "dose input"
    elif name in model.states:
        kind = "state"
    else:
        kind = own[0].kind if own else "quantity"
    port = model.ports.get(name)
    value = model.parameters.get(name)
    label = port.label if port else value.label if value else ""
    return Explanation(
        name,
        kind,
        model.units.get(name, port.unit if port else ""),
        label,
        own + moved,
        read,
        value,
        model.nulls.get(name),
    )


def _moved(equation: Equation) -> set[str]:
    """Species on either side of a reaction."""
    sides = equation.text.split(":", 1)[1].split(";", 1)[0]
    return set(sides.replace("->", " ").replace("+", " ").split())
