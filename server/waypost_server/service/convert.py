"""Protobuf to core and back; no other module builds a contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct

from waypost import CONTRACT_VERSION
from waypost.v1 import contract_pb2, router_pb2
from waypost_server.core.breakers import NOTHING
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog, Hints, ReasoningEffort
from waypost_server.core.clues import Flag, FlagKind, Severity
from waypost_server.core.decision import PlanStep
from waypost_server.core.model_choice import Choice, ModelChoice
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import TURNS_READ, Conversation, Query, check_counts
from waypost_server.core.ranking import Candidate
from waypost_server.core.switches import NOTHING_OFF, Off
from waypost_server.service.chosen import AS_LISTED, Chosen
from waypost_server.service.pools import Pools
from waypost_server.service.routed import Routed, Timings
from waypost_server.service.specialists import specialist_ref

_OUTCOMES = {o: contract_pb2.Outcome.Value(f"OUTCOME_{o}") for o in Outcome}
_ACTIONS = {a: contract_pb2.Action.Value(f"ACTION_{a}") for a in Action}
_CALIBRATIONS = {
    method: contract_pb2.CalibrationMethod.Value(f"CALIBRATION_METHOD_{method}")
    for method in CalibrationMethod
}
_REASONS = {r: contract_pb2.Reason.Value(f"REASON_{r}") for r in Reason}
_STAGES = {stage: contract_pb2.DecisionStage.Value(f"DECISION_STAGE_{stage}") for stage in Stage}
_EFFORTS = {
    effort: contract_pb2.ReasoningEffort.Value(f"REASONING_EFFORT_{effort.upper()}")
    for effort in ReasoningEffort
}


_FLAGS = {kind: contract_pb2.FlagKind.Value(f"FLAG_KIND_{kind}") for kind in FlagKind}
_SEVERITIES = {one: contract_pb2.Severity.Value(f"SEVERITY_{one}") for one in Severity}


def query_of(
    request: router_pb2.RouteQueryRequest,
    rejected_routes: Sequence[str] = (),
    *,
    off: Off = NOTHING_OFF,
) -> Query:
    """The query that a request carries.

    Args:
        request: the request.
        rejected_routes: the routes that rejected it, in their order.
        off: what is switched off as it comes.

    Raises:
        InvalidQueryError: something is repeated too often to be read at all.
    """
    check_counts(
        metadata=len(request.metadata),
        allowed_routes=len(request.allowed_routes),
        rejected_routes=len(rejected_routes),
    )
    conversation = request.conversation
    return Query(
        text=request.text,
        request_id=request.request_id,
        conversation=Conversation(
            session_id=conversation.session_id,
            previous_route=conversation.previous_route,
            recent_user_turns=tuple(conversation.recent_user_turns[-TURNS_READ:]),
        ),
        tenant=request.tenant,
        metadata=dict(request.metadata),
        allowed_routes=frozenset(request.allowed_routes),
        rejected_routes=tuple(rejected_routes),
        input_tokens=request.input_tokens,
        max_candidates=request.max_candidates,
        explain=request.explain,
        wait_for_log=request.wait_for_log,
        off=off,
    )


@dataclass(frozen=True, slots=True)
class StageFacts:
    """What a contract says of the stage that decided."""

    calibration: CalibrationMethod
    encoder_fingerprint: str


class ContractWriter:
    """Writes contracts for one version of the routes; what a route always says is made once."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        index_version: str,
        stages: Mapping[Stage, StageFacts],
    ) -> None:
        self._index_version = index_version
        self._stages = stages
        self.specialists = Pools(
            {name: specialist_ref(route, catalog) for name, route in catalog.routes.items()}
        )
        self.choice = ModelChoice(catalog)
        self._hints = {name: _hints(route.hints) for name, route in catalog.routes.items()}

    def facts(self, stage: Stage) -> StageFacts:
        """What contracts say of a stage."""
        return self._stages[stage]

    def write(
        self,
        routed: Routed,
        left_out: Mapping[str, str] = NOTHING,
        chosen: Chosen = AS_LISTED,
    ) -> contract_pb2.HandoffContract:
        """The contract that hands `routed` to the client.

        Args:
            routed: the decision.
            left_out: why each model is left out for a while that is.
            chosen: the models that policy chose; it knows of those.
        """
        decision, facts = routed.decision, self._stages[routed.stage]
        best = decision.candidates[0] if decision.candidates else None
        shown = decision.candidates[: routed.query.candidate_count]
        return contract_pb2.HandoffContract(
            decision_id=routed.decision_id,
            outcome=_OUTCOMES[decision.outcome],
            action=_ACTIONS[decision.action],
            reasons=[_REASONS[reason] for reason in decision.reasons],
            route=decision.route.name,
            confidence=best.confidence if best else 0.0,
            similarity=best.similarity if best else 0.0,
            threshold=best.threshold if best else 0.0,
            extracted_params=_struct(decision.params),
            missing_params=decision.missing_params,
            fallback_route=decision.fallback_route,
            rationale=decision.rationale,
            clarifying_question=decision.clarifying_question,
            candidates=[_candidate(c, explain=routed.query.explain) for c in shown],
            # Who does not look at the action must find nobody to call.
            specialist=None
            if decision.action is Action.REFUSE
            else self.specialist(decision.route.name, chosen.choice, left_out, routed.query.off),
            plan=[
                self._step(number, step, chosen.step(number - 1), left_out, routed.query.off)
                for number, step in enumerate(decision.plan, start=1)
            ],
            hints=_hints(decision.hints) if decision.hints else self._hints[decision.route.name],
            flags=[_flag(flag) for flag in routed.query.clues.flags],
            index_version=self._index_version,
            contract_version=CONTRACT_VERSION,
            encoder_fingerprint=facts.encoder_fingerprint,
            timings=_timings(routed.timings),
            calibration=_CALIBRATIONS[facts.calibration],
            stage=_STAGES[routed.stage],
        )

    def _step(
        self,
        number: int,
        step: PlanStep,
        choice: Choice | None,
        left_out: Mapping[str, str],
        off: Off,
    ) -> contract_pb2.PlanStep:
        return contract_pb2.PlanStep(
            step=number,
            route=step.route.name,
            text=step.text,
            depends_on=[position + 1 for position in step.depends_on],
            confidence=step.confidence,
            specialist=self.specialist(step.route.name, choice, left_out, off),
            extracted_params=_struct(step.params),
        )

    def specialist(
        self, route: str, choice: Choice | None, left_out: Mapping[str, str], off: Off
    ) -> contract_pb2.SpecialistRef:
        """Whom to call for a route: as chosen, or else as breakers and switches say."""
        if choice is None:
            return self.specialists.of(route, left_out, off=off.models)
        return self.specialists.chosen(route, choice)


