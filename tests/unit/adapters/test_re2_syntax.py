"""Compared with RE2 itself, which the server does without."""

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost_server.adapters.re2_syntax import re2_problem

REFUSED = {
    "(": "is no regular expression: missing ), unterminated subpattern at position 0; mend it",
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
    assert re2_problem(pattern) == problem
    with pytest.raises(re2.error):
        re2.compile(pattern)


def test_what_re2_would_take_literally_is_refused() -> None:
    assert re2_problem("a{,3}") == "has what RE2 lacks: {,3}; write {0,3}"
    assert re2.compile("^a{,3}$").search("aa") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "", r"^\d{4}-\d\d$", "(?i)yes|no", "(?P<x>a+?)", "(?:ab)*", r"[(?=\]\\1*+]",
        r"\(\?=", r"\\1",
        "[]a]", "[^]*+]", "a{1000}", "a{2,}?", "{", "a{b}", "(?s:.)", "(?i-s:.)", "é+", r"\x41",
    ],
)  # fmt: skip
def test_what_re2_takes_passes(pattern: str) -> None:
    assert re2_problem(pattern) is None
    re2.compile(pattern)


PIECES = [
    *"ab.^$|*+?-:=!<>(){}[]\\1Z,", "(?", "(?:", "(?P<n>", "(?P=n)", "(?<=", "{2}", "{1,3}",
    "\\d", "\\b", "\\u0041", "[^", "\\é", "(?i)", "\\\\", "\\]",
]  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_what_passes_is_taken_by_re2(pattern: str) -> None:
    if re2_problem(pattern) is None:
        re2.compile(pattern)
