"""Specialists without the models that are left out for a while."""

import pytest

from waypost.v1 import contract_pb2
from waypost_server.core.breakers import NOTHING
from waypost_server.service.pools import Pools

OFF = contract_pb2.ExcludedModel(name="off", why="switched off in fleet.yaml")
WHY = {"small": "a client's breaker is open", "large": "another's, too", "unknown": "?"}


def ref_of(*models: str) -> contract_pb2.SpecialistRef:
    return contract_pb2.SpecialistRef(
        prompt_sha256="ab" * 32,
        models=[contract_pb2.Model(name=name, model_id=f"id of {name}") for name in models],
        sampling=contract_pb2.Sampling(temperature=0, stop=["END"]),
        excluded_models=[OFF],
    )


@pytest.fixture
def pools() -> Pools:
    return Pools({"a": ref_of("small", "large", "third"), "b": ref_of("third"), "c": ref_of()})


def test_where_nothing_is_left_out_every_contract_shares_one_message(pools: Pools) -> None:
    assert pools.of("a") is pools.of("a", NOTHING)
    assert pools.of("a") == ref_of("small", "large", "third")


@pytest.mark.parametrize(
    ("left_out", "called"),
    [
        (["small"], ["large", "third"]),
        (["large"], ["small", "third"]),
        (["large", "small", "unknown"], ["third"]),
        (["unknown"], ["small", "large", "third"]),
    ],
)
def test_a_model_that_is_left_out_is_excluded_with_the_reason_and_nothing_else_changes(
    pools: Pools, left_out: list[str], called: list[str]
) -> None:
    found = pools.of("a", {name: WHY[name] for name in left_out})
    expected = ref_of(*called)
    for name in ("small", "large"):
        if name in left_out:
            expected.excluded_models.add(name=name, why=WHY[name])
    assert found == expected
    assert pools.of("a") == ref_of("small", "large", "third")


def test_where_all_would_be_left_out_all_are_named(pools: Pools) -> None:
    assert pools.of("b", {"third": "open"}) == ref_of("third")
    assert pools.of("c", {"third": "open"}) == ref_of()


def test_what_is_left_out_is_worked_out_once_a_change(pools: Pools) -> None:
    first = {"small": "as reported 0 s ago"}
    made = pools.of("a", first)
    assert pools.of("b", first) == ref_of("third")
    assert pools.of("a", first) is made
    later = pools.of("a", {"small": "as reported 1 s ago"})
    assert [one.why for one in later.excluded_models] == [OFF.why, "as reported 1 s ago"]
    assert [model.name for model in later.models] == ["large", "third"]
    assert pools.of("a") == ref_of("small", "large", "third")


def test_a_judge_or_a_shadow_that_is_left_out_can_still_be_found_by_its_name() -> None:
    whole = ref_of("small", "large", "third")
    whole.policy.checks.judge.model = "small"
    whole.shadows.add(name="other", models=["large"])
    helper = contract_pb2.Model(name="helper")
    whole.helper_models.append(helper)
    found = Pools({"a": whole}).of("a", {"small": "open", "large": "open"})
    assert [model.name for model in found.models] == ["third"]
    assert list(found.helper_models) == [helper, *whole.models[:2]]
    assert (found.policy, found.shadows) == (whole.policy, whole.shadows)
