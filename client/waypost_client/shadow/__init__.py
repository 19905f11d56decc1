"""What shadow runs leave behind: their records, and what the records say of a candidate."""

from waypost_client.shadow._record import (
    NoRecordError,
    ShadowOutcome,
    ShadowRun,
    ShadowSide,
    ShadowTexts,
    line_of,
    run_of,
)

__all__ = [
    "NoRecordError",
    "ShadowOutcome",
    "ShadowRun",
    "ShadowSide",
    "ShadowTexts",
    "line_of",
    "run_of",
]
