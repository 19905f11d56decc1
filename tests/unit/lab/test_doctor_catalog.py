from dataclasses import replace

import pytest

from tests.unit.lab.patients import around, axis, patient_of, sound_places, sound_route
from waypost_server.core.catalog import DEFAULT_ROUTE, Catalog, Model, Route, Specialist
from waypost_server.lab.check_catalog import check_catalog
from waypost_server.lab.check_traffic import check_traffic
from waypost_server.lab.doctor import examine
from waypost_server.lab.finding import Finding, Kind, Sentence, Severity
from waypost_server.lab.findings_text import findings_summary, findings_text
from waypost_server.lab.patient import Patient


def test_a_missing_prompt_and_a_missing_description_are_hints() -> None:
    routes = [
        Route(name="a", description="Something."),
        Route(name="b", specialist=Specialist(prompt="You know it.")),
    ]
    findings = list(check_catalog(patient_of(sound_places(), routes=routes)))
    assert [(one.kind, one.severity, one.routes) for one in findings] == [
        (Kind.NO_PROMPT, Severity.HINT, ("a",)),
        (Kind.NO_DESCRIPTION, Severity.HINT, ("b",)),
    ]


def test_a_route_without_a_model_is_a_hint_where_there_is_a_fleet() -> None:
    with_model = Specialist(prompt="You know it.", models=("small",))
    routes = [replace(sound_route(name), specialist=with_model) for name in "bcd"]
    patient = patient_of(sound_places(), routes=[sound_route("a"), *routes])
    assert list(check_catalog(patient)) == []
    small = Model(name="small", provider="openai", model_id="x")
    (finding,) = check_catalog(
        replace(patient, catalog=replace(patient.catalog, models={"small": small}))
    )
    assert (finding.kind, finding.severity) == (Kind.NO_MODEL, Severity.HINT)
    assert finding.routes == ("a",)
    assert "Write `specialist: {models: [NAME]}` into a/route.yaml" in finding.cure


def test_an_implicit_default_route_lacks_nothing() -> None:
    implicit = Route(name=DEFAULT_ROUTE)
    patient = patient_of(sound_places(), routes=[implicit], default_route=DEFAULT_ROUTE)
    assert list(check_catalog(patient)) == []


@pytest.mark.parametrize("language", ["de", "pt-BR", "enm"])
def test_another_language_than_english_is_warned_of(language: str) -> None:
    (finding,) = check_catalog(patient_of(sound_places(), language=language))
    assert (finding.kind, finding.severity) == (Kind.OTHER_LANGUAGE, Severity.WARNING)
    assert repr(language) in finding.problem


@pytest.mark.parametrize("language", ["en", "en-GB", "EN_us"])
def test_any_english_is_english(language: str) -> None:
    assert list(check_catalog(patient_of(sound_places(), language=language))) == []


@pytest.mark.parametrize(
    ("fallbacks", "loops"),
    [
        ({"b": "c", "c": "b"}, [("b", "c")]),
        ({"d": "c", "c": "b", "b": "d"}, [("b", "d", "c")]),
        ({"a": "b"}, [("a", "b")]),
        ({"b": "c", "d": "c"}, []),
    ],
    ids=["two", "three", "the default route's", "none"],
)
def test_a_loop_of_fallbacks_is_found_once(
    fallbacks: dict[str, str], loops: list[tuple[str, ...]]
) -> None:
    routes = [sound_route(name, fallback_route=to) for name, to in fallbacks.items()]
    findings = list(check_catalog(patient_of(sound_places(), routes=routes)))
    assert [one.routes for one in findings] == loops
    assert all(one.kind is Kind.FALLBACK_LOOP for one in findings)


@pytest.mark.parametrize(("prefix", "routes"), [("", ()), ("engineering/", ("engineering",))])
def test_thirteen_routes_side_by_side_ask_for_a_hierarchy(
    prefix: str, routes: tuple[str, ...]
) -> None:
    places = {f"{prefix}r{i:02}": around(axis(i), 5) for i in range(13)}
    (finding,) = check_catalog(patient_of(places))
    assert (finding.kind, finding.routes) == (Kind.CROWDED_LEVEL, routes)
    assert finding.figures == {"routes": 13}
    places.popitem()
    assert list(check_catalog(patient_of(places))) == []


def traffic(**logged: int) -> list[tuple[Kind, tuple[str, ...], float]]:
    findings = check_traffic(patient_of(sound_places()), logged)
    return [(one.kind, one.routes, one.figures.get("share", -1)) for one in findings]


def test_busy_and_idle_routes_are_those_beyond_the_bars() -> None:
    assert traffic(a=400, b=400, c=180, d=20) == []
    assert traffic(a=401, b=400, c=180, d=19) == [
        (Kind.BUSY, ("a",), 0.401),
        (Kind.IDLE, ("d",), 0.019),
    ]
    assert traffic(a=340, b=330, c=330)[0] == (Kind.IDLE, ("d",), 0)


def test_a_log_that_says_little_says_so() -> None:
    assert traffic(a=199) == [(Kind.STRANGE_LOG, (), -1)]
    assert traffic(a=70, b=70, c=60, gone=1)[0] == (Kind.STRANGE_LOG, ("gone",), -1)


def test_of_a_hundred_routes_each_may_have_one_percent() -> None:
    places = {f"r{i:03}": around(axis(i % 60), 1) for i in range(100)}
    logged = {name: 100 for name in places} | {"r007": 24}
    findings = list(check_traffic(patient_of(places), logged))
    assert [(one.kind, one.routes) for one in findings] == [(Kind.IDLE, ("r007",))]


def test_the_text_has_at_most_the_limit_of_a_kind() -> None:
    hint = Finding(
        kind=Kind.DEAD,
        severity=Severity.HINT,
        routes=("a",),
        problem="P.",
        sentences=(Sentence("a", "two\nlines"),),
        figures={"dead_ones": 0.126},
        cure="C.",
    )
    error = replace(hint, kind=Kind.SAME_IN_TWO_ROUTES, severity=Severity.ERROR, figures={})
    shown = '  {}: P.{}\n      a: "two lines"\n      cure: C.\n'
    assert findings_text([error, hint, hint, hint], limit=2) == (
        "ERRORS\n"
        + shown.format("same_in_two_routes", "")
        + "\nHINTS\n"
        + 2 * shown.format("dead", " (dead ones 0.13)")
        + "  dead: and 1 more"
    )
    assert findings_summary([error, hint, hint]) == "1 error, 0 warnings, 2 hints"
    assert findings_summary([]) == "no findings"


def test_a_catalog_without_exemplars_can_be_examined() -> None:
    patient = patient_of(sound_places())
    catalog = Catalog(taxonomy=patient.catalog.taxonomy, routes={"a": sound_route("a")})
    empty = Patient(
        catalog=catalog,
        exemplars=patient.exemplars.of((), negative_counts={}),
        encodings=patient.encodings[:0],
        dimension=patient.dimension,
    )
    assert examine(empty) == ()
