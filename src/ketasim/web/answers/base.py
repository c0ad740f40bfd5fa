"""The form of every answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid")
