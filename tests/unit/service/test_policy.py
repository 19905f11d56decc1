"""A policy from the files of a routes folder to the message that a client gets."""

from pathlib import Path

import pytest
from google.protobuf import json_format

from tests.folders import write_folder
from waypost.v1 import contract_pb2, router_pb2
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import UnknownRouteError, UnknownShadowError
from waypost_server.service.specialists import (
    prompt_sha256,
    specialist_ref,
    specialist_response,
)

FILES = {
    "taxonomy.yaml": "default_route: general\n",
    "fleet.yaml": """
models:
  fast:
    provider: openai
    model: f
    features: [tools, logprobs, reasoning]
    retries: 0
    breaker: {failures: 2, open_seconds: 1.5}
    warm_up_after_seconds: 600
  judge: {provider: anthropic, model: j, breaker: {failures: 5, open_seconds: 60}}
  gone: {provider: openai, model: o, enabled: false}
  slow: {provider: openai, model: s}
  tiny: {provider: openai, model: t, retries: 5}
shadows:
  cheaper:
    share: 0.125
    routes: [review]
    models: [tiny, gone, fast]
  elsewhere: {share: 1, router: 127.0.0.1:50052}
  monolith: {share: 0.5, prompt: monolith.md, routes: []}
""",
    "monolith.md": "You know everything.\n",
    "general/exemplars.txt": "hello\n",
    "general/route.yaml": "specialist: {models: [slow], speculative: true}\n",
    "plain/exemplars.txt": "good bye\n",
    "review/exemplars.txt": "review this\n",
    "review/specialist.md": "You review code.\n",
    "review/route.yaml": """
specialist:
  models: [fast, slow]
  pattern: parallel
  max_calls: 8
  parallel: {width: 2, pick: judge, grace_ms: 250}
  checks:
    json_schema: {type: object, properties: {a: {type: string}}}
    regex: '"a"'
    min_confidence: 0.5
    judge: {model: judge, min_score: 0.75, instructions: Be strict.}
  guard: {secrets: redact, personal_data: flag, prompt_leak: block}
""",
}

FAST = contract_pb2.Model(
    name="fast",
    provider="openai",
    model_id="f",
    features=["tools", "logprobs", "reasoning"],
    retries=0,
    breaker=contract_pb2.Breaker(failures=2, open_ms=1_500),
    warm_up_after_ms=600_000,
)
SLOW = contract_pb2.Model(name="slow", provider="openai", model_id="s", retries=1)
TINY = contract_pb2.Model(name="tiny", provider="openai", model_id="t", retries=5)
JUDGE = contract_pb2.Model(
    name="judge",
    provider="anthropic",
    model_id="j",
    retries=1,
    breaker=contract_pb2.Breaker(failures=5, open_ms=60_000),
)
CHEAPER = contract_pb2.ShadowCandidate(name="cheaper", share=0.125, models=["tiny", "gone", "fast"])
ELSEWHERE = contract_pb2.ShadowCandidate(
    name="elsewhere", share=1, router_address="127.0.0.1:50052"
)
MONOLITH = contract_pb2.ShadowCandidate(
    name="monolith", share=0.5, prompt_sha256=prompt_sha256("You know everything.\n")
)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return read_routes(write_folder(tmp_path, FILES)).catalog


def ref(catalog: Catalog, route: str) -> contract_pb2.SpecialistRef:
    return specialist_ref(catalog.route(route), catalog)


def test_a_policy_reaches_the_client_as_it_was_written(catalog: Catalog) -> None:
    assert ref(catalog, "review") == contract_pb2.SpecialistRef(
        prompt_sha256=prompt_sha256("You review code.\n"),
        models=[FAST, SLOW],
        sampling=contract_pb2.Sampling(),
        timeouts=contract_pb2.Timeouts(),
        policy=contract_pb2.DispatchPolicy(
            pattern=contract_pb2.PATTERN_PARALLEL,
            max_calls=8,
            parallel=contract_pb2.ParallelPolicy(
                width=2, pick=contract_pb2.PICK_JUDGE, grace_ms=250
            ),
            checks=contract_pb2.OutputChecks(
                json_schema='{"properties":{"a":{"type":"string"}},"type":"object"}',
                regex='"a"',
                min_confidence=0.5,
                judge=contract_pb2.Judge(model="judge", min_score=0.75, instructions="Be strict."),
            ),
            guard=contract_pb2.OutputGuard(
                secrets=contract_pb2.GUARD_ACTION_REDACT,
                personal_data=contract_pb2.GUARD_ACTION_FLAG,
                prompt_leak=contract_pb2.GUARD_ACTION_BLOCK,
            ),
        ),
        shadows=[CHEAPER, ELSEWHERE, MONOLITH],
        helper_models=[JUDGE, TINY],
    )


