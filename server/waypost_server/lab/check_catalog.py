"""What is configured of the routes: language, descriptions, prompts, fallbacks, and nesting."""

from collections import defaultdict
from collections.abc import Iterator

from waypost_server.core.catalog import Route
from waypost_server.lab.finding import Finding, Kind, Severity
from waypost_server.lab.patient import Patient

CROWDED = 12
"""More routes side by side are hard to keep apart for those who write the exemplars; the router
itself copes with 150."""


def check_catalog(patient: Patient) -> Iterator[Finding]:
    """Another language, loops, what is missing, crowded levels."""
    yield from _language(patient)
    yield from _loops(patient)
    for route in _own_routes(patient):
        # Who has no fleet calls no models through Waypost.
        if patient.catalog.models and not route.specialist.models:
            yield Finding(
                kind=Kind.NO_MODEL,
                severity=Severity.HINT,
                routes=(route.name,),
                problem=f"{route.name} names no model, so that nobody can answer its queries.",
                cure=f"Write `specialist: {{models: [NAME]}}` into {route.name}/route.yaml, with "
                "a NAME of fleet.yaml.",
            )
        if not route.specialist.prompt.strip():
            yield Finding(
                kind=Kind.NO_PROMPT,
                severity=Severity.HINT,
                routes=(route.name,),
                problem=f"{route.name} has no system prompt.",
                cure=f"Write {route.name}/specialist.md.",
            )
        if not route.description.strip():
            yield Finding(
                kind=Kind.NO_DESCRIPTION,
                severity=Severity.HINT,
                routes=(route.name,),
                problem=f"{route.name} has no description.",
                cure=f"Say in {route.name}/route.yaml under description what belongs there; "
                "users read it when they have to choose.",
            )
    yield from _crowded_levels(patient)


def _own_routes(patient: Patient) -> Iterator[Route]:
    """All but an implicit default route: a user cannot write its files."""
    for name, route in sorted(patient.catalog.routes.items()):
        if name in patient.exemplars.counts or route != Route(name=name):
            yield route


def _language(patient: Patient) -> Iterator[Finding]:
    language = patient.catalog.taxonomy.language
    if language.casefold().replace("_", "-").partition("-")[0] != "en":
        yield Finding(
            kind=Kind.OTHER_LANGUAGE,
            severity=Severity.WARNING,
            routes=(),
            problem=f"language is {language[:40]!r} in taxonomy.yaml, and changes nothing: the "
            "word lists of conversations, plans, guard and hints are English, and so are Waypost's "
            "sentences and the encoder that is shipped.",
            cure="Write exemplars in that language, set WAYPOST_ENCODER to an encoder that knows "
            "it, name its words in plans.connectives, and measure with `waypost eval`.",
        )


def _loops(patient: Patient) -> Iterator[Finding]:
    catalog = patient.catalog
    done: set[str] = set()
    for start in sorted(catalog.routes):
        path: list[str] = []
        name = start
        while name and name not in done:
            done.add(name)
            path.append(name)
            name = catalog.fallback_of(catalog.routes[name])
        if name in path:
            yield _loop(path[path.index(name) :])


def _loop(routes: list[str]) -> Finding:
    least = routes.index(min(routes))
    routes = routes[least:] + routes[:least]
    return Finding(
        kind=Kind.FALLBACK_LOOP,
        severity=Severity.HINT,
        routes=tuple(routes),
        problem=f"Fallbacks go round: {' -> '.join([*routes, routes[0]])}.",
        cure="Let one of them fall back to a route outside the loop, or to none.",
    )


def _crowded_levels(patient: Patient) -> Iterator[Finding]:
    levels: dict[str, set[str]] = defaultdict(set)
    for name in patient.exemplars.routes:
        parts = name.split("/")
        for depth, part in enumerate(parts):
            levels["/".join(parts[:depth])].add(part)
    for level, names in sorted(levels.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(names) > CROWDED:
            yield Finding(
                kind=Kind.CROWDED_LEVEL,
                severity=Severity.HINT,
                routes=(level,) if level else (),
                problem=f"{len(names)} routes lie side by side "
                f"{f'in {level}' if level else 'at the top'}.",
                figures={"routes": len(names)},
                cure="Put those that belong together into a folder of their own, like "
                "engineering/code_review; confusable ones first.",
            )
