import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.query import (
    MAX_CANDIDATES,
    MAX_ID_BYTES,
    MAX_METADATA_BYTES,
    MAX_METADATA_ENTRIES,
    MAX_ROUTE_BYTES,
    TURNS_READ,
    Conversation,
    Query,
    check_query,
)

LIMIT = 40

LONGEST = Query(
    text="ß" * (LIMIT // 2),
    request_id="r" * MAX_ID_BYTES,
    tenant="t" * MAX_ID_BYTES,
    conversation=Conversation(
        session_id="s" * MAX_ID_BYTES,
        previous_route="r" * MAX_ROUTE_BYTES,
        recent_user_turns=("t" * LIMIT,) * TURNS_READ,
    ),
    metadata={
        f"{i:0{MAX_METADATA_BYTES}}": "v" * MAX_METADATA_BYTES for i in range(MAX_METADATA_ENTRIES)
    },
    max_candidates=MAX_CANDIDATES,
)

BROKEN = {
    "text is empty or blank": Query(text=""),
    "text is empty or blank;": Query(text=" \t\n\u00a0\u3000"),
    "text is 42 bytes in UTF-8; the limit is 40": Query(text="ß" * 21),
    "request_id is 129 bytes in UTF-8; the limit is 128": Query(text="x", request_id="r" * 129),
    "tenant is 130 bytes in UTF-8; the limit is 128": Query(text="x", tenant="é" * 65),
    "conversation.session_id is 129 bytes in UTF-8; the limit is 128": Query(
        text="x", conversation=Conversation(session_id="s" * 129)
    ),
    "conversation.previous_route is 513 bytes in UTF-8; the limit is 512": Query(
        text="x", conversation=Conversation(previous_route="r" * 513)
    ),
    "a recent user turn is 41 bytes in UTF-8; the limit is 40": Query(
        text="x", conversation=Conversation(recent_user_turns=("x", "t" * 41))
    ),
    "allowed_routes has 10,001 items; the limit is 10,000": Query(
        text="x", allowed_routes=frozenset(map(str, range(10_001)))
    ),
    "rejected_routes has 10,001 items; the limit is 10,000": Query(
        text="x", rejected_routes=("r",) * 10_001
    ),
    "max_candidates is 33; the limit is 32": Query(text="x", max_candidates=33),
    "metadata has 33 entries; the limit is 32": Query(
        text="x", metadata={str(i): "" for i in range(33)}
    ),
    "a metadata key is 513 bytes in UTF-8; the limit is 512": Query(
        text="x", metadata={"k" * 513: ""}
    ),
    "a metadata value is 513 bytes in UTF-8; the limit is 512": Query(
        text="x", metadata={"k": "v" * 513}
    ),
    "text has a lone surrogate at character 2": Query(text="ab\ud800"),
}


def test_a_query_at_every_limit_is_accepted() -> None:
    check_query(LONGEST, max_text_bytes=LIMIT)


@pytest.mark.parametrize(("message", "query"), BROKEN.items())
def test_one_past_a_limit_is_refused_naming_field_and_limit(message: str, query: Query) -> None:
    with pytest.raises(InvalidQueryError) as error:
        check_query(query, max_text_bytes=LIMIT)
    assert message in str(error.value)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_exactly_the_texts_with_a_visible_character_and_few_enough_bytes_are_accepted(
    text: str,
) -> None:
    allowed = not text.isspace() and len(text.encode("utf-8")) <= LIMIT
    try:
        check_query(Query(text=text), max_text_bytes=LIMIT)
    except InvalidQueryError:
        accepted = False
    else:
        accepted = True
    assert accepted == allowed


def test_an_error_never_repeats_the_query() -> None:
    secret = "my password is hunter2 " * 3
    with pytest.raises(InvalidQueryError) as error:
        check_query(Query(text=secret, tenant=secret), max_text_bytes=LIMIT)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(("asked", "given_"), [(0, 3), (1, 1), (32, 32)])
def test_zero_candidates_means_the_default_of_three(asked: int, given_: int) -> None:
    assert Query(text="x", max_candidates=asked).candidate_count == given_
