"""A model that the router asks is held to what contracts are held to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.core.clues import Clues
from waypost_server.core.model_access import may_see
from waypost_server.core.model_choice import ModelChoice
from waypost_server.core.model_policy import Sensitivity, TenantPolicy
from waypost_server.core.model_rules import Circumstances
from waypost_server.core.query import Query
from waypost_server.core.switches import Off

TAGS = ("local", "eu", "audited")
NAMES = ("a", "b")
tags = st.frozensets(st.sampled_from(TAGS))
policies = st.builds(
    TenantPolicy,
    models=st.none() | st.frozensets(st.sampled_from(NAMES)).map(lambda s: tuple(sorted(s))),
    requires=tags.map(lambda s: tuple(sorted(s))),
)


@given(
    has=tags,
    wants=tags,
    tenants=st.dictionaries(st.sampled_from(["acme", "default"]), policies),
    levels=st.dictionaries(st.sampled_from(["secret", "public"]), tags.map(tuple)),
    said=st.sampled_from(["secret", "public", "odd", None]),
    off=st.booleans(),
    enabled=st.booleans(),
)
def test_it_may_see_what_a_contract_would_send_it(
    has: frozenset[str],
    wants: frozenset[str],
    tenants: dict[str, TenantPolicy],
    levels: dict[str, tuple[str, ...]],
    said: str | None,
    off: bool,
    enabled: bool,
) -> None:
    models = {
        name: Model(name=name, provider="openai", model_id=name, tags=tuple(sorted(has)))
        for name in NAMES
    }
    models["a"] = replace(models["a"], enabled=enabled)
    taxonomy = Taxonomy(
        tenants=tenants, sensitivity=Sensitivity(metadata="s", levels=levels, unknown=("eu",))
    )
    route = Route(name="default", specialist=Specialist(models=NAMES))
    catalog = Catalog(taxonomy=taxonomy, routes={"default": route}, models=models)
    query = Query(
        text="x",
        tenant="acme",
        metadata={} if said is None else {"s": said},
        off=Off(models=frozenset({"a"} if off else ())),
        clues=Clues(required_tags=wants),
    )
    chosen = ModelChoice(catalog).choose(query, route, Circumstances(off=query.off.models))
    named = NAMES if chosen is None else chosen.models
    expected = "a" in named and enabled and not off
    assert may_see(models["a"], query, taxonomy) == expected


@pytest.mark.parametrize(("tenant", "may"), [("acme", False), ("", True), ("other", True)])
def test_a_tenants_list_of_approved_models_counts(tenant: str, may: bool) -> None:
    model = Model(name="a", provider="openai", model_id="a")
    taxonomy = Taxonomy(tenants={"acme": TenantPolicy(models=("b",))})
    assert may_see(model, Query(text="x", tenant=tenant), taxonomy) is may
