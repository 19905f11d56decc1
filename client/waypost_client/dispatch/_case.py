"""One query for one specialist."""

from dataclasses import dataclass

from waypost_client import Contract, Model, Pick, SpecialistRef
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._messages import Dialogue, Prompt, Role
from waypost_client.dispatch._output._guard import Context
from waypost_client.dispatch._prompt import prompt_for
from waypost_client.dispatch._providers._provider import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a specialist is asked, and by which policy.

    Attributes:
        query: the user's words.
        dialogue: what was said before.
        route: the specialist's route.
        ref: its models and policy.
        system: its system prompt.
        prompt: what its models are given.
        effort: how much they should think; None for their default.
        contract: the decision that led here; None while the router decides.
    """

    query: str
    dialogue: Dialogue
    route: str
    ref: SpecialistRef
    system: str
    prompt: Prompt
    effort: str | None = None
    contract: Contract | None = None

    @property
    def guard_context(self) -> Context:
        """What the output guard compares an answer with."""
        said = [m.text for m in self.dialogue.messages if m.role is Role.USER]
        return Context(user_texts=(*said, self.query), prompt=self.system)

    def limit_s(self, ledger: Ledger, sharers: int) -> float:
        """How long one call may take, in seconds: as the policy says, else a share of the rest."""
        call_ms = self.ref.timeouts.call_ms
        return min(call_ms / 1000 or ledger.time_left_s / sharers, ledger.time_left_s)

    def request(self, model: Model) -> ModelRequest:
        """The call of one of its models."""
        policy, connect_ms = self.ref.policy, self.ref.timeouts.connect_ms
        return ModelRequest(
            model=model,
            prompt=self.prompt,
            sampling=self.ref.sampling,
            effort=self.effort,
            json_schema=policy.checks.json_schema,
            may_escalate=True,
            wants_confidence=policy.checks.min_confidence > 0
            or policy.parallel.pick is Pick.CONFIDENCE,
            connect_timeout_s=connect_ms / 1000 if connect_ms else None,
        )


def case_of(
    query: str,
    dialogue: Dialogue,
    *,
    route: str,
    ref: SpecialistRef,
    system: str,
    contract: Contract | None = None,
) -> Case:
    """The case of a query for the specialist of `route`.

    What a decision extracted belongs to its own route, and no other specialist is told of it.
    """
    own = contract if contract and contract.route == route else None
    return Case(
        query=query,
        dialogue=dialogue,
        route=route,
        ref=ref,
        system=system,
        prompt=prompt_for(
            static=system,
            prompt_sha256=ref.prompt_sha256,
            params=own.extracted_params if own else {},
            dialogue=dialogue.messages,
            query=query,
        ),
        effort=own.hints.reasoning_effort if own else None,
        contract=contract,
    )
