"""Whom to call and how, from protobuf to the client's types."""

import math
from functools import lru_cache

import grpc

from waypost.v1 import contract_pb2
from waypost_client import _policy as p
from waypost_client import _specialist as s
from waypost_client._errors import InternalError
from waypost_client._names import name_of

pb = contract_pb2

MAX_CACHED = 64 * 1024
"""Bytes of a message that is remembered; of 512 larger ones a router could fill the memory."""


def specialist_ref_of(message: contract_pb2.SpecialistRef) -> s.SpecialistRef:
    """Whom to call; the same object for the same message, which one decision in two carries."""
    serialized = message.SerializeToString(deterministic=True)
    if len(serialized) > MAX_CACHED:
        return _specialist_ref.__wrapped__(serialized)
    return _specialist_ref(serialized)


@lru_cache(maxsize=512)
def _specialist_ref(serialized: bytes) -> s.SpecialistRef:
    message = contract_pb2.SpecialistRef.FromString(serialized)
    timeouts = message.timeouts
    return s.SpecialistRef(
        prompt_sha256=message.prompt_sha256,
        models=tuple(map(_model, message.models)),
        sampling=_sampling(message.sampling),
        timeouts=s.Timeouts(
            total_ms=timeouts.total_ms,
            first_token_ms=timeouts.first_token_ms,
            connect_ms=timeouts.connect_ms,
            call_ms=timeouts.call_ms,
        ),
        excluded_models=tuple(s.ExcludedModel(m.name, m.why) for m in message.excluded_models),
        policy=_policy(message.policy),
        shadows=tuple(map(_shadow, message.shadows)),
        helper_models=tuple(map(_model, message.helper_models)),
    )


def _sampling(message: contract_pb2.Sampling) -> s.Sampling:
    """How to sample; raises InternalError for numbers that no model can be sent in JSON."""
    if not (math.isfinite(message.temperature) and math.isfinite(message.top_p)):
        raise InternalError(grpc.StatusCode.INTERNAL, "the router sent a number that is not finite")
    return s.Sampling(
        temperature=message.temperature if message.HasField("temperature") else None,
        top_p=message.top_p if message.HasField("top_p") else None,
        max_output_tokens=message.max_output_tokens,
        stop=tuple(message.stop),
        seed=message.seed if message.HasField("seed") else None,
    )


def _model(message: contract_pb2.Model) -> s.Model:
    return s.Model(
        name=message.name,
        provider=message.provider,
        model_id=message.model_id,
        base_url=message.base_url,
        api_key_env=message.api_key_env,
        context_window_tokens=message.context_window_tokens,
        usd_per_mtok_in=message.usd_per_mtok_in,
        usd_per_mtok_out=message.usd_per_mtok_out,
        tags=tuple(message.tags),
        features=frozenset(message.features),
        retries=message.retries,
        breaker=p.Breaker(failures=message.breaker.failures, open_ms=message.breaker.open_ms),
        warm_up_after_ms=message.warm_up_after_ms,
    )


def _policy(message: contract_pb2.DispatchPolicy) -> p.DispatchPolicy:
    parallel, checks, guard = message.parallel, message.checks, message.guard
    return p.DispatchPolicy(
        pattern=p.Pattern(name_of(pb.Pattern, "PATTERN_", message.pattern)),
        max_calls=message.max_calls,
        not_idempotent=message.not_idempotent,
        speculative=message.speculative,
        parallel=p.ParallelPolicy(
            width=parallel.width,
            pick=p.Pick(name_of(pb.Pick, "PICK_", parallel.pick)),
            grace_ms=parallel.grace_ms,
        ),
        checks=p.OutputChecks(
            json_schema=checks.json_schema,
            regex=checks.regex,
            min_confidence=checks.min_confidence,
            judge=_judge(checks.judge) if checks.HasField("judge") else None,
        ),
        guard=p.OutputGuard(
            secrets=_action(guard.secrets),
            personal_data=_action(guard.personal_data),
            prompt_leak=_action(guard.prompt_leak),
        ),
    )


def _judge(message: contract_pb2.Judge) -> p.Judge:
    return p.Judge(
        model=message.model, min_score=message.min_score, instructions=message.instructions
    )


def _action(number: int) -> p.GuardAction:
    return p.GuardAction(name_of(pb.GuardAction, "GUARD_ACTION_", number))


def _shadow(message: contract_pb2.ShadowCandidate) -> p.ShadowCandidate:
    return p.ShadowCandidate(
        name=message.name,
        share=message.share,
        models=tuple(message.models),
        prompt_sha256=message.prompt_sha256,
        router_address=message.router_address,
    )
