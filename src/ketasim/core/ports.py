"""Ports, fragments, stages: what a part of the chain takes and gives, and which files it is made of.

The equations themselves are in the `.ant` files that the fragments name; `ketasim.chain` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .frozen import FrozenMapping


@dataclass(frozen=True, slots=True)
class Port:
    """A named quantity that one stage gives and others may take.

    name : global identifier in the composed model.
    unit : a product of the chain's units (h, umol, L, kg, point, mmHg, bpm, dimensionless), such as `umol/L`.
    null : the value the port has when nothing provides it (a drug that was not given, a stage switched off).
    observed : who looks at it when no equation reads it and no output of names.toml shows it, such as `ratings` or
        `tests: spine experiments`. Without it, a port that nobody reads is an error: it would do nothing, in silence.
    """

    name: str
    unit: str
    label: str = ""
    null: float = 0.0
    observed: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    """A port that is the sum of all quantities of its stage whose name is `local` or ends in `_local`.

    port : the global name the sum gets; its null is the value without any term.
    local : as in `s_nmda_load + r_nmda_load + compound_nmda_load` for `nmda_load`, whatever files define them.
    """

    port: Port
    local: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """One `.ant` file of a stage and when it is part of the model.

    file : name of the file in the folder of the stage.
    parts : the file comes in when any of these parts is asked for; empty means always (with its variant).
    also : all of these parts must be asked for too.
    instances : part -> prefix. The file is copied once per prefix of the parts asked for, its local names
        become `prefix_name`. Empty means one copy without a prefix.
    rename : local name -> global name, where `{instance}` stands for the prefix; for locals that do not
        follow the rule `prefix_name`.
    provides : the ports this file defines, as global names; of a copied file, the local names.
    shared : parameters of a copied file that its copies may have in common: `x` where a copy has no value `prefix_x`.
        True means all (two enantiomers of one drug). Without it every copy needs its own value: no substance ever gets
        the number of another one in silence. Identifiers that begin with the prefix name their own substance already.
    switch : the values that, set to 0, take this file's mechanism out of a model that holds every variant at once
        (`chain.hypothesis`). A mechanism that some hypotheses have and others do not needs one.
    """

    file: str
    parts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    instances: Mapping[str, str] = field(default_factory=FrozenMapping)
    rename: Mapping[str, str] = field(default_factory=FrozenMapping)
    provides: tuple[str, ...] = ()
    shared: tuple[str, ...] | bool = False
    switch: tuple[str, ...] = ()

    def may_share(self, local: str, prefix: str) -> bool:
        """True if the parameter `local` may serve the copy `prefix` under its own name."""
        if not prefix or local.startswith(f"{prefix}_"):
            return True
        return self.shared if isinstance(self.shared, bool) else local in self.shared

    def prefixes(self, asked: frozenset[str]) -> tuple[str, ...]:
        """The prefixes of the copies that `asked` calls for: `("",)` is one copy without, `()` no copy."""
        if not asked.issuperset(self.also) or (self.parts and asked.isdisjoint(self.parts)):
            return ()
        if not self.instances:
            return ("",)
        return tuple(dict.fromkeys(prefix for part, prefix in self.instances.items() if part in asked))


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the chain: its ports, its variants and which of them are on unless told otherwise.

    folder : where the `.ant` files are; `Path(__file__).parent` in stage.py.
    inputs : ports taken from other stages. outputs : ports given to others and to the observer.
    internal : quantities one variant of the stage takes from another, with the null for when that one is off.
    totals : sums over copies, see `Total`.
    fragments : variant -> its files. default : the variants that are on.
    """

    name: str
    label: str
    folder: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    fragments: Mapping[str, tuple[Fragment, ...]]
    default: tuple[str, ...]
    internal: tuple[Port, ...] = ()
    totals: tuple[Total, ...] = ()

    def all_fragments(self) -> Iterator[tuple[str, Fragment]]:
        """Every (variant, fragment) of the stage."""
        for variant, fragments in self.fragments.items():
            for fragment in fragments:
                yield variant, fragment
