"""The description of the interface for programs, for the types of the page: `python -m ketasim.web.schema > frontend/openapi.json`."""

from __future__ import annotations

import json
import sys

from .app import create_app


def schema() -> str:
    """OpenAPI as JSON; without the version, which would change the file at every release."""
    found = create_app().app.openapi()
    found["info"]["version"] = ""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
