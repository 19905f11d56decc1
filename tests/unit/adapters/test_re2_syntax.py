"""What is said of expressions, compared with what RE2 itself makes of them."""

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost_server.adapters.re2_patterns import pattern_problem

REFUSED = {
    "(": "is refused by RE2: missing ): (; mend it",
    r"a(?=b)": "has what RE2 lacks: a look-around; match the text itself",
    r"a(?!b)": "has what RE2 lacks: a look-around; match the text itself",
    r"(?<=a)b": "has what RE2 lacks: a look-around; match the text itself",
    r"(?<!a)b": "has what RE2 lacks: a look-around; match the text itself",
    r"(a)\1": "has what RE2 lacks: a backreference; write the text out again",
    r"(?P<x>a)(?P=x)": "has what RE2 lacks: a backreference; write the text out again",
    r"(a)?(?(1)b|c)": "has what RE2 lacks: a condition; write the alternatives out with |",
    r"(?>a)": "has what RE2 lacks: an atomic group; write a plain one",
    r"(?#why)a": "has what RE2 lacks: a comment; write it beside the expression",
    r"(?x) a": "has what RE2 lacks: the flags x; use i, m and s alone",
    r"(?a:\w)": "has what RE2 lacks: the flags a; use i, m and s alone",
    r"a*+b": "has what RE2 lacks: a possessive repetition; write a plain one",
    r"a{1,2}+b": "has what RE2 lacks: a possessive repetition; write a plain one",
    r"a{1001}": "has what RE2 lacks: more than 1,000 repetitions; write fewer",
    r"a{2,1001}": "has what RE2 lacks: more than 1,000 repetitions; write fewer",
    r"a\Z": r"has what RE2 lacks: \Z; write $ for the end",
    r"[\b]": "has what RE2 lacks: an escape that names a character; write the character itself or "
    r"\x",
    r"\é": r"has what RE2 lacks: \é; write é",
    r"[\é]": r"has what RE2 lacks: \é; write é",
    "\\u00e9": "has what RE2 lacks: an escape that names a character; write the character itself "
    r"or \x",
}


@pytest.mark.parametrize(("pattern", "problem"), REFUSED.items(), ids=REFUSED)
def test_what_re2_refuses_is_refused_with_the_cure(pattern: str, problem: str) -> None:
    assert pattern_problem(pattern) == problem
    with pytest.raises(re2.error):
        re2.compile(pattern)


def test_what_re2_would_take_literally_is_refused() -> None:
    assert pattern_problem("a{,3}") == "has what is plain text to RE2: {,3}; write {0,3}"
    assert re2.compile("^a{,3}$").search("aa") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "", r"^\d{4}-\d\d$", "(?i)yes|no", "(?P<x>a+?)", "(?:ab)*", r"[(?=\]\\1*+]",
        r"\(\?=", r"\\1",
        r"\pL\z", "[[:alpha:]{,3}]", "a{00002}",
        "[]a]", "[^]*+]", "a{1000}", "a{2,}?", "{", "a{b}", "(?s:.)", "(?i-s:.)", "é+", r"\x41",
    ],
)  # fmt: skip
def test_what_re2_takes_passes(pattern: str) -> None:
    assert pattern_problem(pattern) is None
    re2.compile(pattern)


PIECES = [
    *"ab.^$|*+?-:=!<>(){}[]\\1Z,", "(?", "(?:", "(?P<n>", "(?P=n)", "(?<=", "{2}", "{1,3}",
    "\\d", "\\b", "\\u0041", "[^", "\\é", "(?i)", "\\\\", "\\]",
]  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_what_passes_is_taken_by_re2_and_what_it_lacks_is_not(pattern: str) -> None:
    problem = pattern_problem(pattern)
    if problem is None or problem.startswith("has what is plain text"):
        re2.compile(pattern)
    else:
        with pytest.raises(re2.error):
            re2.compile(pattern)


def test_a_count_of_any_length_is_read() -> None:
    problem = pattern_problem(f"a{{{'9' * 9000}}}(?=b)")
    assert problem == "has what RE2 lacks: more than 1,000 repetitions; write fewer"
