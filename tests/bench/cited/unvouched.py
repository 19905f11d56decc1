"""Numbers of a page that nothing vouches for."""

import re
from collections.abc import Iterable, Iterator

from tests.bench.cited.claims import Claim
from tests.bench.cited.sources import NUMBER, pattern, place_of

ONCE = re.compile(r"measured\s+once")
_HIDDEN = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)


def unvouched(text: str, claims: Iterable[Claim], settled: Iterable[str]) -> list[str]:
    """The lines of numbers that are in no claim, in nothing settled and not measured once.

    Code and the targets of links are left out. "Measured once" counts for a whole paragraph, for
    a row of a table, and in a table's head for the table.
    """
    shown = _HIDDEN.sub(lambda hidden: " " * len(hidden[0]), text)
    covered = [place_of(claim.text, text).span() for claim in claims]
    covered += [found.span() for one in settled for found in pattern(one).finditer(text)]
    covered += _measured_once(text)
    return [
        text[text.rfind("\n", 0, number.start()) + 1 : text.find("\n", number.end())]
        for number in NUMBER.finditer(shown)
        if not any(begin <= number.start() < end for begin, end in covered)
    ]


def _measured_once(text: str) -> Iterator[tuple[int, int]]:
    for block in re.finditer(r"(?:^.+\n?)+", text, flags=re.MULTILINE):
        lines = list(re.finditer(r"^.+$", block[0], flags=re.MULTILINE))
        head = lines[0][0]
        if not head.startswith("|") or ONCE.search(head):
            spans = [block.span()] if ONCE.search(block[0]) else []
        else:
            start = block.start()
            spans = [
                (start + line.start(), start + line.end()) for line in lines if ONCE.search(line[0])
            ]
        yield from spans
