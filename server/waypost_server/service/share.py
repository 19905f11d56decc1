"""What several processes of one server keep together."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Share:
    """Where the processes of one server keep their metrics together.

    Attributes:
        folder: theirs alone.
        place: which of them this is; one that takes a dead one's place counts on from there, so
            that counters never go back and files never grow in number.
    """

    folder: Path
    place: int
