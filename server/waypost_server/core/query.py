"""A query and the limits that it must keep."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from waypost_server.core.clues import NO_CLUES, Clues
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.fields import check_bytes
from waypost_server.core.switches import NOTHING_OFF, Off

MAX_BATCH = 256
MAX_CANDIDATES = 32
DEFAULT_CANDIDATES = 3
MAX_ID_BYTES = 128
MAX_METADATA_ENTRIES = 32
MAX_METADATA_BYTES = 512
MAX_ROUTE_BYTES = 512

MAX_ROUTES_NAMED = 10_000
"""Routes that a query may name in a field: as many as there may well be."""

TURNS_READ = 16
"""Of a conversation, the last ones; what came before them is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What came before a query.

    Attributes:
        session_id: the caller's id of the conversation; empty for none.
        previous_route: where the last query went; empty for the first.
        recent_user_turns: the user's last turns, `TURNS_READ` at most, oldest first, without this
            one.
    """

    session_id: str = ""
    previous_route: str = ""
    recent_user_turns: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)  # without slots, for `changed`
class Query:
    """A text to be routed.

    Attributes:
        text: the text.
        request_id: the caller's own id.
        conversation: what came before.
        tenant: on whose behalf; empty for the default tenant.
        metadata: facts that rules may use.
        allowed_routes: routes that may be chosen; empty for all.
        rejected_routes: routes whose specialists rejected it, in their order; may not be chosen.
        input_tokens: tokens that the specialist will receive; 0 to estimate.
        max_candidates: candidates to return; 0 for `DEFAULT_CANDIDATES`.
        explain: whether to name each candidate's nearest exemplars.
        wait_for_log: whether the decision is to be in the log, on disk, before it is told.
        off: what was switched off when it came; may be neither chosen nor called.
        clues: what was found before it was encoded.
    """

    text: str
    request_id: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    tenant: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    allowed_routes: frozenset[str] = frozenset()
    rejected_routes: tuple[str, ...] = ()
    input_tokens: int = 0
    max_candidates: int = 0
    explain: bool = False
    wait_for_log: bool = False
    off: Off = NOTHING_OFF
    clues: Clues = NO_CLUES

    @property
    def relevant_text(self) -> str:
        """What is encoded and decided about: the text, without what only pretends to be of it."""
        return self.clues.relevant_text or self.text

    @property
    def candidate_count(self) -> int:
        """How many candidates to return, the default applied."""
        return self.max_candidates or DEFAULT_CANDIDATES

    def choosable(self, routes: Collection[str]) -> Collection[str]:
        """Those of `routes` that may be chosen."""
        if self.allowed_routes:
            routes = {name for name in self.allowed_routes if name in routes}
        ruled_out = self.clues.forbidden
        if self.rejected_routes or self.off.routes or ruled_out:
            return set(routes).difference(self.rejected_routes, self.off.routes, ruled_out)
        return routes


def check_counts(*, metadata: int, allowed_routes: int, rejected_routes: int = 0) -> None:
    """Raises InvalidQueryError when a request repeats something too often, before it is read."""
    if metadata > MAX_METADATA_ENTRIES:
        raise InvalidQueryError(
            f"metadata has {metadata:,} entries; the limit is {MAX_METADATA_ENTRIES}"
        )
    for field_name, count in (
        ("allowed_routes", allowed_routes),
        ("rejected_routes", rejected_routes),
    ):
        if count > MAX_ROUTES_NAMED:
            raise InvalidQueryError(
                f"{field_name} has {count:,} items; the limit is {MAX_ROUTES_NAMED:,}"
            )


def check_query(query: Query, *, max_text_bytes: int) -> None:
    """Raises InvalidQueryError, naming field and limit, unless `query` keeps every limit."""
    if not query.text.strip():
        raise InvalidQueryError("text is empty or blank; send a query with at least one character")
    check_bytes("text", query.text, max_text_bytes)
    check_bytes("request_id", query.request_id, MAX_ID_BYTES)
    check_bytes("tenant", query.tenant, MAX_ID_BYTES)
    check_bytes("conversation.session_id", query.conversation.session_id, MAX_ID_BYTES)
    check_bytes("conversation.previous_route", query.conversation.previous_route, MAX_ROUTE_BYTES)
    for turn in query.conversation.recent_user_turns:
        check_bytes("a recent user turn", turn, max_text_bytes)
    if query.max_candidates > MAX_CANDIDATES:
        raise InvalidQueryError(
            f"max_candidates is {query.max_candidates}; the limit is {MAX_CANDIDATES}"
        )
    check_counts(
        metadata=len(query.metadata),
        allowed_routes=len(query.allowed_routes),
        rejected_routes=len(query.rejected_routes),
    )
    for key, value in query.metadata.items():
        check_bytes("a metadata key", key, MAX_METADATA_BYTES)
        check_bytes("a metadata value", value, MAX_METADATA_BYTES)
