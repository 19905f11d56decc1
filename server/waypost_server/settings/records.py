"""What the server remembers."""

from typing import Annotated

from pydantic import BaseModel, Field, PositiveInt

from waypost_server.settings.security import OptionalPath

NO_DATABASE = "none"
"""What `database` says where none is wanted."""


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
    decision_log: bool = Field(
        True, description="Whether every decision and what is reported of it is kept."
    )
    log_text: bool = Field(
        False,
        description=(
            "Whether the decision log keeps queries and their metadata, without the secrets, "
            "addresses and account numbers that are found in them."
        ),
    )
    log_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        90, description="Days after which the decision log forgets; 0 for never."
    )
    log_buffer_records: PositiveInt = Field(
        10_000,
        description=(
            "Records that may wait for the database in each process; more are lost and counted."
        ),
    )
    log_buffer_bytes: Annotated[int, Field(ge=2**20, le=2**34)] = Field(
        64 * 2**20, description="How much memory they may take, in bytes."
    )
    review_file: OptionalPath = Field(
        None,
        description=(
            "JSONL file that collects what a language model chose where the encoder was not sure, "
            "for `waypost review`: queries, without the secrets and addresses found in them; empty "
            "for none."
        ),
    )
    review_mb: Annotated[int, Field(ge=1, le=1024)] = Field(
        16, description="Size at which it takes no more, in megabytes of 2^20 bytes."
    )

    @property
    def has_database(self) -> bool:
        """Whether anything outlives the process."""
        return self.database != NO_DATABASE
