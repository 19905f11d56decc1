"""Extractors made ready: what a spec says, compiled once."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from waypost_server.core.extraction import specs
from waypost_server.core.extraction.code import find_code_language
from waypost_server.core.extraction.dates import find_dates
from waypost_server.core.extraction.marks import (
    find_emails,
    find_file_count,
    find_quoted,
    find_urls,
    find_versions,
)
from waypost_server.core.extraction.meanings import Meanings
from waypost_server.core.extraction.numbers import find_numbers, number_regex
from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.text import Found, Text, standing_after
from waypost_server.core.extraction.together import Together
from waypost_server.core.extraction.values import CompileRegex, Regex, Schema
from waypost_server.core.ports import Encoder

Finder = Callable[[Text], Iterator[Found]]
"""Yields values, the best first."""

Today = Callable[[], date]
"""What day it is."""


def finder_of(
    spec: specs.Extractor,
    schema: Schema,
    *,
    compile_regex: CompileRegex,
    today: Today,
    together: Together,
    static: Encoder | None = None,
) -> Finder:
    """What finds values as `spec` says.

    Args:
        spec: the extractor.
        schema: of the parameter, or of its items.
        compile_regex: of a linear-time engine.
        today: the clock.
        together: of the route; to be closed after its last extractor.
        static: the static encoder; without one, words are not looked for by meaning.
    """
    find = _find(spec, schema, compile_regex, today, together)
    after = frozenset(word.lower() for word in getattr(spec, "after", ()))

    def standing(text: Text) -> Iterator[Found]:
        if after and after.isdisjoint(text.folded):
            return iter(())
        return standing_after(text, find(text), after)

    if not isinstance(spec, specs.Words):
        return standing
    first = spec.pick is specs.Pick.FIRST
    said = standing if first else partial(_picked, standing, spec.pick)
    if not spec.by_meaning or not static:
        return said
    meanings = Meanings(spec.synonyms, encoder=static, least=spec.by_meaning)
    phrases = Phrases(spec.synonyms, ignore=spec.ignore, typos=spec.typos)
    return partial(_or_meant, said, phrases, meanings)


def _find(
    spec: specs.Extractor,
    schema: Schema,
    compile_regex: CompileRegex,
    today: Today,
    together: Together,
) -> Finder:
    match spec:
        case specs.Pattern():
            place = together.add_pattern(spec.regex)
            return partial(_find_pattern, compile_regex(spec.regex), place)
        case specs.Number():
            return partial(
                find_numbers,
                regex=number_regex(spec.units),
                units={unit.lower(): factor for unit, factor in spec.units.items()},
                as_written=schema.get("type", "string") == "string",
            )
        case specs.Date():
            return lambda text: find_dates(text, toward=spec.toward, today=today())
        case specs.Url():
            return partial(find_urls, containing=spec.containing)
        case specs.Words():
            table = Phrases(spec.synonyms, ignore=spec.ignore, typos=spec.typos)
            phrases = together.add_table(table)
            denied = frozenset(spec.not_after)
            return partial(_find_words, phrases, placed=bool(spec.after), denied=denied)
        case specs.Version():
            names = together.add_table(Phrases(spec.of)) if spec.of else None
            return partial(find_versions, names=names)
        case _:
            return _PLAIN[type(spec)]


_PLAIN: dict[type[specs.Extractor], Finder] = {
    specs.Code: find_code_language,
    specs.Files: find_file_count,
    specs.Email: find_emails,
    specs.Quoted: find_quoted,
}
"""What has nothing to be told."""


def _find_words(
    phrases: Phrases, text: Text, *, placed: bool, denied: frozenset[str]
) -> Iterator[Found]:
    """Where they stand is looked up only where it matters."""
    for hit in phrases.find(text):
        if denied and text.is_denied(hit.first, denied):
            continue
        yield Found(hit.value, text.spans[hit.first][0] if placed else 0)


def _or_meant(said: Finder, phrases: Phrases, meanings: Meanings, text: Text) -> Iterator[Found]:
    """What words say; what they mean where none of the list stands, not even one to be left out."""
    any_said = False
    for found in said(text):
        any_said = True
        yield found
    value = None if any_said or phrases.names_any(text) else meanings.nearest(text)
    if value is not None:
        yield Found(value, 0)


def _find_pattern(regex: Regex, place: int, text: Text) -> Iterator[Found]:
    if text.matching is not None and place not in text.matching:
        return
    for match in regex.finditer(text.text):
        groups = [i for i in range(1, regex.groups + 1) if match.group(i)] or [0]
        value = match.group(groups[0])
        if value:
            yield Found(value, match.span(groups[0])[0])


def _picked(find: Finder, pick: specs.Pick, text: Text) -> Iterator[Found]:
    """Each value once: the last said first, or the one that is said most."""
    found = list(find(text))
    if pick is specs.Pick.LAST:
        yield from reversed(found)
        return
    counts: dict[object, int] = {}
    for one in found:
        counts[one.value] = counts.get(one.value, 0) + 1
    yield from sorted(found, key=lambda one: -counts[one.value])
