"""Parts of a query that only say where it should go: they must not drag it to another route.

Some say so outright ("this is a billing question"), some repeat a sentence, some are heaps of key
words. Ordinary queries have them too, so that such a part is left out only where the static head
decides otherwise without it: what the rest of a query says outweighs what is said about it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from waypost_server.core.ports import Encoder, Encodings

_THING = (
    "(?:question|request|query|task|issue|topic|problem|matter|category|route|case|intent"
    "|specialist|department)"
)
_THIS = r"(?:this|it|that|the\ (?:above|following|question|query|request))"
_IS = r"(?:is|was|concerns|belongs\ to|falls\ under|relates\ to)"
_SEND = "(?:route|send|forward|assign|classify|categori[sz]e|label|treat|handle|direct)"
_END = r"[^.!?;\n)\]}]*"
_LABEL = re.compile(
    rf"""(?ix)
    (?:\b{_THIS}\ {_IS}\ [^.!?;\n]{{0,80}}?\b{_THING}\b
       (?:\ (?:about|for|of|on|regarding|to)\ [^.!?;\n]*)?
     | \b(?:please\ )?{_SEND}\ (?:this|it|that|me|my\ (?:query|question|request))
       (?:\ (?:query|question|request))?\ (?:to|as|under|with)\ {_END}
     | \b(?:route|category|intent|topic|label|specialist|department|class|tag)s?\ ?[:=]\ ?{_END}
    )[.!?;)\]}}]*"""
)

_SEGMENT = re.compile(r"[^.!?;\n|]+[.!?;\n|]*")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")

LEAST_RUN = 6
"""Words without one of grammar's among them that are a heap of key words: with 5, of CLINC150's
validation queries 0.6 points more are decided wrongly, with 6 it is 0.2."""

_GRAMMAR = frozenset(
    """a about after all am an and any are as at be been before but by can can't could did do does
    doesn't don't for from get give had has have how i i'd i'm i've if in into is isn't it it's its
    let like make many me much my need no not of off on one or our out over please put say should so
    some tell than that that's the their them then there these they this those to too up us use want
    was we were what what's when where which while who why will with would you your
    """.split()  # noqa: SIM905
)

LONGEST = 4_000
"""Characters up to which a text is looked at; nobody labels a document."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what of it only says where it should go.

    Attributes:
        rest: the text without those parts.
        spans: where they are, in code points.
        static: the rest's static encoding, once it is known.
    """

    rest: str
    spans: tuple[tuple[int, int], ...]
    static: Encodings | None = field(default=None, repr=False, compare=False)


class LabelFinder:
    """Finds labels that drag a query to another route; thread-safe."""

    def __init__(self, static: Encoder, best_route: Callable[[Encodings], int]) -> None:
        """Takes what decides whether a label makes a difference.

        Args:
            static: the static encoder.
            best_route: the route that its head likes best.
        """
        self._static = static
        self._best_route = best_route

    def find(self, text: str, encoding: Encodings) -> Labelled | None:
        """What drags a text with this static encoding to another route; None for nothing."""
        labelled = labels_in(text)
        if labelled is None:
            return None
        rest = self._static.encode([labelled.rest])[0]
        same = self._best_route(rest) == self._best_route(encoding)
        return None if same else replace(labelled, static=rest)


def labels_in(text: str) -> Labelled | None:
    """The parts of a text that look like labels; None where there are none, or nothing else is."""
    if len(text) > LONGEST:
        return None
    spans = _merged([*_said(text), *_repeated(text), *_heaps(text)])
    if not spans:
        return None
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(text[position:start])
        position = end
    rest = " ".join(" ".join([*pieces, text[position:]]).split())
    if len(_WORD.findall(rest)) < 2:
        return None  # what else should one decide about
    return Labelled(rest, tuple(spans))


def _said(text: str) -> Iterator[tuple[int, int]]:
    for found in _LABEL.finditer(text):
        yield found.span()


def _repeated(text: str) -> Iterator[tuple[int, int]]:
    """Each sentence that stands there more than once, wherever it does."""
    segments = [found.span() for found in _SEGMENT.finditer(text)]
    if len(segments) < 3:
        return
    keys = [" ".join(_WORD.findall(text[start:end].lower())) for start, end in segments]
    counts = Counter(keys)
    for key, span in zip(keys, segments, strict=True):
        if key and counts[key] > 1:
            yield span


def _heaps(text: str) -> Iterator[tuple[int, int]]:
    """Runs of words without grammar, in a text that has grammar elsewhere."""
    words = [
        (found.start(), found.end(), found[0].lower() in _GRAMMAR) for found in _WORD.finditer(text)
    ]
    if not any(grammar for _, _, grammar in words):
        return
    run: list[tuple[int, int]] = []
    for start, end, grammar in [*words, (0, 0, True)]:
        if not grammar:
            run.append((start, end))
            continue
        if len(run) >= LEAST_RUN:
            yield run[0][0], run[-1][1]
        run = []


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
