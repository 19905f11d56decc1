"""Expressions by RE2, held against Python's, and those that would hang Python's."""

import random
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.adapters.re2_patterns import Re2Patterns, search_problem
from waypost_server.core.guard_signs import SIGNS

PATTERNS = [
    r"(?i)\bKeyError\b",
    r"(?m)^Traceback",
    r"exit (code|status) [1-9]\d{0,2}",
    r"[A-Z]{2,5}-\d+",
    r"^$",
    r"é+",
    r"\.py\z",
]


def test_each_matches_where_it_does_alone_in_python() -> None:
    rng = random.Random(1)  # noqa: S311
    pieces = ["KEYERROR", "\nTraceback", "exit code 17", "ABC-1", "é", " ", "x.py", "exit status 0"]
    alone = [re.compile(pattern.replace(r"\z", r"\Z"), re.ASCII) for pattern in PATTERNS]
    together = Re2Patterns(PATTERNS)
    for _ in range(300):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 4)))
        expected = [i for i, one in enumerate(alone) if one.search(text)]
        assert sorted(together.matching(text)) == expected, text


FOUND = ["ab", "é+", "🙂.b", "b|d"]


@given(st.text(alphabet="abcdé🙂 ", max_size=60))
def test_the_first_match_of_each_is_where_python_finds_it(text: str) -> None:
    wanted = [
        (at, *match.span())
        for at, pattern in enumerate(FOUND)
        if (match := re.search(pattern, text))
    ]
    assert Re2Patterns(FOUND).find(text) == wanted


def test_all_signs_of_the_guard_are_re2_with_names_of_their_own() -> None:
    Re2Patterns([sign.pattern for sign in SIGNS])
    assert len({sign.name for sign in SIGNS}) == len(SIGNS)


def test_an_expression_that_re2_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"invalid perl operator: \(\?="):
        Re2Patterns(["a", "(?=a)"])


def test_expressions_that_would_hang_a_backtracking_engine_answer() -> None:
    evil = [r"(a+)+b", r"(x+x+)+y", r"(a|a)*c", r"[ab]*a[ab]{100}c"]
    assert [search_problem(pattern) for pattern in evil] == [None] * 4
    together = Re2Patterns(evil)
    assert list(together.matching("a" * 8_192)) == []
    assert sorted(together.matching("a" * 8_000 + "b")) == [0]


def test_what_is_no_text_matches_nothing_in_particular() -> None:
    assert list(Re2Patterns([r"\bx\b"]).matching("\ud800 x")) == [0]
    assert list(Re2Patterns(["x"]).matching("")) == []
    assert Re2Patterns(["b"]).find("a\ud800b") == [(0, 2, 3)]


class Forgetful:
    """A set whose memory does not suffice: it says that nothing matches."""

    def Match(self, text: bytes) -> Sequence[int]:  # noqa: N802
        return []


def test_where_the_memory_of_all_does_not_suffice_each_is_asked() -> None:
    together = Re2Patterns(PATTERNS)
    together._set = Forgetful()
    assert list(together.matching("ABC-1: keyerror")) == [0, 3]
    assert together.find("ABC-1: keyerror") == [(0, 7, 15), (3, 0, 5)]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(?=x)", r"has what RE2 lacks: a look-around; match the text itself"),
        (r"(a)\1", r"has what RE2 lacks: a backreference; write the text out again"),
        ("(a", r"is refused by RE2: missing \): \(a; mend it"),
        ("x{2000}", r"has what RE2 lacks: more than 1,000 repetitions; write fewer"),
        ("(x{99}){99}", r"is refused by RE2: invalid repetition size: \{99\}; mend it"),
        (".{500}", r"is too large \(\d,\d{3} instructions, 1,000 at most\); repeat less"),
        (r"\pL{800}", r"is refused by RE2: pattern too large|is too large"),
    ],
)
def test_what_the_engine_refuses_is_told_with_a_cure(pattern: str, problem: str) -> None:
    assert re.search(problem, search_problem(pattern) or "")


def test_too_much_together_is_refused() -> None:
    each = [f"{i}.{{100}}" for i in range(10, 99)]
    assert {search_problem(pattern) for pattern in each} == {None}
    assert list(Re2Patterns(each).matching(f"a 42 {'x' * 98} b")) == [32]
    with pytest.raises(
        ValueError, match=r"too large \(\d{3},\d{3} instructions, 100,000 at most\)"
    ):
        Re2Patterns(each * 2)
