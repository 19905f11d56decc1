"""What a server does without its database."""

from pydantic import BaseModel, Field


class Sharing(BaseModel):
    """What processes share."""

    start_without_database: bool = Field(
        False,
        description=(
            "Whether a process starts, and decides, though it cannot read what is switched off; "
            "it heeds it once it can."
        ),
    )
