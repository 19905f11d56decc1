"""What the server remembers."""

from pydantic import BaseModel, Field


class Records(BaseModel):
    """The database and what is kept in it."""

    database: str = Field(
        "sqlite:///data/waypost.db",
        description=(
            "Where decisions, outcomes and switches are kept: `sqlite:///FILE`, or for a fleet "
            "`postgresql://USER:PASSWORD@HOST/NAME`; `none` keeps them in memory, for one process."
        ),
        json_schema_extra={"secret": True},
    )
