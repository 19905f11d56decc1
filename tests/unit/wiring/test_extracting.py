"""The stage that finds parameters is there where a route takes some."""

from datetime import UTC, datetime

from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.extraction.specs import Date
from waypost_server.wiring.extracting import parameters_of, today

SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}


def catalog(route: Route) -> Catalog:
    return Catalog(taxonomy=Taxonomy(default_route="a"), routes={"a": route})


def test_a_schema_alone_makes_no_stage() -> None:
    assert parameters_of(catalog(Route(name="a", params_schema=SCHEMA))) is None


def test_the_servers_day_is_that_of_utc() -> None:
    before = datetime.now(UTC).date()
    route = Route(name="a", params_schema=SCHEMA, extract={"day": (Date(),)})
    parameters = parameters_of(catalog(route))
    assert parameters
    found = parameters.of(route, "it broke today").params["day"]
    assert found in (before.isoformat(), today().isoformat())


def test_a_model_that_may_be_asked_makes_the_stage() -> None:
    route = Route(name="a", params_schema={**SCHEMA, "required": ["day"]}, params_model="small")
    parameters = parameters_of(catalog(route))
    assert parameters
    assert parameters.of(route, "today").missing == ("day",)
