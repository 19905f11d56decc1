"""Where queries are taken apart."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.parts import LONGEST, MOST_BOUNDARIES, MOST_PARTS, Part, Splitter

SPLITTER = Splitter()


def said(text: str, splitter: Splitter = SPLITTER) -> list[str]:
    return [part.of(text) for part in splitter.parts(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "review this, explain the trade-offs, then write the docs",
            ["review this", "explain the trade-offs", "write the docs"],
        ),
        ("play jazz and order pizza", ["play jazz", "order pizza"]),
        ("what time is it? play jazz.", ["what time is it?", "play jazz"]),
        ("play jazz; order pizza\ncall mum", ["play jazz", "order pizza", "call mum"]),
        ("play jazz, and then, also, order pizza", ["play jazz", "order pizza"]),
        ("Play jazz AND THEN order pizza", ["Play jazz", "order pizza"]),
        ("1. play jazz\n2. order pizza", ["play jazz", "order pizza"]),
        ("- play jazz\n- order pizza", ["play jazz", "order pizza"]),
        ("play jazz and\n   then order pizza", ["play jazz", "order pizza"]),
        # 你好吗? 放音乐吧: no blanks between words, none after the mark
        (
            "\u4f60\u597d\u5417\uff1f\u653e\u97f3\u4e50",
            ["\u4f60\u597d\u5417\uff1f", "\u653e\u97f3\u4e50"],
        ),
    ],
)
def test_a_query_is_taken_apart_where_a_request_may_end(text: str, parts: list[str]) -> None:
    assert said(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "play some jazz",
        "hi, play jazz",
        "play jazz, thanks",
        "wake me at 7 p.m. on monday",
        "see e.g. the manual by dr. who",
        "the answer is 3.5 or 1,000",
        'say "play jazz, then order pizza"',
        "explain `a, b and c` please",
        "explain ```play jazz. order pizza``` please",
        "play jazz (and order pizza, too) loudly",
        "understand the sandwich",
        "main.py\n  File 'x', line 6\n    run()\nwhat is wrong? and how do I fix it?",
        "goroutine 1 [running]:\nmain.main()\n\t/tmp/x.go:9\nwhat is it, and how do I fix it?",
        "$ git push\nerror: failed to push some refs\nwhat is wrong? what should I do?",
        "",
        "...",
        ", and then",
    ],
)
def test_a_query_stays_whole_where_nothing_ends_or_a_part_would_be_a_word(text: str) -> None:
    assert said(text) == []


def test_a_part_knows_how_clear_the_boundary_before_it_is_and_whether_it_waits() -> None:
    text = "play jazz, order pizza. call mum, then go home and also sleep well"
    assert [(p.of(text), p.strong, p.follows) for p in SPLITTER.parts(text)] == [
        ("play jazz", False, False),
        ("order pizza", False, False),
        ("call mum", True, False),
        ("go home", True, True),
        ("sleep well", True, False),
    ]


def test_a_word_alone_goes_to_what_follows_it_and_the_last_to_what_stands_before() -> None:
    assert said("first, play jazz. please, order pizza. thanks") == [
        "first, play jazz",
        "please, order pizza. thanks",
    ]


def test_of_too_many_parts_those_with_clear_boundaries_are_left() -> None:
    words = ["play jazz", "order pizza", "call mum", "go home", "sleep well", "wake up"]
    assert len(said(", ".join(words))) == MOST_PARTS
    assert said(f"{', '.join(words)}, eat well. stay there") == [
        f"{', '.join(words)}, eat well",
        "stay there",
    ]
    assert said(". ".join([*words, "eat well"])) == []


def test_other_connectives_may_be_told() -> None:
    german = Splitter(("und dann",))
    text = "pr\u00fcf den Code und dann schreib die Doku"
    assert said(text) == []
    assert [(p.of(text), p.strong) for p in german.parts(text)] == [
        ("pr\u00fcf den Code", False),
        ("schreib die Doku", True),
    ]
    assert said("play (jazz) a+b x", Splitter(("a+b",))) == []  # a word is no pattern


def test_long_texts_and_lists_are_not_looked_at() -> None:
    text = "play jazz and order pizza "
    assert said(text + "x" * (LONGEST - len(text)))
    assert not said(text + "x" * (LONGEST - len(text) + 1))
    assert not said("ab cd, " * (MOST_BOUNDARIES + 1))


@given(
    st.lists(
        st.sampled_from(
            [*string.punctuation, " ", "\n", "and", "then", "also", "play", "jazz", "```", "\u3002"]
        ),
        max_size=60,
    ).map("".join)
)
def test_parts_are_stretches_in_order_whatever_the_text_is(text: str) -> None:
    parts = SPLITTER.parts(text)
    assert len(parts) != 1
    assert len(parts) <= MOST_PARTS
    end = 0
    for part in parts:
        assert end <= part.start < part.end <= len(text)
        assert part.of(text) == part.of(text).strip()
        end = part.end


def test_a_stretch_keeps_how_its_first_part_begins() -> None:
    first, last = Part(3, 5, strong=True, follows=True), Part(7, 9)
    assert first.to(last) == Part(3, 9, strong=True, follows=True)
