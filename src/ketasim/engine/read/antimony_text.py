"""Antimony text, made ready for the library that converts it to SBML.

The library opens files where a text says `import`. Comments are therefore blanked and the word is taken out of
quoted names before it sees the text; where the word is left it is refused. So nothing depends on whether the library
takes the same characters for a comment or a name as we do.
"""

from __future__ import annotations

import re

from ketasim.core import UsageError

DEEPEST_FORMULA = 400  # nested brackets

PIECES = re.compile(
    r"""(?P<comment>//[^\r\n]*|\#[^\r\n]*|/\*.*?(?:\*/|\Z))|(?P<name>```.*?```|"[^"\r\n]*")""", re.DOTALL | re.VERBOSE
)
WORDS = re.compile(r"[A-Za-z0-9_.]+")
STRANGE = re.compile(r"""```.*?```|"[^"\r\n]*"|(?P<letter>[^\t\n\r -~])|(?P<bracket>[(){}\[\]])""", re.DOTALL)


def prepared(text: str) -> str:
    """`text` without comments, with its line numbers; raises UsageError for imports and what Antimony cannot hold."""
    clean = PIECES.sub(_blank, text)
    for word in WORDS.finditer(clean):
        if "import" in word[0] and any(map(_imports, word[0].split("."))):
            raise UsageError(
                "an Antimony text may not import other files",
                where=_line(clean, word.start()),
                fix="put all models into one text, without the import statement",
            )
    depth = 0
    for found in STRANGE.finditer(clean):
        if found["letter"]:
            raise UsageError(
                f"Antimony has no character {found[0]!r}",
                where=_line(clean, found.start()),
                allowed='a-z, A-Z, 0-9 and _ in names; anything in comments and "quoted names"',
            )
        if found["bracket"]:
            depth += 1 if found[0] in "({[" else -1
            if depth > DEEPEST_FORMULA:
                raise UsageError(
                    "brackets are nested too deeply",
                    where=_line(clean, found.start()),
                    allowed=f"at most {DEEPEST_FORMULA} levels",
                )
    return clean


def _blank(piece: re.Match[str]) -> str:
    if piece["comment"]:
        return re.sub(r"[^\r\n]", " ", piece[0])
    return piece[0].replace("import", "im_ort")


def _imports(part: str) -> bool:
    """Whether the library would read the word `import` in a run of letters and digits: it ends a number before it."""
    return part == "import" or (part[:1].isdigit() and part.endswith("import"))


def _line(text: str, place: int) -> str:
    return f"line {text.count(chr(10), 0, place) + 1}"
