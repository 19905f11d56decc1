"""Who pays when a language model is asked on behalf of a query: the query's tenant.

As with answers: a call is made if what it may cost is left of the tenant's budget; that is set
apart while it is under way, and what it did cost takes its place.
"""

from collections.abc import Callable
from dataclasses import dataclass

from waypost_server.core.budgets import Budgets
from waypost_server.core.catalog import Model, Taxonomy
from waypost_server.core.consultation import Purpose
from waypost_server.core.language_model import Prompt, Said
from waypost_server.core.model_policy import Budget, policy_of
from waypost_server.core.query import Query
from waypost_server.core.shared_budgets import Cost
from waypost_server.core.token_estimate import estimated_tokens

Settle = Callable[[float], None]
"""Is told what a call cost, in US dollars."""

_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose budget a call is on.

    Attributes:
        decision_id: of the decision that it is made for.
        tenant: whose section of taxonomy.yaml holds.
        budget: what it says.
    """

    decision_id: str
    tenant: str
    budget: Budget


class Paying:
    """Keeps tenants' accounts of such calls; thread-safe."""

    def __init__(self, budgets: Budgets, *, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` lets processes agree on budgets again soon."""
        self._budgets = budgets
        self._wake = wake

    def reserve(self, payer: Payer | None, purpose: Purpose, usd: float) -> Settle | None:
        """Sets apart what a call may cost.

        Returns:
            What is to be told at its end what it did cost; None: too little is left, make no call.
        """
        if payer is None or not usd:
            return _nothing
        # The answer's own reservation has the decision's name.
        name = f"{payer.decision_id}/{purpose}"
        if usd > self._budgets.left(payer.tenant, payer.budget):
            if self._budgets.lacked(payer.tenant, usd):
                self._wake()
            return None
        if self._budgets.reserve(name, payer.tenant, usd):
            self._wake()

        def settle(cost_usd: float) -> None:
            if self._budgets.settle(Cost(name, cost_usd)):
                self._wake()

        return settle


def payer_of(decision_id: str, query: Query, taxonomy: Taxonomy) -> Payer | None:
    """Whose budget the calls for a query are on; None where its tenant has none."""
    tenant, policy = policy_of(query.tenant, taxonomy.tenants)
    return Payer(decision_id, tenant, policy.budget) if policy.budget else None


def most_usd(model: Model, prompt: Prompt, *, max_tokens: int) -> float:
    """What a call may cost, in US dollars."""
    if not (model.usd_per_mtok_in or model.usd_per_mtok_out):
        return 0.0
    read = estimated_tokens(prompt.system) + estimated_tokens(prompt.user)
    return _usd(model, read, max_tokens)


def usd_of(model: Model, said: Said, *, otherwise: float) -> float:
    """What a call that was answered cost, in US dollars; `otherwise` where nobody says."""
    if not (said.input_tokens or said.output_tokens):
        return otherwise
    return _usd(model, said.input_tokens, said.output_tokens)


def _usd(model: Model, read: int, written: int) -> float:
    return (read * model.usd_per_mtok_in + written * model.usd_per_mtok_out) / _MILLION


def _nothing(cost_usd: float) -> None:
    """Is told what is on nobody's budget."""