def _struct(values: Mapping[str, Any]) -> Struct:
    """Present though empty, so that JSON names it."""
    struct = Struct()
    for name, value in values.items():
        if isinstance(value, str):  # as most are: what `update` comes to
            struct.fields[name].string_value = value
        else:
            struct.update({name: value})
    return struct


def _flag(flag: Flag) -> contract_pb2.Flag:
    return contract_pb2.Flag(
        kind=_FLAGS[flag.kind],
        start=flag.start,
        end=flag.end,
        severity=_SEVERITIES[flag.severity],
        detector=flag.detector,
    )


def _hints(hints: Hints) -> contract_pb2.Hints | None:
    if hints == Hints():
        return None
    message = contract_pb2.Hints(needs_retrieval=hints.needs_retrieval)
    if hints.reasoning_effort:
        message.reasoning_effort = _EFFORTS[hints.reasoning_effort]
    return message


def _candidate(candidate: Candidate, *, explain: bool) -> contract_pb2.Candidate:
    nearest = candidate.nearest if explain else ()
    return contract_pb2.Candidate(
        route=candidate.route,
        confidence=candidate.confidence,
        similarity=candidate.similarity,
        threshold=candidate.threshold,
        score=candidate.score,
        nearest_exemplars=[
            contract_pb2.NearestExemplar(text=exemplar.text, similarity=exemplar.similarity)
            for exemplar in nearest
        ],
    )


def _timings(timings: Timings) -> contract_pb2.Timings:
    return contract_pb2.Timings(
        queue_us=timings.queue_ns // 1000,
        encode_us=timings.encode_ns // 1000,
        search_us=timings.search_ns // 1000,
        decide_us=timings.decide_ns // 1000,
        total_us=timings.total_ns // 1000,
    )
