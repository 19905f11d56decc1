"""Policies as protobuf."""

from waypost.v1 import contract_pb2
from waypost_server.core.policy import (
    Breaker,
    Checks,
    Guard,
    GuardAction,
    Judge,
    Parallel,
    Pattern,
    Pick,
    Policy,
)

_PATTERNS = {p: contract_pb2.Pattern.Value(f"PATTERN_{p.upper()}") for p in Pattern}
_PICKS = {p: contract_pb2.Pick.Value(f"PICK_{p.upper()}") for p in Pick}
_GUARD_ACTIONS = {
    action: contract_pb2.GuardAction.Value(f"GUARD_ACTION_{action.upper()}")
    for action in GuardAction
}


def policy_message(policy: Policy) -> contract_pb2.DispatchPolicy | None:
    """The policy; None where all is as a client does it unasked."""
    if policy == Policy():
        return None
    return contract_pb2.DispatchPolicy(
        pattern=_PATTERNS[policy.pattern],
        max_calls=policy.max_calls,
        not_idempotent=not policy.idempotent,
        speculative=policy.speculative,
        parallel=_parallel(policy.parallel) if policy.pattern is Pattern.PARALLEL else None,
        checks=_checks(policy.checks) if policy.checks != Checks() else None,
        guard=_guard(policy.guard) if policy.guard != Guard() else None,
    )


def breaker_message(breaker: Breaker) -> contract_pb2.Breaker | None:
    """The breaker; None where it is as a client has it unasked."""
    if breaker == Breaker():
        return None
    return contract_pb2.Breaker(failures=breaker.failures, open_ms=breaker.open_ms)


def _parallel(parallel: Parallel) -> contract_pb2.ParallelPolicy:
    return contract_pb2.ParallelPolicy(
        width=parallel.width, pick=_PICKS[parallel.pick], grace_ms=parallel.grace_ms
    )


def _checks(checks: Checks) -> contract_pb2.OutputChecks:
    return contract_pb2.OutputChecks(
        json_schema=checks.json_schema,
        regex=checks.regex,
        min_confidence=checks.min_confidence,
        judge=_judge(checks.judge) if checks.judge else None,
    )


def _judge(judge: Judge) -> contract_pb2.Judge:
    return contract_pb2.Judge(
        model=judge.model, min_score=judge.min_score, instructions=judge.instructions
    )


def _guard(guard: Guard) -> contract_pb2.OutputGuard:
    return contract_pb2.OutputGuard(
        secrets=_GUARD_ACTIONS[guard.secrets],
        personal_data=_GUARD_ACTIONS[guard.personal_data],
        prompt_leak=_GUARD_ACTIONS[guard.prompt_leak],
    )
