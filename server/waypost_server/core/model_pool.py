"""A specialist's models, with what a choice among them needs worked out once."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from waypost_server.core.catalog import Catalog, Model, Route
from waypost_server.core.model_policy import Prefer
from waypost_server.core.query import Query
from waypost_server.core.token_estimate import SPARE, estimated_tokens

ASSUMED_OUTPUT_TOKENS = 1_024
"""Of an answer whose specialist sets no max_output_tokens: some 700 words."""

_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Member:
    """A model in a pool.

    Attributes:
        model: the model.
        tags: its tags.
        room: tokens that its window has left for a query.
        fixed_usd: what prompt and answer cost, in US dollars.
        has_price: whether it costs anything.
    """

    model: Model
    tags: frozenset[str]
    room: float
    fixed_usd: float
    has_price: bool

    def usd(self, tokens: int) -> float:
        """What an answer to a query of so many tokens may cost, in US dollars."""
        return self.fixed_usd + tokens * self.model.usd_per_mtok_in / _MILLION


@dataclass(frozen=True, slots=True)
class Pool:
    """What fleet.yaml does not switch off of a specialist's models.

    Attributes:
        route: whose specialist.
        members: in the route's order.
        helpers: its judge and its shadows' models that are no members, by name.
        prompt_tokens: of its system prompt.
        output_tokens: of an answer, at most.
        surely_fits: characters of a query that every member has room for.
        is_plain: whether the route says no more of its models than their order.
    """

    route: Route
    members: tuple[Member, ...]
    helpers: tuple[Member, ...]
    prompt_tokens: int
    output_tokens: int
    surely_fits: float
    is_plain: bool

    def has_room_for(self, query: Query) -> bool:
        """Whether a query surely fits every member, without counting its tokens."""
        return (
            len(query.text) <= self.surely_fits
            and not query.input_tokens
            and not query.conversation.recent_user_turns
        )


def pool_of(route: Route, catalog: Catalog) -> Pool:
    """A route's pool; takes as long as to estimate the tokens of its prompt."""
    specialist = route.specialist
    prompt = estimated_tokens(specialist.prompt)
    output = specialist.max_output_tokens or ASSUMED_OUTPUT_TOKENS

    def members_of(names: Iterable[str]) -> tuple[Member, ...]:
        models = (catalog.models[name] for name in names)
        return tuple(_member(model, prompt, output) for model in models if model.enabled)

    judge = specialist.policy.checks.judge
    helping = {judge.model} if judge else set[str]()
    helping.update(name for shadow in catalog.shadows_of(route) for name in shadow.models)
    members = members_of(dict.fromkeys(specialist.models))
    least = min((member.room for member in members), default=inf)
    return Pool(
        route=route,
        members=members,
        helpers=members_of(sorted(helping.difference(specialist.models))),
        prompt_tokens=prompt,
        output_tokens=output,
        surely_fits=(least - SPARE - 1) / 2,  # a character counts as two tokens at most
        is_plain=not specialist.requires
        and not specialist.max_latency_ms
        and specialist.prefer is Prefer.LISTED,
    )


def input_tokens(query: Query) -> int:
    """Tokens of a query: as its caller says, or else an estimate, with the turns before it."""
    if query.input_tokens:
        return query.input_tokens
    turns = query.conversation.recent_user_turns
    return estimated_tokens(query.text) + sum(map(estimated_tokens, turns))


def _member(model: Model, prompt: int, output: int) -> Member:
    paid = prompt * model.usd_per_mtok_in + output * model.usd_per_mtok_out
    return Member(
        model=model,
        tags=frozenset(model.tags),
        room=(model.context_window_tokens or inf) - prompt - output,
        fixed_usd=paid / _MILLION,
        has_price=bool(model.usd_per_mtok_in or model.usd_per_mtok_out),
    )
