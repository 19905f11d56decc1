"""The language of pasted code, by what only a few languages write.

Each sign is an expression that is tried only if one of the words it needs is in the text, so that
prose costs next to nothing. The language whose signs weigh most is the one, if they weigh enough
and more than the next one's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from waypost_server.core.extraction.code_signs import SIGNS
from waypost_server.core.extraction.text import Found, Text

ENOUGH = 3
"""Weight at which signs are believed: one that no other language has, or several that few have."""

READ = 2_048
"""Characters that are looked at: more of the same code says no more."""


class _Sign(NamedTuple):
    language: str
    weight: int
    regex: re.Pattern[str]


_FENCE = re.compile(r"```[ ]?([A-Za-z+#]{1,16})\r?\n")

_FENCES = {
    **{name: name for name in ("python", "java", "kotlin", "go", "rust", "php", "ruby", "swift")},
    **{name: name for name in ("scala", "sql", "javascript", "typescript", "c", "csharp", "cpp")},
    "py": "python",
    "js": "javascript",
    "jsx": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "kt": "kotlin",
    "golang": "go",
    "rs": "rust",
    "rb": "ruby",
    "cs": "csharp",
    "c#": "csharp",
    "c++": "cpp",
    "cc": "cpp",
    "h": "c",
    **dict.fromkeys(("sh", "bash", "zsh", "shell", "powershell", "console"), "shell"),
    **dict.fromkeys(("elixir", "haskell", "lua", "perl", "r", "dart", "clojure", "hcl"), "other"),
}

_EXTENSION = re.compile(
    r"\w\.(py|jsx|js|tsx|ts|java|kt|cs|cpp|cc|hpp|c|h|go|rs|php|rb|erb|swift|scala|sql|sh|bash"
    r"|exs?|hs|lua|pl|dart|clj)(?=$|[\s:,;)\"'`\]]|\.(?:\s|$))"
)
_EXTENSIONS = _FENCES | {"erb": "ruby", "hpp": "cpp", "pl": "other", "hs": "other", "ex": "other"}
_EXTENSIONS |= {"exs": "other", "clj": "other", "bash": "shell"}
_ENDINGS = frozenset(_EXTENSIONS)

_CODE = frozenset("(){}[];=<>$#`:._|")

_SIGNS = [_Sign(language, weight, re.compile(regex)) for _, language, weight, regex in SIGNS]

_BY_WORD: dict[str, list[int]] = {}
"""Positions of signs, which are cheaper to tell apart than the signs."""
for _place, _row in enumerate(SIGNS):
    for _word in _row[0].split():
        _BY_WORD.setdefault(_word, []).append(_place)


def find_code_language(text: Text) -> Iterator[Found]:
    """The language of the code in a text; none where signs are few or speak for several."""
    known = text.known
    if known.isdisjoint(_CODE):
        return
    head = text.text[:READ]
    language = _fenced(head) if "`" in known else None
    language = language or _heaviest(_weights(head, known))
    if language:
        yield Found(language, 0)


def _fenced(text: str) -> str | None:
    """What the first fence says that its code is written in."""
    fence = _FENCE.search(text)
    return _FENCES.get(fence[1].lower()) if fence else None


def _weights(text: str, known: frozenset[str]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for place in {place for word in _BY_WORD.keys() & known for place in _BY_WORD[word]}:
        sign = _SIGNS[place]
        if sign.regex.search(text):
            weights[sign.language] = weights.get(sign.language, 0) + sign.weight
    if "." in known and not known.isdisjoint(_ENDINGS):
        for extension in {match[1] for match in _EXTENSION.finditer(text)}:
            language = _EXTENSIONS[extension]
            weights[language] = weights.get(language, 0) + ENOUGH
    _settle(weights)
    return weights


def _heaviest(weights: Mapping[str, int]) -> str | None:
    ranked = sorted(weights.items(), key=lambda one: -one[1])
    if not ranked or ranked[0][1] < ENOUGH:
        return None
    return None if ranked[1:] and ranked[1][1] == ranked[0][1] else ranked[0][0]


def _settle(weights: dict[str, int]) -> None:
    """Lets a language that holds all of another have its signs as well."""
    for larger, smaller in (("typescript", "javascript"), ("cpp", "c")):
        if larger in weights and smaller in weights:
            weights[larger] += weights.pop(smaller)
