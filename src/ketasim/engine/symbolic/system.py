"""A SourceModel to an initial value problem: graph nodes for rates, starts and outputs of the states that matter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ketasim.core import UsageError, unknown_name

from ..read.source import Expression, Reaction, SourceModel, Species
from .collect import Renamed, collect_terms
from .graph import Graph
from .sizes import guarded, has_size
from .translate import Translator, names_in, rates_in

EVERYTHING = (("*",), ("*amounts",), ("*concentrations",))
Key = tuple[str, str]  # (environment, identifier); environments: run, start, rate


@dataclass
class System:
    """dy/dt = rates(y, t), y(t_0) = starts; outputs(y, t). Only states that an output depends on are kept.

    A species in a compartment of constant size is a state in the unit of its identifier (concentration or
    amount); in a compartment that changes it is an amount.
    """

    graph: Graph
    states: tuple[str, ...]
    rates: list[int]
    starts: list[int]
    outputs: tuple[str, ...]
    output_nodes: list[int]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    all_states: tuple[str, ...]
    as_amount: frozenset[str]  # states kept as amount although the identifier means a concentration
    nominal: dict[str, float]
    read: int  # so many states, the first, are read by rates
    sizes: tuple[str, ...]  # parameters and inputs that are compartment sizes
    varying_sizes: dict[str, int]  # compartment -> node, of sizes that are not always positive numbers


def assemble(source: SourceModel, parameters: Sequence[str], outputs: Sequence[str], inputs: Sequence[str]) -> System:
    """The system of `source`. `outputs` empty: all states; `*`, `*amounts`, `*concentrations`: all that varies."""
    return _Assembler(source, tuple(parameters), tuple(inputs)).assemble(tuple(outputs))


def state_names(source: SourceModel) -> tuple[str, ...]:
    """What is integrated: the species that reactions may change, and all that has a rate rule."""
    s = source
    moving = [i for i, x in s.species.items() if not (x.boundary or x.constant or i in s.rates or i in s.assignments)]
    return tuple([*moving, *s.rates])


class _Assembler:
    def __init__(self, source: SourceModel, parameters: tuple[str, ...], inputs: tuple[str, ...]) -> None:
        self.source, self.parameters, self.inputs = source, parameters, inputs
        self.graph = Graph()
        self.translator = Translator(self.graph, source.functions)
        self.memo: dict[Key, int] = {}
        self.size_nodes: dict[str, int] = {}
        self.changes = self._changes()
        self.all_states = self._find_states()
        self.index = {s: i for i, s in enumerate(self.all_states)}
        self._check_names()

    # ---- what is a state -------------------------------------------------------------------------------
    def _changes(self) -> dict[str, list[tuple[str, Expression, float]]]:
        """Species changed by reactions: species -> [(reaction, stoichiometry, sign)]."""
        result: dict[str, list[tuple[str, Expression, float]]] = {}
        for identifier, reaction in self.source.reactions.items():
            for sign, side in ((-1.0, reaction.reactants), (1.0, reaction.products)):
                for part in side:
                    if part.species not in self.source.species:
                        raise UsageError(f"unknown species '{part.species}'", where=f"reaction '{identifier}'")
                    result.setdefault(part.species, []).append((identifier, part.stoichiometry, sign))
        return result

    def _find_states(self) -> tuple[str, ...]:
        s = self.source
        for rules, kind in ((s.rates, "rate rule"), (s.assignments, "assignment rule")):
            for variable in rules:
                if variable not in s.identifiers() or variable in s.reactions:
                    raise UsageError(f"the {kind} sets '{variable}', which the model does not declare")
        both = set(s.rates) & set(s.assignments)
        if both:
            raise UsageError("two rules set the same variable", where=", ".join(sorted(both)))
        return state_names(s)

    def _check_names(self) -> None:
        s = self.source
        fixed = [i for i in [*s.parameters, *s.compartments] if i not in s.rates and i not in s.assignments]
        fixed += [i for i, x in s.species.items() if i not in self.index and i not in s.assignments]
        for kind, names in (("parameter", self.parameters), ("input", self.inputs)):
            for n in names:
                if n in s.rates or n in s.assignments or n in self.index:
                    raise UsageError(
                        f"'{n}' is computed by the model and cannot be a {kind}",
                        where="compile_model",
                        fix="give the start of a state with initial={...}",
                    )
                if n not in fixed:
                    raise unknown_name(kind, n, fixed, where="compile_model")
        asked = [*self.parameters, *self.inputs]
        twice = sorted({n for n in asked if asked.count(n) > 1})
        if twice:
            raise UsageError("a name is given twice among parameters and inputs", where=", ".join(twice))

    # ---- resolving identifiers -------------------------------------------------------------------------
    def resolve(self, key: Key) -> int:
        """Node of an identifier; its dependencies first, with a check for circles."""
        stack, open_keys = [key], dict[Key, None]()
        while stack:
            current = stack[-1]
            if current in self.memo:
                open_keys.pop(current, None)
                stack.pop()
                continue
            needed, build = self._definition(*current)
            missing = [k for k in needed if k not in self.memo]
            if missing:
                if current in open_keys:
                    circle = " -> ".join(k[1] for k in [*open_keys, current])
                    raise UsageError("definitions go in a circle", where=circle[-200:])
                open_keys[current] = None
                stack.extend(missing)
                # a key may wait on the stack more than once; only an open ancestor makes a circle
                for k in missing:
                    if k in open_keys:
                        circle = " -> ".join(o[1] for o in [*open_keys, k])
                        raise UsageError("definitions go in a circle", where=circle[-200:])
            else:
                self.memo[current] = build()
        return self.memo[key]

    def _definition(self, environment: str, identifier: str) -> tuple[list[Key], Callable[[], int]]:
        if environment == "rate":
            needed, build = self._rate_definition(identifier)
        else:
            needed, build = (self._run_definition if environment == "run" else self._start_definition)(identifier)
        s, given = self.source, identifier in self.inputs or identifier in self.parameters  # checked person by person
        moves = identifier in s.rates or identifier in s.assignments
        if given or not has_size(s, identifier) or (environment == "run" and not moves):
            return needed, build
        return needed, lambda: self._positive(environment, identifier, build())

    def _positive(self, environment: str, compartment: str, value: int) -> int:
        """Value, start or rate of a compartment, NaN where its size is not positive."""
        size = value
        if environment == "rate":
            if compartment not in self.index:
                return value
            size = self.graph.state(self.index[compartment])
        elif environment == "run" or compartment not in self.size_nodes:
            self.size_nodes[compartment] = size
        return guarded(self.graph, size, value, compartment)

    def _formula(self, expression: Expression, environment: str, where: str) -> tuple[list[Key], Callable[[], int]]:
        needed = [(environment, n) for n in names_in(expression)]
        needed += [("rate", n) for n in rates_in(expression)]
        time = self.graph.time() if environment == "run" else self.graph.start_time()

        def build() -> int:
            node = self.translator.build(
                expression, lambda n: self.memo[environment, n], time, lambda n: self.memo["rate", n], where
            )
            return self.graph.as_number(node)

        return needed, build

    def _run_definition(self, i: str) -> tuple[list[Key], Callable[[], int]]:
        s, g = self.source, self.graph
        if i in self.inputs:
            return [], lambda: g.input(self.inputs.index(i))
        if i in s.assignments:
            return self._formula(s.assignments[i], "run", f"assignment rule of '{i}'")
        if i in self.index:
            state = g.state(self.index[i])
            if self._as_amount(i):
                volume = s.species[i].compartment
                return [("run", volume)], lambda: g.div(state, self.memo["run", volume])
            return [], lambda: state
        if i in s.reactions:
            return self._law(i, s.reactions[i], "run")
        if i in s.species and self._volume_varies(s.species[i]) and not s.species[i].substance_only:
            volume = s.species[i].compartment  # a constant amount in a volume that changes
            return [("start", i), ("start", volume), ("run", volume)], lambda: g.div(
                g.mul(self.memo["start", i], self.memo["start", volume]), self.memo["run", volume]
            )
        return [("start", i)], lambda: self.memo["start", i]

    def _law(self, i: str, reaction: Reaction, environment: str) -> tuple[list[Key], Callable[[], int]]:
        if reaction.law is None:
            raise UsageError("a reaction has no kinetic law", where=f"reaction '{i}'")
        return self._formula(reaction.law, environment, f"reaction '{i}'")

    def _start_definition(self, i: str) -> tuple[list[Key], Callable[[], int]]:
        s, g = self.source, self.graph
        if i in self.parameters:
            return [], lambda: g.parameter(self.parameters.index(i))
        if i in self.inputs:
            return [], lambda: g.zero
        if i in s.assignments:
            return self._formula(s.assignments[i], "start", f"assignment rule of '{i}'")
        if i in s.initial:
            return self._formula(s.initial[i], "start", f"initial assignment of '{i}'")
        if i in s.reactions:
            return self._law(i, s.reactions[i], "start")
        value: float | None
        if i in s.species:
            return self._species_start(i, s.species[i])
        if i in s.parameters:
            value = s.parameters[i].value
        elif i in s.compartments:
            value = s.compartments[i].size
        else:
            raise unknown_name("identifier", i, s.identifiers(), where="model text")
        if value is None:
            raise UsageError(f"'{i}' has no value", where="model text", fix=f"{i} = 1")
        return [], lambda: g.number(value)

    def _species_start(self, i: str, x: Species) -> tuple[list[Key], Callable[[], int]]:
        g, volume = self.graph, x.compartment
        sized = self._has_size(x)
        if x.amount is not None:
            amount = g.number(x.amount)
            if x.substance_only or not sized:
                return [], lambda: amount
            return [("start", volume)], lambda: g.div(amount, self.memo["start", volume])
        if x.concentration is not None:
            concentration = g.number(x.concentration)
            if not x.substance_only or not sized:
                return [], lambda: concentration
            return [("start", volume)], lambda: g.mul(concentration, self.memo["start", volume])
        raise UsageError(f"species '{i}' has no initial value", where="model text", fix=f"{i} = 0")

    # ---- rates -----------------------------------------------------------------------------------------
    def _rate_definition(self, i: str) -> tuple[list[Key], Callable[[], int]]:
        s, g = self.source, self.graph
        if i in s.rates:
            return self._formula(s.rates[i], "run", f"rate rule of '{i}'")
        if i in s.assignments:
            raise UsageError("rateOf of a variable with an assignment rule is not supported", where=i)
        if i not in self.index:
            return [], lambda: g.zero
        species = s.species[i]
        changes = self.changes.get(i, [])
        needed: list[Key] = [("run", reaction) for reaction, _, _ in changes]
        needed += [("run", n) for _, stoichiometry, _ in changes for n in names_in(stoichiometry)]
        factor = species.conversion or s.conversion
        needed += [("run", factor)] if factor else []
        per_volume = not species.substance_only and self._has_size(species) and not self._as_amount(i)
        needed += [("run", species.compartment)] if per_volume else []

        def build() -> int:
            terms = []
            for reaction, stoichiometry, sign in changes:
                count = self.translator.build(stoichiometry, lambda n: self.memo["run", n], g.time(), lambda n: g.zero)
                terms.append(g.mul(g.mul(g.number(sign), count), self.memo["run", reaction]))
            rate = g.total(terms)
            if factor:
                rate = g.mul(rate, self.memo["run", factor])
            return g.div(rate, self.memo["run", species.compartment]) if per_volume else rate

        return needed, build

    def _has_size(self, species: Species) -> bool:
        """A compartment of no dimensions may do without a size; its species are amounts then."""
        s, i = self.source, species.compartment
        if i not in s.compartments:
            return False
        sized = s.compartments[i].size is not None or i in s.rates or i in s.assignments or i in s.initial
        return sized or s.compartments[i].dimensions != 0

    def _volume_varies(self, species: Species) -> bool:
        c = species.compartment
        return self._has_size(species) and (c in self.source.rates or c in self.source.assignments or c in self.inputs)

    def _as_amount(self, i: str) -> bool:
        species = self.source.species.get(i)
        return (
            species is not None
            and i not in self.source.rates
            and not species.substance_only
            and self._volume_varies(species)
        )

    # ---- the result ------------------------------------------------------------------------------------
    def assemble(self, outputs: tuple[str, ...]) -> System:
        g = self.graph
        for compartment in self.source.compartments:  # a size that cannot be is refused also where nothing needs it
            if has_size(self.source, compartment):
                self.resolve(("start", compartment))
        names = self._varying(outputs[0][1:]) if outputs in EVERYTHING else outputs or self.all_states
        if not names and outputs in EVERYTHING:  # a part of a chain that is switched off may well be empty
            raise UsageError(
                "there is nothing to simulate: the model has no species and no variable",
                where="model text",
                allowed="a species, or a rule that changes something",
                fix="x = 1; x' = -0.1*x",
            )
        nodes = [self._output(n) for n in names]
        rates = {}
        kept: set[int] = set()
        frontier = set(nodes)
        while True:  # states that the outputs need, and the states that these need
            found = {int(g.value[n]) for n in g.reach(frontier) if g.op[n] == "state"} - kept
            if not found:
                break
            for i in found:
                rates[i] = collect_terms(g, self.resolve(("rate", self.all_states[i])))
            kept |= found
            frontier = {rates[i] for i in found}
        sizes = self._sizes(kept)
        for (
            c,
            size,
        ) in sizes.items():  # a size that is reported, but that no rate needs, fails all the same when it happens
            if c in names and kept and size not in g.reach(rates.values()):
                first = min(kept)
                rates[first] = guarded(g, size, rates[first], c)
        # states that some rate reads come first; the others (sinks) take part in fewer sums
        read = {int(g.value[n]) for n in g.reach(rates.values()) if g.op[n] == "state"}
        order = sorted(kept, key=lambda i: (i not in read, i))
        renumber = {g.state(old): g.state(new) for new, old in enumerate(order)}
        renamed = Renamed(g, renumber)
        return System(
            graph=g,
            states=tuple(self.all_states[i] for i in order),
            rates=[renamed(rates[i]) for i in order],
            starts=[self._start_of_state(self.all_states[i]) for i in order],
            outputs=tuple(names),
            output_nodes=[renamed(n) for n in nodes],
            parameters=self.parameters,
            inputs=self.inputs,
            all_states=self.all_states,
            as_amount=frozenset(i for i in self.all_states if self._as_amount(i)),
            nominal=self._nominal(),
            read=len(read),
            sizes=tuple(n for n in (*self.parameters, *self.inputs) if n in self.source.compartments),
            varying_sizes={c: renamed(n) for c, n in sizes.items()},
        )

    def _sizes(self, kept: set[int]) -> dict[str, int]:
        """Sizes that may not be positive, of compartments that can be computed from the states that are kept."""
        g = self.graph
        return {
            c: n
            for c, n in self.size_nodes.items()
            if not (g.is_number(n) and g.value[n] > 0)
            and all(int(g.value[m]) in kept for m in g.reach([n]) if g.op[m] == "state")
        }

    def _start_of_state(self, i: str) -> int:
        start = self.resolve(("start", i))
        if self._as_amount(i):
            return self.graph.mul(start, self.resolve(("start", self.source.species[i].compartment)))
        return start

    def _nominal(self) -> dict[str, float]:
        """Values of the per-person parameters in the text, where it gives plain numbers."""
        plain = _Assembler(dataclasses.replace(self.source), (), ()) if self.parameters else None
        result = {}
        for n in self.parameters:
            assert plain is not None
            try:
                node = plain.resolve(("start", n))
            except UsageError:
                continue
            if plain.graph.is_number(node):
                result[n] = plain.graph.value[node]
        return result

    def _output(self, wanted: str) -> int:
        """Node of an output: an identifier, `amount(S)`, `concentration(S)` or a sum of these, `sum(A, B)`."""
        kind, _, rest = wanted.partition("(")
        if kind == "sum" and rest.endswith(")"):
            return self.graph.total([self._output(part.strip()) for part in rest[:-1].split(",")])
        if rest and kind in ("amount", "concentration") and rest.endswith(")"):
            inner = rest[:-1].strip()
            if inner not in self.source.species:
                raise unknown_name("species", inner, self.source.species, where=f"output {wanted}")
            species = self.source.species[inner]
            node = self.resolve(("run", inner))
            if not self._has_size(species) or species.substance_only == (kind == "amount"):
                return node
            volume = self.resolve(("run", species.compartment))
            return self.graph.mul(node, volume) if kind == "amount" else self.graph.div(node, volume)
        known = self.source.identifiers()
        if wanted not in known:
            raise unknown_name("output", wanted, known, where="compile_model")
        return self.resolve(("run", wanted))

    def _varying(self, kind: str) -> tuple[str, ...]:
        """Every species (as `amounts`, `concentrations` or what it means), each compartment and parameter that changes."""
        s = self.source
        species = [f"{kind.removesuffix('s')}({i})" if kind else i for i in s.species]
        return tuple([*species, *(i for i in [*s.compartments, *s.parameters] if i in s.rates or i in s.assignments)])
