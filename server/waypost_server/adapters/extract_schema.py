"""What `extract` of route.yaml may say of one extractor."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from waypost_server.adapters.re2_patterns import pattern_problem
from waypost_server.adapters.section import Section
from waypost_server.core.extraction.specs import Pick, Toward

Synonyms = dict[str, tuple[str, ...] | None]
"""By value; a value without a list stands for itself."""


def _one_word(value: str) -> str:
    if not value.isalnum():
        raise ValueError(f"after has {value!r}, which is not one word of letters; write one")
    return value.lower()


def _known_to_re2(value: str) -> str:
    if problem := pattern_problem(value):
        raise ValueError(f"regex {problem}")
    return value


def _with_factors(value: object) -> object:
    """A list of units is as good as a mapping where nothing is to be multiplied."""
    if isinstance(value, list) and all(isinstance(unit, str) for unit in value):
        return dict.fromkeys(value, 1.0)
    return value


BY_MEANING = 0.85
"""Least cosine of two words that mean the same. Of the shipped lists cut to one and to three words
a value, on queries that held none of these, 6 of 6 and 12 of 14 of the values found from there on
were right, and of those from 0.8 on 10 of 13 and 17 of 27."""


def _bar(value: object) -> object:
    return BY_MEANING * value if isinstance(value, bool) else value


_After = tuple[Annotated[str, AfterValidator(_one_word)], ...]
_Factor = Annotated[float, Field(gt=0, lt=1e300)]


class _Anywhere(Section):
    """An extractor, named by `by`."""


class _After_(_Anywhere):  # noqa: N801  (the base of those that know `after`)
    after: _After = ()


class WordsSection(_After_):
    """Words that stand for values."""

    by: Literal["words"] = "words"
    words: str = ""
    synonyms: Synonyms = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    typos: bool = False
    pick: Pick = Pick.FIRST
    not_after: _After = ()
    by_meaning: Annotated[float, BeforeValidator(_bar), Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _one_of_after_and_by_meaning(self) -> Self:
        if self.after and self.by_meaning:
            raise ValueError(
                "after and by_meaning are both there, but what words mean stands after no word; "
                "remove one of them"
            )
        return self


class PatternSection(_After_):
    """A regular expression."""

    by: Literal["regex"] = "regex"
    regex: Annotated[str, Field(min_length=1), AfterValidator(_known_to_re2)]


class NumberSection(_After_):
    """A number; a unit without a factor counts as it is."""

    by: Literal["number"] = "number"
    units: Annotated[
        dict[Annotated[str, Field(min_length=1)], _Factor], BeforeValidator(_with_factors)
    ] = Field(default_factory=dict)


class DateSection(_After_):
    """A day."""

    by: Literal["date"] = "date"
    toward: Toward = Toward.PAST


class CodeSection(_Anywhere):
    """The language of pasted code."""

    by: Literal["code"] = "code"


class FilesSection(_Anywhere):
    """How many files."""

    by: Literal["files"] = "files"


class UrlSection(_After_):
    """A URL."""

    by: Literal["url"] = "url"
    containing: tuple[str, ...] = ()


class EmailSection(_After_):
    """An e-mail address."""

    by: Literal["email"] = "email"


class VersionSection(_After_):
    """A version."""

    by: Literal["version"] = "version"
    words: str = ""


class QuotedSection(_After_):
    """A quoted text."""

    by: Literal["quoted"] = "quoted"


ExtractorSection = (
    WordsSection
    | PatternSection
    | NumberSection
    | DateSection
    | CodeSection
    | FilesSection
    | UrlSection
    | EmailSection
    | VersionSection
    | QuotedSection
)

SECTIONS: dict[str, type[ExtractorSection]] = {
    "words": WordsSection,
    "regex": PatternSection,
    "number": NumberSection,
    "date": DateSection,
    "code": CodeSection,
    "files": FilesSection,
    "url": UrlSection,
    "email": EmailSection,
    "version": VersionSection,
    "quoted": QuotedSection,
}

GIVES: dict[str, tuple[str, ...]] = {
    "words": ("string", "integer", "number", "boolean"),
    "regex": ("string", "integer", "number", "boolean"),
    "number": ("string", "integer", "number"),
    "files": ("integer", "number"),
}
"""Types that an extractor can give; the others give texts."""
