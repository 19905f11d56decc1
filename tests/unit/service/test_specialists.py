"""A route's configuration as a caller gets it."""

import hashlib

import pytest

from waypost.v1 import contract_pb2
from waypost_server.core.catalog import Catalog, Model, Route, Specialist, Taxonomy
from waypost_server.service.specialists import specialist_ref

MODELS = {
    "small": Model(
        name="small",
        provider="openai",
        model_id="qwen2.5-coder:7b",
        base_url="http://127.0.0.1:11434/v1",
        context_window_tokens=32_768,
        tags=("local", "cheap"),
    ),
    "off": Model(name="off", provider="openai", model_id="x", enabled=False),
    "large": Model(
        name="large",
        provider="anthropic",
        model_id="claude-sonnet-4-5",
        api_key_env="ANTHROPIC_API_KEY",
        usd_per_mtok_in=3,
        usd_per_mtok_out=15,
    ),
}


def ref_of(specialist: Specialist) -> contract_pb2.SpecialistRef:
    route = Route(name="default", specialist=specialist)
    catalog = Catalog(taxonomy=Taxonomy(), routes={"default": route}, models=MODELS)
    return specialist_ref(route, catalog)


def test_models_come_in_the_routes_order_with_all_that_a_call_needs() -> None:
    assert list(ref_of(Specialist(models=("large", "small"))).models) == [
        contract_pb2.Model(
            name="large",
            provider="anthropic",
            model_id="claude-sonnet-4-5",
            api_key_env="ANTHROPIC_API_KEY",
            usd_per_mtok_in=3,
            usd_per_mtok_out=15,
            retries=1,
        ),
        contract_pb2.Model(
            name="small",
            provider="openai",
            model_id="qwen2.5-coder:7b",
            base_url="http://127.0.0.1:11434/v1",
            context_window_tokens=32_768,
            tags=["local", "cheap"],
            retries=1,
        ),
    ]


@pytest.mark.parametrize(
    ("named", "callable_", "excluded"),
    [
        (("small", "off"), ["small"], ["off"]),
        (("off",), [], ["off"]),
        (("large", "small"), ["large", "small"], []),
        ((), [], []),
    ],
)
def test_a_model_that_is_switched_off_is_excluded_with_the_reason(
    named: tuple[str, ...], callable_: list[str], excluded: list[str]
) -> None:
    ref = ref_of(Specialist(models=named))
    assert [model.name for model in ref.models] == callable_
    assert [(model.name, model.why) for model in ref.excluded_models] == [
        (name, "switched off in fleet.yaml") for name in excluded
    ]


def test_a_prompt_is_named_by_its_hash_and_no_prompt_by_nothing() -> None:
    prompt = "Du prüfst Code."
    assert ref_of(Specialist(prompt=prompt)).prompt_sha256 == (
        hashlib.sha256(prompt.encode("utf-8")).hexdigest()
    )
    assert ref_of(Specialist()).prompt_sha256 == ""


def test_greedy_sampling_is_not_the_models_default() -> None:
    greedy = ref_of(Specialist(temperature=0, top_p=0.5, seed=0, stop=("END",))).sampling
    assert (greedy.HasField("temperature"), greedy.HasField("seed")) == (True, True)
    assert (greedy.top_p, list(greedy.stop)) == (0.5, ["END"])
    default = ref_of(Specialist()).sampling
    assert [default.HasField(name) for name in ("temperature", "top_p", "seed")] == [False] * 3


def test_timeouts_are_told_apart() -> None:
    specialist = Specialist(
        timeout_ms=45_000,
        first_token_timeout_ms=2_000,
        connect_timeout_ms=500,
        call_timeout_ms=9_000,
    )
    assert ref_of(specialist).timeouts == contract_pb2.Timeouts(
        total_ms=45_000, first_token_ms=2_000, connect_ms=500, call_ms=9_000
    )
