"""Specialists without the models that an operator switched off."""

from waypost.v1 import contract_pb2
from waypost_server.service.pools import SWITCHED_OFF, Pools


def model(name: str) -> contract_pb2.Model:
    return contract_pb2.Model(name=name, model_id=f"id of {name}")


def ref_of(*models: str, helpers: tuple[str, ...] = ()) -> contract_pb2.SpecialistRef:
    return contract_pb2.SpecialistRef(
        prompt_sha256="ab" * 32,
        models=[model(name) for name in models],
        helper_models=[model(name) for name in helpers],
        policy=contract_pb2.DispatchPolicy(
            checks=contract_pb2.OutputChecks(judge=contract_pb2.Judge(model="judge"))
        ),
        shadows=[contract_pb2.ShadowCandidate(name="other", models=["shadow", "large"])],
    )


WHOLE = ref_of("small", "large", helpers=("judge", "shadow"))


def without(*off: str) -> contract_pb2.SpecialistRef:
    return Pools({"a": WHOLE}).of("a", off=frozenset(off))


def names(models: object) -> list[str]:
    return [one.name for one in models]  # type: ignore[attr-defined]


def test_what_is_on_stays_as_it_is() -> None:
    assert without("unknown") is WHOLE
    assert without() is WHOLE


def test_a_model_that_is_off_is_excluded_and_says_why() -> None:
    found = without("small")
    expected = ref_of("large", helpers=("judge", "shadow"))
    expected.excluded_models.add(name="small", why=SWITCHED_OFF)
    assert found == expected


def test_be_it_the_only_one() -> None:
    found = without("small", "large")
    assert names(found.models) == []
    assert names(found.excluded_models) == ["small", "large"]


def test_nobody_finds_it_as_a_judge_or_in_a_shadow() -> None:
    found = without("judge", "shadow", "large")
    assert names(found.helper_models) == []
    assert names(found.models) == ["small"]
    assert found.policy == WHOLE.policy


def test_beside_models_with_open_breakers_the_last_that_is_on_stays() -> None:
    pools = Pools({"a": WHOLE})
    open_ = {"small": "open", "large": "open"}
    off = frozenset({"large"})
    found = pools.of("a", open_, off=off)
    assert names(found.models) == ["small"]
    assert names(found.excluded_models) == ["large"]
    found = pools.of("a", {"judge": "open", "small": "open"}, off=frozenset({"shadow"}))
    assert names(found.models) == ["large"]
    assert names(found.excluded_models) == ["small"]
    assert names(found.helper_models) == ["judge"]


def test_it_is_worked_out_once_a_change() -> None:
    pools = Pools({"a": WHOLE})
    off, open_ = frozenset({"small"}), {"large": "open"}
    made = pools.of("a", open_, off=off)
    assert pools.of("a", open_, off=off) is made
    assert pools.of("a", open_, off=frozenset({"large"})) != made
    assert pools.of("a", off=off) == without("small")
    assert pools.of("a") is WHOLE
