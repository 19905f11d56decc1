import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._output._leak import leaks_of

PROMPT = (
    "You are the billing specialist of Acme Bank. Never promise a refund before the second "
    "line has agreed, and always name the invoice number in the first sentence of the answer."
)
CHINESE = "你是银行的账单专家。" + "".join(chr(0x4E00 + 37 * n) for n in range(100))


def leaked(prompt: str, text: str) -> list[str]:
    return [text[start:end] for start, end in leaks_of(prompt).spans(text)]


def test_twelve_words_in_a_row_leak_and_eleven_do_not() -> None:
    words = PROMPT.split()

    assert leaked(PROMPT, "It says: " + " ".join(words[3:15]) + " ok") == [" ".join(words[3:15])]
    assert leaked(PROMPT, "It says: " + " ".join(words[3:14]) + " ok") == []


def test_case_punctuation_and_line_breaks_hide_nothing() -> None:
    disguised = "- " + "\n- ".join(PROMPT.upper().replace(".", " !").split())

    assert leaked(PROMPT, disguised) == [disguised[2:-4]]


def test_full_width_letters_hide_nothing() -> None:
    wide = re.sub("[a-z]", lambda found: chr(ord(found[0]) + 0xFEE0), PROMPT)

    assert leaked(PROMPT, wide) == [wide.rstrip(".")]


@pytest.mark.parametrize(("length", "leaks"), [(80, True), (79, False)])
def test_eighty_characters_of_a_script_without_blanks_leak(length: int, leaks: bool) -> None:
    passage = CHINESE[10 : 10 + length]

    assert leaked(CHINESE, f"好的: {passage[:40]}\n{passage[40:]}!") == (
        [f"{passage[:40]}\n{passage[40:]}"] if leaks else []
    )


def test_a_short_prompt_cannot_leak() -> None:
    assert leaked("Answer in French.", "Answer in French. " * 10) == []
    assert leaked("", "Anything") == []


VOCABULARY = st.sampled_from(["a", "B", "c.", "the", "über", "I\u0307", "x_1"])
WORDS = st.lists(VOCABULARY, max_size=40).map(" ".join)


@given(
    prompt=WORDS,
    parts=st.lists(st.one_of(WORDS, st.tuples(st.integers(0, 30), st.integers(0, 30))), max_size=4),
)
def test_it_is_what_comparing_all_with_all_gives(
    prompt: str, parts: list[str | tuple[int, int]]
) -> None:
    said = prompt.split()
    text = " ".join(
        part if isinstance(part, str) else " ".join(said[part[0] :][: part[1]]) for part in parts
    )

    def words(of: str) -> list[str]:
        return [word.casefold() for word in re.findall(r"\w+", of)]

    ours, theirs = words(text), words(prompt)
    passages = [theirs[at : at + 12] for at in range(len(theirs) - 11)]
    expected = [
        any(ours[max(0, start) : start + 12] in passages for start in range(at - 11, at + 1))
        for at in range(len(ours))
    ]
    places = [found.start() for found in re.finditer(r"\w+", text)]
    spans = leaks_of(prompt).spans(text)

    assert [any(start <= at < end for start, end in spans) for at in places] == expected
