"""A mapping that cannot be changed and can be pickled, copied and sent to another process."""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any


class FrozenMapping[K: Hashable, V](Mapping[K, V]):
    """Read-only copy of a mapping, in the order given.

    `types.FrozenMapping` is a read-only view that neither `pickle` nor `copy.deepcopy` accepts; this is a value:
    equal to any mapping with the same entries, hashable if every value is, and `|` gives a new one.

    Parameters
    ----------
    entries : a mapping, or pairs (key, value); nothing is the empty mapping.

    Raises
    ------
    TypeError : from `hash()`, if a value cannot be hashed (a list, an array).
    """

    __slots__ = ("_entries",)
    _entries: dict[K, V]

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        object.__setattr__(self, "_entries", dict(entries))

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    # The dict's own views: as fast as a dict, and read-only.
    def keys(self) -> KeysView[K]:
        """The keys, in order."""
        return self._entries.keys()

    def values(self) -> ValuesView[V]:
        """The values, in order."""
        return self._entries.values()

    def items(self) -> ItemsView[K, V]:
        """The pairs (key, value), in order."""
        return self._entries.items()

    def __or__(self, other: Mapping[K, V]) -> FrozenMapping[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return FrozenMapping({**self._entries, **other})

    def __ror__(self, other: Mapping[K, V]) -> FrozenMapping[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return FrozenMapping({**other, **self._entries})

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; dict(it) is a copy that can")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed; dict(it) is a copy that can")

    def __reduce__(self) -> tuple[Callable[..., FrozenMapping[K, V]], tuple[Any, ...]]:
        return type(self), (dict(self._entries),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._entries!r})"
