"""What must hold of `params`, `extract` and `params_model`; a check yields problems and cures."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, SchemaError

from waypost_server.adapters import extract_schema as sections
from waypost_server.adapters.extract_catalog import Place, schema_of, sections_of, synonyms_of
from waypost_server.adapters.re2_patterns import compile_re2, pattern_problem
from waypost_server.adapters.route_source import FolderSource, RouteSource
from waypost_server.adapters.text_file import FileProblems
from waypost_server.core.extraction.values import KEYWORDS, TYPES, cast, fits


def check_params(route: RouteSource, source: FolderSource) -> Iterator[str]:
    """Problems of one route's parameters."""
    wrong = list(_check_schema(route))
    yield from wrong
    yield from _check_model(route, source)
    if wrong:
        return
    yield from _check_required(route)
    # A model may be asked for all of them.
    asked = _properties(route) if route.section.params_model else ()
    for name in dict.fromkeys((*route.section.extract, *asked)):
        problems = list(_check_property(route, name))
        yield from problems
        if not problems and name in route.section.extract:
            yield from _check_extractors(route, name, source)


def _check_schema(route: RouteSource) -> Iterator[str]:
    """Whether `params` is a JSON Schema at all."""
    params = route.section.params
    if params is None:
        return
    if params.get("type") != "object":
        place = ["params", "type"] if "type" in params else ["params"]
        yield route.file.problem(place, "params is a JSON Schema and must say `type: object`")
        return
    try:
        # Without formats: they would hold regular expressions to Python's syntax, not to RE2's.
        Draft202012Validator.check_schema(params, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        path = tuple(error.absolute_path)
        where = ".".join(map(str, ("params", *path)))
        yield route.file.problem(
            ("params", *path),
            f"{where} is no JSON Schema: {error.message[:200]}; mend it",
        )
    except RecursionError:
        yield route.file.problem(["params"], "params is nested too deeply; write it flatter")


def _check_required(route: RouteSource) -> Iterator[str]:
    """Whether what must be found is anything that can be."""
    known, section = _properties(route), route.section
    required = (section.params or {}).get("required")
    if not isinstance(required, list) or not (section.extract or section.params_model):
        return
    for position, name in enumerate(required):
        if name not in known:
            yield route.file.problem(
                ["params", "required", position],
                f"params.required names {name!r}, which is no property and so never found; params "
                f"has {', '.join(known) or 'none'}; add it there or name another",
            )


def _check_model(route: RouteSource, source: FolderSource) -> Iterator[str]:
    model, known = route.section.params_model, source.fleet.models
    if model and route.section.params is None:
        yield route.file.problem(
            ["params_model"],
            "params_model is set, but the route has no params; add them, or remove the line",
        )
    elif model and source.fleet_known and model not in known:
        yield route.file.problem(
            ["params_model"],
            f"model {model!r} is not in {source.fleet_file.path.name}, which has "
            f"{', '.join(sorted(known)) or 'none'}; add it there or name another",
        )


def _check_property(route: RouteSource, name: str) -> Iterator[str]:
    """Whether a parameter's schema is one that values can be checked against here."""
    known = _properties(route)
    if name not in known:
        yield route.file.problem(
            ["extract", name],
            f"extract.{name}: params has no property {name!r}; it has "
            f"{', '.join(known) or 'none'}; add it there or name another",
        )
        return
    place: Place = ("params", "properties", name)
    schema = schema_of(route, name)
    if not isinstance(known[name], dict):
        yield route.file.problem(place, f"params.properties.{name} must be a mapping; write one")
        return
    wrong = list(_check_keywords(route, place, schema))
    yield from wrong
    if not wrong and "default" in schema and not fits(schema["default"], schema, compile_re2):
        yield route.file.problem(
            (*place, "default"),
            f"the default {schema['default']!r} of {name} does not fit its own schema; mend one "
            "of the two",
        )


def _check_keywords(
    route: RouteSource, place: Place, schema: Mapping[str, Any], types: tuple[str, ...] = TYPES
) -> Iterator[str]:
    for keyword in schema.keys() - KEYWORDS:
        yield route.file.problem(
            (*place, keyword),
            f"{place[-1]} is extracted, and its schema says {keyword}, which is not checked here; "
            f"it may say {', '.join(sorted(KEYWORDS))}",
        )
    if "type" in schema and schema["type"] not in types:
        yield route.file.problem(
            (*place, "type"),
            f"{place[-1]} is extracted, and its type is {schema['type']!r}; "
            f"it may be one of {', '.join(types)}",
        )
    if "pattern" in schema and (problem := pattern_problem(schema["pattern"])):
        yield route.file.problem((*place, "pattern"), f"pattern {problem}")
    if isinstance(items := schema.get("items"), dict):
        yield from _check_keywords(route, (*place, "items"), items, TYPES[:-1])


def _check_extractors(route: RouteSource, name: str, source: FolderSource) -> Iterator[str]:
    schema: Mapping[str, Any] = schema_of(route, name)
    of_one = schema.get("items", {}) if schema.get("type") == "array" else schema
    try:
        for place, section in sections_of(route, name):
            kind, gives = of_one.get("type", "string"), sections.GIVES.get(section.by, ("string",))
            if kind not in gives:
                yield route.file.problem(
                    place,
                    f"extractor {section.by} gives {' or '.join(gives)}, and {name} is of type "
                    f"{kind}; change one of the two",
                )
            yield from _check_words(route, place, section, of_one, source)
    except FileProblems as error:
        yield from error.problems


def _check_words(
    route: RouteSource,
    place: Place,
    section: sections.ExtractorSection,
    schema: Mapping[str, Any],
    source: FolderSource,
) -> Iterator[str]:
    if not isinstance(section, sections.WordsSection | sections.VersionSection):
        return
    lists = source.words.words
    if section.words and section.words not in lists:
        if source.words_known:
            yield route.file.problem(
                (*place, "words"),
                f"words.yaml has no list {section.words!r}; it has "
                f"{', '.join(sorted(lists)) or 'none'}; add it there or name another",
            )
        return
    if not isinstance(section, sections.WordsSection):
        return
    enum = schema.get("enum")
    synonyms = synonyms_of(section, source.words)
    if not synonyms and enum is None:
        yield route.file.problem(
            place, "words has neither synonyms nor a list nor an enum; add one of them"
        )
    for value in synonyms:
        found = cast(value, schema)
        if found is not None and fits(found, schema, compile_re2):
            continue
        where = "synonyms" if value in section.synonyms else "words"
        wanted = f"; it may be one of {', '.join(map(str, enum))}" if enum else ""
        yield route.file.problem(
            (*place, where, value),
            f"{where} has words for {value!r}, which is no value of the parameter{wanted}; "
            "mend it, or add it to the schema",
        )


def _properties(route: RouteSource) -> Mapping[str, Any]:
    properties = (route.section.params or {}).get("properties")
    return properties if isinstance(properties, dict) else {}
