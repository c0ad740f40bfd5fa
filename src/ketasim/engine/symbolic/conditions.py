"""Which comparisons inside piecewise expressions need care.

Comparisons that involve time but no state become `TimeSwitch`es. Comparisons that involve states are watched by the
stepping loop where the two sides of the switch differ by a jump; a mere kink, such as max(x, 0), is left to error control.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .collect import Renamed
from .derivative import TIME, Derivative
from .evaluate import describe, program
from .graph import DYNAMIC, Graph
from .time_switch import Gap, TimeSwitch

COMPARISONS = ("lt", "le")
IN_TIME = (*COMPARISONS, "eq", "ne")
STEPS = ("floor", "ceil", "trunc")
SIGNED = (
    "neg",
    "abs",
    "recip",
    "safe_recip",
    "sqrt",
    "tanh",
    "atan",
    "sinh",
    "asinh",
)  # 0 or infinite only where their argument is


@dataclass(frozen=True)
class Switches:
    """Comparisons of a system: in time only (with their graph nodes), and, as nodes, those that involve states."""

    in_time: tuple[TimeSwitch, ...]
    nodes_in_time: tuple[int, ...]
    in_states: tuple[int, ...]


def find_switches(
    graph: Graph, rates: Iterable[int], parameters: Sequence[str] = (), inputs: Sequence[str] = ()
) -> Switches:
    """The comparisons that the rates depend on; `parameters` and `inputs` are names for messages."""
    in_states = set[int]()
    needed = sorted(graph.reach(rates))
    for node in needed:
        if graph.op[node] == "select" and not _is_kink(graph, node):
            in_states.update(_comparisons(graph, graph.args[node][0]))
    nodes = [n for n in needed if graph.op[n] in (*IN_TIME, *STEPS) and graph.level[n] == DYNAMIC]
    nodes = [n for n in nodes if not any(graph.op[b] == "state" for b in graph.reach([n]))]
    return Switches(
        _switches_in_time(graph, nodes, _users(graph, needed), parameters, inputs),
        tuple(nodes),
        tuple(sorted(in_states)),
    )


def _switches_in_time(
    graph: Graph, nodes: Sequence[int], users: dict[int, list[int]], parameters: Sequence[str], inputs: Sequence[str]
) -> tuple[TimeSwitch, ...]:
    """The comparisons `nodes`, those inside others first; among them the signs on which an |x| inside one depends."""
    renamed, places, found = Renamed(graph, {}), dict[int, int](), list[TimeSwitch]()
    for node in sorted(graph.reach(nodes)):
        if graph.op[node] == "abs" and graph.level[node] == DYNAMIC:
            inside = renamed(graph.args[node][0])
            place, harmless, shown = graph.compare("lt", inside, graph.zero), True, node
            renamed.memo[node] = graph.select(place, graph.neg(inside), inside)
        elif node in nodes:
            place, harmless, shown = renamed(node), _is_harmless(graph, node, users), node
        else:
            continue
        if place not in places:
            text = describe(program(graph, [shown]), parameters, inputs)
            found.append(_time_switch(graph, place, places, found, harmless, text))
            places[place] = len(places)
    return tuple(found)


def _time_switch(
    graph: Graph, node: int, places: dict[int, int], before: Sequence[TimeSwitch], harmless: bool, text: str
) -> TimeSwitch:
    truth = program(graph, [node], places)
    direct = {int(value) for op, _, value in truth.steps if op == "held"}
    inner = direct.union(*(before[i].inner for i in direct))
    personal = truth.uses("parameter") or truth.uses("input") or any(before[i].personal for i in inner)
    stairs = graph.op[node] in STEPS
    gaps = list[Gap]()
    moves = truth.uses("time") or (bool(inner) and not graph.is_boolean(graph.args[node][0]))
    broken = moves and any(op == "power_sign" for op, _, _ in truth.steps)
    if moves and not broken:
        derivative = Derivative(graph)
        for side in [graph.args[node][0]] if stairs else _factors(graph, graph.sub(*graph.args[node])):
            # the quotient under trunc counts as flat elsewhere, since trunc is
            moving = graph.div(*graph.args[side]) if graph.op[side] == "quotient" else side
            slope = derivative.of(moving).get(TIME, graph.zero)
            gaps.append(Gap(program(graph, [side, slope], places), graph.level[slope] < DYNAMIC and not stairs))
    return TimeSwitch(truth, tuple(gaps), broken, stairs, personal, harmless, tuple(sorted(inner)), text)


def _factors(graph: Graph, root: int) -> list[int]:
    """Nodes at whose roots, or poles, that of `root` are; so that (f(t)^2)^4 touches 0 no closer than f does."""
    found, stack = dict[int, None](), [root]
    while stack:
        node = stack.pop()
        op, args = graph.op[node], graph.args[node]
        if graph.level[node] < DYNAMIC:
            continue
        if op in ("mul", *SIGNED):
            stack.extend(args)
        elif op == "pow" and graph.is_number(args[1]):
            stack.append(args[0])
        else:
            found[node] = None
    return list(found) or [root]


def _users(graph: Graph, needed: Sequence[int]) -> dict[int, list[int]]:
    users: dict[int, list[int]] = {}
    for node in needed:
        for argument in graph.args[node]:
            users.setdefault(argument, []).append(node)
    return users


def _is_harmless(graph: Graph, node: int, users: dict[int, list[int]]) -> bool:
    """Whether all that depends on a comparison is equal for both truths where its sides are equal."""
    return all(
        (graph.op[u] == "select" and graph.args[u][0] == node and _is_kink(graph, u))
        or (graph.op[u] == "not" and _is_harmless(graph, u, users))
        for u in users.get(node, [])
    )


def _comparisons(graph: Graph, condition: int) -> list[int]:
    """The comparisons with states in a truth value."""
    found, stack = [], [condition]
    while stack:
        node = stack.pop()
        if graph.op[node] in ("and", "or", "xor", "not"):
            stack.extend(graph.args[node])
        elif graph.op[node] in COMPARISONS and any(graph.op[n] == "state" for n in graph.reach([node])):
            found.append(node)
    return found


def _is_kink(graph: Graph, node: int) -> bool:
    """Whether both values of a select agree where its comparison changes, since they differ by a multiple of it."""
    condition, yes, no = graph.args[node]
    while graph.op[condition] == "not":
        condition = graph.args[condition][0]
    if graph.op[condition] not in COMPARISONS:
        return False
    gap = graph.sub(*graph.args[condition])
    step = graph.sub(yes, no)
    step = graph.args[step][0] if graph.op[step] == "neg" else step
    same = {gap, graph.neg(gap)}
    if step in same or (graph.op[step] == "sub" and graph.neg(step) in same):
        return True
    return graph.op[step] == "mul" and any(a in same for a in graph.args[step])