def test_what_is_not_written_is_not_sent(catalog: Catalog) -> None:
    general = ref(catalog, "general")
    assert general.policy == contract_pb2.DispatchPolicy(
        pattern=contract_pb2.PATTERN_FAILOVER, max_calls=6, speculative=True
    )
    assert list(general.shadows) == [ELSEWHERE, MONOLITH]
    assert not general.helper_models
    assert not ref(catalog, "plain").HasField("policy")


PARTS = {
    "pattern: cascade\n  checks: {regex: a}": {
        "pattern": "PATTERN_CASCADE", "max_calls": 6, "checks": {"regex": "a"},
    },
    "idempotent: false": {
        "pattern": "PATTERN_FAILOVER", "max_calls": 6, "not_idempotent": True,
    },
    "max_calls: 2": {"pattern": "PATTERN_FAILOVER", "max_calls": 2},
    "checks: {json_schema: {}}": {
        "pattern": "PATTERN_FAILOVER", "max_calls": 6, "checks": {"json_schema": "{}"},
    },
    "guard: {secrets: flag}": {
        "pattern": "PATTERN_FAILOVER",
        "max_calls": 6,
        "guard": {
            "secrets": "GUARD_ACTION_FLAG",
            "personal_data": "GUARD_ACTION_OFF",
            "prompt_leak": "GUARD_ACTION_OFF",
        },
    },
}  # fmt: skip


@pytest.mark.parametrize(("text", "sent"), PARTS.items(), ids=PARTS)
def test_a_part_of_a_policy_comes_without_the_rest(
    tmp_path: Path, text: str, sent: dict[str, object]
) -> None:
    files = {**FILES, "plain/route.yaml": f"specialist:\n  {text}\n"}
    policy = ref(read_routes(write_folder(tmp_path, files)).catalog, "plain").policy
    assert json_format.MessageToDict(policy, preserving_proto_field_name=True) == sent


def sent_for(
    request: router_pb2.GetSpecialistRequest, catalog: Catalog
) -> router_pb2.GetSpecialistResponse:
    return specialist_response(request, catalog, ref(catalog, request.route))


def test_a_shadows_own_prompt_is_sent_in_place_of_the_specialists(catalog: Catalog) -> None:
    ask = router_pb2.GetSpecialistRequest(route="review", shadow="monolith")
    sent = sent_for(ask, catalog)
    assert sent.prompt == "You know everything.\n"
    assert sent.specialist.prompt_sha256 == MONOLITH.prompt_sha256
    assert list(sent.specialist.models) == [FAST, SLOW]


def test_a_shadow_without_a_prompt_has_the_specialists(catalog: Catalog) -> None:
    ask = router_pb2.GetSpecialistRequest(route="review", shadow="cheaper")
    own = router_pb2.GetSpecialistRequest(route="review")
    assert sent_for(ask, catalog) == sent_for(own, catalog)
    assert sent_for(own, catalog).prompt == "You review code.\n"


@pytest.mark.parametrize(
    ("shadow", "known", "prompt"),
    [
        ("", "You review code.\n", ""),
        ("", "You know everything.\n", "You review code.\n"),
        ("monolith", "You know everything.\n", ""),
        ("monolith", "You review code.\n", "You know everything.\n"),
        ("cheaper", "You review code.\n", ""),
    ],
)
def test_a_prompt_is_left_out_where_the_caller_holds_the_one_asked_for(
    catalog: Catalog, shadow: str, known: str, prompt: str
) -> None:
    ask = router_pb2.GetSpecialistRequest(
        route="review", shadow=shadow, known_prompt_sha256=prompt_sha256(known)
    )
    assert sent_for(ask, catalog).prompt == prompt


def test_what_is_not_there_is_named(catalog: Catalog) -> None:
    with pytest.raises(UnknownShadowError, match="'cheaper'; it has elsewhere, monolith"):
        sent_for(router_pb2.GetSpecialistRequest(route="general", shadow="cheaper"), catalog)
    with pytest.raises(UnknownRouteError):
        sent_for(router_pb2.GetSpecialistRequest(route="poetry", shadow="cheaper"), catalog)
