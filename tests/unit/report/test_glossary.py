"""Words of the page: each has a meaning, no form belongs to two, and none tells anybody what to do or cannot be read."""

from __future__ import annotations

import re

from ketasim.core import output_register
from ketasim.report.directive import forbidden
from ketasim.report.glossary import glossary

SHUNNED = re.compile(r"\b(cures?|cured|safe|safely|optimal|recommend\w*)\b", re.IGNORECASE)


def test_every_word_has_a_meaning_in_plain_words() -> None:
    for term in glossary().values():
        assert term.text.endswith(".") and not SHUNNED.search(term.text) and forbidden(term.text) == [], term.word
        sentences = [s for s in re.split(r"[.:;] ", term.text) if s]
        assert max(len(s.split()) for s in sentences) <= 25, term.word


def test_the_scales_of_the_register_are_explained_with_their_ends() -> None:
    for name, word in (("madrs", "MADRS"), ("cadss", "CADSS")):
        assert f"0 to {output_register()[name].high:g} points" in glossary()[word].text
    assert str(int(output_register()["sedation"].high or 0)) in glossary()["MOAA/S"].text


def test_the_words_that_a_lay_reader_meets_are_there() -> None:
    forms = {form.lower() for t in glossary().values() for form in (t.word, *t.also)}
    assert {"madrs", "cadss", "moaa/s", "hnk", "bdnf", "nmda", "iv", "im", "sc", "response", "remission"} <= forms
