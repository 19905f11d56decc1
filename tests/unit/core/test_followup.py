import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.followup import (
    FEATURES,
    LONGEST,
    READ,
    WEIGHTS,
    features_of,
    followup_log_odds,
)

SHORT = {"at most 3 words": 1.0, "at most 6 words": 1.0}

SEEN = {
    "Yes, please!": {**SHORT, "words": 0.2, "assent, share": 1, "nothing but assent": 1},
    "or in Java?": {**SHORT, "words": 0.3, "begins with and, or": 1},
    "That\u2019s fine, thanks": {
        **SHORT,
        "words": 0.3,
        "assent, share": 1,
        "nothing but assent": 1,
        "refers back": 1,
    },
    "what does it cost": {"words": 0.4, "at most 6 words": 1, "assent, share": 0.25}
    | {"refers back": 1},
    "what is the capital of France?": {"words": 0.6, "at most 6 words": 1, "assent, share": 1 / 3}
    | {"a question that refers to nothing": 1},
    "I need to find a cheap flight to Rome": {
        "words": 0.9,
        "assent, share": 1 / 9,
        "asks for something": 1,
        "the speaker": 1,
    },
}


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_of_a_text(text: str) -> None:
    expected = {"always": 1.0, **SEEN[text]}
    seen = {name: value for name, value in zip(FEATURES, features_of(text), strict=True) if value}
    assert seen == pytest.approx(expected)
    assert followup_log_odds(text) == pytest.approx(
        sum(WEIGHTS[FEATURES.index(name)] * value for name, value in expected.items())
    )


@pytest.mark.parametrize("text", ["", "  ", "?!", "👍", "---"])
def test_a_text_without_words_has_nothing_to_be_seen(text: str) -> None:
    assert features_of(text) == (1.0, *[0.0] * (len(FEATURES) - 1))


def test_of_a_huge_text_the_beginning_is_looked_at() -> None:
    huge = "why does it fail " * 100_000
    assert features_of(huge) == features_of(huge[:READ])
    assert features_of(huge)[FEATURES.index("words")] == LONGEST / 10


@pytest.mark.parametrize(
    ("follows", "stands_alone"),
    [
        ("yes please", "please review this pull request"),
        ("and in Java?", "how do I sort a list in Java?"),
        ("does it scale?", "does PostgreSQL scale?"),
        ("the second one", "the second world war"),
        ("thanks a lot, that works for me", "thanks, now I need to book a flight to Rome"),
    ],
)
def test_what_sounds_like_a_followup_has_the_better_odds(follows: str, stands_alone: str) -> None:
    assert followup_log_odds(follows) > followup_log_odds(stands_alone) + 0.5


@given(st.text())
def test_any_text_has_finite_odds(text: str) -> None:
    seen = features_of(text)
    assert len(seen) == len(WEIGHTS)
    assert all(0 <= value <= LONGEST / 10 for value in seen)
    assert abs(followup_log_odds(text)) < sum(map(abs, WEIGHTS)) * 2
