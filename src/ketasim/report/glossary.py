"""The words of the page and what they mean (knowledge/glossary.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ketasim.core import FrozenMapping, KetasimError, knowledge_path
from ketasim.core.values import read_toml


@dataclass(frozen=True, slots=True)
class Term:
    """A word, other forms under which it is found in a text, and its meaning in plain words."""

    word: str
    also: tuple[str, ...]
    text: str


@cache
def glossary() -> Mapping[str, Term]:
    """Every term by its word. Raises KetasimError for a form that two terms have, or a term without a meaning."""
    found: dict[str, Term] = {}
    forms: dict[str, str] = {}
    for word, table in read_toml(knowledge_path() / "glossary.toml").items():
        where = f"knowledge/glossary.toml, [{word}]"
        if not str(table.get("text", "")).strip():
            raise KetasimError("a word stands without its meaning", where=where, fix='text = "..."')
        found[word] = Term(word, tuple(table.get("also", ())), str(table["text"]))
        for form in (word, *found[word].also):
            if forms.setdefault(form.lower(), word) != word:
                raise KetasimError(f"'{form}' belongs to {forms[form.lower()]} already", where=where)
    return FrozenMapping(found)
