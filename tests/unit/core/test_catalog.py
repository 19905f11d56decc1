import pytest

from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.errors import UnknownRouteError, UnknownShadowError
from waypost_server.core.policy import Shadow

CATALOG = Catalog(
    taxonomy=Taxonomy(default_route="general"),
    routes={
        "billing": Route(name="billing", fallback_route="support"),
        "general": Route(name="general"),
        "sales": Route(name="sales"),
        "support": Route(name="support", fallback_route="general"),
    },
)


@pytest.mark.parametrize(
    ("route", "fallback"),
    [("billing", "support"), ("support", "general"), ("sales", "general"), ("general", "")],
)
def test_a_route_falls_back_to_its_own_choice_else_to_the_default_and_never_to_itself(
    route: str, fallback: str
) -> None:
    assert CATALOG.fallback_of(CATALOG.route(route)) == fallback


def test_the_default_route_may_name_a_fallback_of_its_own() -> None:
    general = Route(name="general", fallback_route="support")
    assert CATALOG.fallback_of(general) == "support"


def test_the_default_route_is_the_one_that_the_taxonomy_names() -> None:
    assert CATALOG.default_route is CATALOG.route("general")


def test_an_unknown_route_is_refused_naming_those_that_are_loaded() -> None:
    with pytest.raises(UnknownRouteError) as error:
        CATALOG.route("Billing")
    assert str(error.value) == (
        "no route is called 'Billing'; the loaded routes are billing, general, sales, support"
    )


SHADOWED = Catalog(
    taxonomy=Taxonomy(),
    routes={"billing": Route(name="billing"), "default": Route(name="default")},
    shadows={
        "all": Shadow(name="all", share=0.1, router="localhost:1"),
        "some": Shadow(name="some", share=0.1, routes=("billing",), router="localhost:2"),
    },
)


@pytest.mark.parametrize(("route", "names"), [("billing", ["all", "some"]), ("default", ["all"])])
def test_a_shadow_runs_beside_the_routes_it_names_or_all(route: str, names: list[str]) -> None:
    shadows = SHADOWED.shadows_of(SHADOWED.route(route))
    assert [shadow.name for shadow in shadows] == names


def test_a_shadow_of_another_route_is_refused_naming_those_there_are() -> None:
    billing, default = SHADOWED.route("billing"), SHADOWED.default_route
    assert SHADOWED.shadow_of(billing, "some").router == "localhost:2"
    with pytest.raises(UnknownShadowError) as error:
        SHADOWED.shadow_of(default, "some")
    assert str(error.value) == "no shadow of route 'default' is called 'some'; it has all"
    with pytest.raises(UnknownShadowError, match="it has none"):
        CATALOG.shadow_of(CATALOG.default_route, "some")
