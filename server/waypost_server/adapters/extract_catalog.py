"""`extract` of route.yaml, read as sections and made core's specs."""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from waypost_server.adapters import extract_schema as sections
from waypost_server.adapters.route_schema import WordsFile
from waypost_server.adapters.route_source import RouteSource
from waypost_server.adapters.section import validate_part
from waypost_server.adapters.text_file import FileProblems
from waypost_server.core.extraction import specs

Place = tuple[str | int, ...]
"""Where something stands in route.yaml."""


def extractors_of(source: RouteSource, words: WordsFile) -> dict[str, tuple[specs.Extractor, ...]]:
    """Core's specs of a route that was found sound."""
    return {
        name: tuple(
            _spec(section, words, _enum(source, name)) for _, section in sections_of(source, name)
        )
        for name in source.section.extract
    }


def sections_of(
    source: RouteSource, name: str
) -> Iterator[tuple[Place, sections.ExtractorSection]]:
    """A parameter's extractors, and where each stands.

    Raises:
        FileProblems: one is none.
    """
    said = source.section.extract[name]
    place: Place = ("extract", name)
    several = said if isinstance(said, list) else [said]
    if not several:
        raise _problem(source, place, f"{name} has no extractor; name one, or remove the line")
    for i, one in enumerate(several):
        at = (*place, i) if isinstance(said, list) else place
        yield at, _section(source, at, one)


def _section(source: RouteSource, place: Place, said: JsonValue) -> sections.ExtractorSection:
    value = {"by": said} if isinstance(said, str) else said
    kinds = ", ".join(sections.SECTIONS)
    if not isinstance(value, dict):
        raise _problem(
            source, place, f"an extractor is a name or a mapping with `by`; it may be {kinds}"
        )
    by = value.get("by", "regex" if "regex" in value else None)
    if not isinstance(by, str) or by not in sections.SECTIONS:
        raise _problem(source, place, f"extractor {by!r} is unknown; `by` may be {kinds}")
    return validate_part(sections.SECTIONS[by], source.file, value, place)


def _problem(source: RouteSource, place: Place, text: str) -> FileProblems:
    return FileProblems([source.file.problem(place, text)])


def synonyms_of(section: sections.WordsSection, words: WordsFile) -> dict[str, tuple[str, ...]]:
    """All of a section's synonyms; its own take the place of those of the list that it names."""
    return _spelt(words.words.get(section.words, {}) | section.synonyms)


def _spelt(synonyms: sections.Synonyms) -> dict[str, tuple[str, ...]]:
    return {
        value: (value.replace("_", " "),) if spelt is None else spelt
        for value, spelt in synonyms.items()
    }


def _spec(section: sections.ExtractorSection, words: WordsFile, enum: list[str]) -> specs.Extractor:
    match section:
        case sections.WordsSection():
            itself = {value: (value.replace("_", " "),) for value in enum}
            return specs.Words(
                synonyms=itself | synonyms_of(section, words),
                ignore=section.ignore,
                typos=section.typos,
                pick=section.pick,
                after=section.after,
                not_after=section.not_after,
                by_meaning=section.by_meaning,
            )
        case sections.VersionSection():
            return specs.Version(of=_spelt(words.words.get(section.words, {})), after=section.after)
        case _:
            return _SAME[section.by](**dict(section))


_SAME: dict[str, type[specs.Extractor]] = {
    "regex": specs.Pattern,
    "number": specs.Number,
    "date": specs.Date,
    "code": specs.Code,
    "files": specs.Files,
    "url": specs.Url,
    "email": specs.Email,
    "quoted": specs.Quoted,
}
"""Specs that have the very fields of their sections."""


def _enum(source: RouteSource, name: str) -> list[str]:
    """The members of a parameter's enum, or of its items', as texts."""
    schema = schema_of(source, name)
    if schema.get("type") == "array":
        items = schema.get("items")
        schema = items if isinstance(items, dict) else {}
    members = schema.get("enum", [])
    return [str(member) for member in members] if isinstance(members, list) else []


def schema_of(source: RouteSource, name: str) -> Mapping[str, JsonValue]:
    """A parameter's JSON Schema; empty where it is none."""
    properties = (source.section.params or {}).get("properties")
    schema = properties.get(name) if isinstance(properties, dict) else None
    return schema if isinstance(schema, dict) else {}
