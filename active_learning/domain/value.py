"""The base of every domain type: immutable, strict about its fields, equal by content."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen record. Unknown fields are an error: a typing mistake must not pass as a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")
