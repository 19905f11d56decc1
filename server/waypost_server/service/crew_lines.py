"""What the supervisor and its processes say to each other: a word, a version, a reason or nothing.

| the supervisor | a process |
|---|---|
| `prepare VERSION` | `ready VERSION`, or `refused VERSION WHY` |
| `activate VERSION` | `active VERSION`, or `refused VERSION WHY` |
| `discard VERSION WHY` | |
| `swapped VERSION`, or `kept VERSION WHY` | `swap VERSION`, which asks for such a round |
"""

PREPARE, ACTIVATE, DISCARD, SWAPPED, KEPT = "prepare", "activate", "discard", "swapped", "kept"
READY, ACTIVE, REFUSED, SWAP = "ready", "active", "refused", "swap"


def line_of(word: str, version: str, why: str = "") -> str:
    """A line for the other side, without its end."""
    return " ".join([word, version, *why.split()])


def parts_of(line: str) -> tuple[str, str, str]:
    """What a line says: a word, a version, and a reason or nothing."""
    word, _, rest = line.strip().partition(" ")
    version, _, why = rest.partition(" ")
    return word, version, why
