"""How a candidate answers: the way of a live query, with what it does differently put in."""

from dataclasses import dataclass, replace

import grpc

from waypost_client import (
    Action,
    AttemptRole,
    Contract,
    Model,
    Pattern,
    ShadowCandidate,
    Specialist,
    SpecialistRef,
    WaypostError,
)
from waypost_client.dispatch._asking import Done, OneModel
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._showing import Sink
from waypost_client.dispatch._question import Question
from waypost_client.dispatch._reports import Report, Reporter
from waypost_client.dispatch._router import Prompts, Rejection, Router
from waypost_client.dispatch._shadow._side import LeftOutError
from waypost_client.dispatch._specialists import Specialists


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a candidate plays in place of a live specialist.

    Attributes:
        candidate: what it does differently.
        contract: the live decision.
        models: its own models that may be called; empty for those of the specialist.
        not_callable: models that it names and that may not be called now.
    """

    candidate: ShadowCandidate
    contract: Contract
    models: tuple[Model, ...]
    not_callable: tuple[str, ...]

    def check(self) -> None:
        """Raises LeftOutError when it cannot be played at all."""
        if self.candidate.models and not self.models:
            raise LeftOutError("not_callable")

    def played(self, contract: Contract) -> Contract:
        """A decision with the candidate in the specialist's place."""
        ref = contract.specialist
        if self.candidate.models:
            ref = replace(_in_turn(ref), models=self.models)
        if self.candidate.prompt_sha256:
            ref = replace(ref, prompt_sha256=self.candidate.prompt_sha256)
        return replace(contract, specialist=ref)


def part_of(candidate: ShadowCandidate, contract: Contract) -> Part:
    """The part of a candidate beside a live decision."""
    ref = contract.specialist
    known = {model.name: model for model in (*ref.helper_models, *ref.models)}
    return Part(
        candidate=candidate,
        contract=contract,
        models=tuple(known[name] for name in candidate.models if name in known),
        not_callable=tuple(name for name in candidate.models if name not in known),
    )


def _in_turn(ref: SpecialistRef) -> SpecialistRef:
    """The specialist with its models asked in turn, in the order of the candidate."""
    policy = replace(ref.policy, pattern=Pattern.FAILOVER)
    if ref.policy.picks_by_judge:  # it compares answers, and has no score that one must reach
        policy = replace(policy, checks=replace(policy.checks, judge=None))
    return replace(ref, policy=policy)


class SameDecision:
    """The live decision stands, and there is no other: the router is not asked on trial."""

    def __init__(self, part: Part) -> None:
        self._part = part

    async def decide(
        self, question: Question, *, timeout_s: float, after: Rejection | None = None
    ) -> Contract:
        """The live decision, the candidate in it; raises LeftOutError, WaypostError `after` it."""
        if after:
            raise WaypostError(grpc.StatusCode.UNIMPLEMENTED, "a shadow run is not routed again")
        self._part.check()
        if self._part.contract.action in (Action.CLARIFY, Action.REFUSE):
            raise LeftOutError("no_specialist")
        return self._part.played(self._part.contract)


class OtherDecisions:
    """Another router decides, and the candidate plays its part in what follows."""

    def __init__(self, router: Router, part: Part) -> None:
        self._router = router
        self._part = part

    async def decide(
        self, question: Question, *, timeout_s: float, after: Rejection | None = None
    ) -> Contract:
        """The other router's decision, the candidate in it; raises LeftOutError."""
        self._part.check()
        contract = await self._router.decide(question, timeout_s=timeout_s, after=after)
        return self._part.played(contract)


class CandidatesPrompts:
    """The candidate's prompt from the live router; all others from the router that decides."""

    def __init__(self, live: Specialists, decides: Prompts, part: Part) -> None:
        self._live = live
        self._decides = decides
        self._part = part

    async def prompt(self, route: str, prompt_sha256: str) -> str:
        """The system prompt with this hash."""
        own = self._part.candidate
        if own.prompt_sha256 and own.prompt_sha256 == prompt_sha256:
            live_route = self._part.contract.route
            return await self._live.prompt(live_route, prompt_sha256, shadow=own.name)
        return await self._decides.prompt(route, prompt_sha256)

    async def specialist(self, route: str) -> Specialist:
        """A route's specialist as it is now: a fallback is nobody's candidate."""
        return await self._decides.specialist(route)


class OnTrial(OneModel):
    """Asks models for answers that nobody sees, unless their calls have effects."""

    async def ask(
        self,
        case: Case,
        model: Model,
        ledger: Ledger,
        sink: Sink | None,
        *,
        models_left: int = 1,
        role: AttemptRole = AttemptRole.ANSWER,
    ) -> Done:
        """As OneModel; raises LeftOutError where a step would be made twice."""
        if case.ref.policy.not_idempotent:
            raise LeftOutError("not_idempotent")
        return await super().ask(case, model, ledger, sink, models_left=models_left, role=role)


class Silent(Reporter):
    """What becomes of a candidate is not the live decision's outcome."""

    def put(self, report: Report) -> None:
        """Nothing follows."""
