"""What is wrong with a question of the wrong form, in words: pydantic's own are for whoever wrote the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# kind of error -> what is wrong, what is allowed; {name} and the limits of pydantic
WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("{name} is missing", "a question with {name}"),
    "extra_forbidden": ("{name} is no field of this question", "the fields that /openapi.json lists"),
    "string_too_short": ("{name} is empty", "text of at least {min_length} letter"),
    "string_too_long": ("{name} is too long", "up to {max_length} letters"),
    "too_long": ("{name} has too many entries", "up to {max_length}"),
    "too_short": ("{name} has too few entries", "at least {min_length}"),
    "less_than_equal": ("{name} is too large", "up to {le}"),
    "less_than": ("{name} is too large", "below {lt}"),
    "greater_than_equal": ("{name} is too small", "from {ge} on"),
    "greater_than": ("{name} is too small", "above {gt}"),
    "finite_number": ("{name} is no finite number", "a finite number"),
    "int_type": ("{name} is no whole number", "a whole number"),
    "int_parsing": ("{name} is no whole number", "a whole number"),
    "int_parsing_size": ("{name} is no whole number of a usual size", "a whole number"),
    "int_from_float": ("{name} is no whole number", "a whole number"),
    "float_type": ("{name} is no number", "a number"),
    "float_parsing": ("{name} is no number", "a number"),
    "bool_type": ("{name} is neither true nor false", "true or false"),
    "bool_parsing": ("{name} is neither true nor false", "true or false"),
    "string_type": ("{name} is no text", "text"),
    "list_type": ("{name} is no list", "a list"),
    "dict_type": ("{name} is no object", "an object: names with values"),
    "model_attributes_type": ("{name} is no object", "an object: names with values"),
    "model_type": ("{name} is no object", "an object: names with values"),
    "json_invalid": ("this is not JSON: {error}", "JSON"),
    "value_error": ("{name}: {error}", "printable letters"),
}


def words_of(error: Mapping[str, Any]) -> tuple[str, str, str]:
    """What is wrong, where, what is allowed, of the first error that pydantic reports."""
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "path", "query"))
    given = {key: value for key, value in (error.get("ctx") or {}).items()}
    limits = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in given.items()}
    limits["name"] = (
        place.rpartition(".")[2] if place and not place.rpartition(".")[2].isdigit() else place or "the question"
    )
    what, allowed = WORDS.get(str(error["type"]), (str(error["msg"]), ""))
    try:
        return what.format(**limits), place, allowed.format(**limits)
    except KeyError:  # another version of pydantic names its limits otherwise
        return str(error["msg"]), place, ""
