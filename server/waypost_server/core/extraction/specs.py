"""How parameters are extracted, as data: what `extract` of route.yaml says.

`by` tells the kinds apart where they are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Pick(StrEnum):
    """Which value counts where words speak for several."""

    FIRST = "first"
    LAST = "last"
    MOST = "most"


class Toward(StrEnum):
    """Where a date without a year, or a weekday, lies."""

    PAST = "past"
    FUTURE = "future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words that stand for values.

    Attributes:
        by: the kind.
        synonyms: words and phrases by value. Those in lower case match in any case, the others as
            they are written; the longest that stands at a place counts.
        ignore: phrases that mean none of the values though they hold one.
        typos: whether a letter may be left out, doubled, or change places with the next, in words
            of six letters or more.
        pick: which value counts.
        after: the value stands at most two words after one of these; empty for anywhere.
        not_after: a value that stands a few words after one of these, in the same part of
            the sentence, does not count; `not` is n't as well.
        by_meaning: least cosine of a word of the text and one of the list at which it counts where
            none of the words stands there, above 0 and up to 1; 0 for words alone.
    """

    by: Literal["words"] = "words"
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    typos: bool = False
    pick: Pick = Pick.FIRST
    after: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    by_meaning: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A regular expression of RE2; its first group that matched is the value, or all of it."""

    by: Literal["regex"] = "regex"
    regex: str = ""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number, in figures or as a small word, with its unit.

    Attributes:
        by: the kind.
        units: what a number is multiplied by, by unit; empty for numbers without one. A text
            parameter gets number and unit as written, a numeric one the product.
        after: as of words.
    """

    by: Literal["number"] = "number"
    units: Mapping[str, float] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A day, absolute or relative, as YYYY-MM-DD.

    Attributes:
        by: the kind.
        toward: where it lies when the words leave it open.
        after: as of words.
    """

    by: Literal["date"] = "date"
    toward: Toward = Toward.PAST
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The programming language that pasted code or a stack trace is written in."""

    by: Literal["code"] = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How many files are said, or else listed."""

    by: Literal["files"] = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL of http or https; `containing` names texts of which it must hold one."""

    by: Literal["url"] = "url"
    containing: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An e-mail address."""

    by: Literal["email"] = "email"
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version: with a dot or a v, or a bare number right after one of the words `of`."""

    by: Literal["version"] = "version"
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A text in quotation marks or backticks."""

    by: Literal["quoted"] = "quoted"
    after: tuple[str, ...] = ()


Extractor = Words | Pattern | Number | Date | Code | Files | Url | Email | Version | Quoted
