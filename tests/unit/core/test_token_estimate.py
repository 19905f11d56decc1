"""The estimate of tokens is on the safe side, and not absurdly so."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from waypost_server.core.token_estimate import estimated_tokens

DATA = ("clinc150/val.jsonl", "banking77/train.jsonl", "hwu64/val.jsonl", "snips/val.jsonl")


@pytest.fixture(scope="module")
def tokenizer(encoder_folder: Path) -> Tokenizer:
    """The shipped one, of word pieces, without a limit."""
    found = Tokenizer.from_file(str(encoder_folder / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("name", DATA)
def test_of_queries_it_is_under_the_tokenizers_count_in_one_of_200_and_on_average_within_70_percent(
    repo: Path, tokenizer: Tokenizer, name: str
) -> None:
    path = repo / "../shared/data" / name
    if not path.exists():
        pytest.skip(f"needs {name}")
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()][:1_000]
    counts = [(estimated_tokens(text), count(tokenizer, text)) for text in texts]
    assert sum(estimate < exact for estimate, exact in counts) <= len(texts) / 200
    assert 1.0 < sum(e for e, _ in counts) / sum(c for _, c in counts) < 1.7


def test_of_code_and_prompts_it_is_never_under_and_half_too_many_on_average(
    repo: Path, tokenizer: Tokenizer
) -> None:
    files = [*repo.glob("server/waypost_server/core/*.py"), *repo.glob("routes/*/specialist.md")]
    texts = [file.read_text("utf-8") for file in files]
    counts = [(estimated_tokens(text), count(tokenizer, text)) for text in texts if text]
    assert all(estimate > 1.1 * exact for estimate, exact in counts)
    assert sum(e for e, _ in counts) / sum(c for _, c in counts) < 1.7


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 3),
        ("one two three", 6),
        ("请帮我看看这段代码", 17),  # nine characters of three bytes
        ("Привет", 9),
        ("\ud800", 5),
        ("    " * 3 + "x", 6),
        ("AKIA1234", 11),
    ],
)
def test_it_counts_by_script(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_other_scripts_are_no_fewer_than_word_pieces(tokenizer: Tokenizer) -> None:
    for text in (
        "请帮我看看这段代码为什么会死锁。",
        "Почему этот тест падает только на сервере?",
        "Warum schlägt dieser Test nur auf dem Server fehl?",
        "이 테스트는 왜 서버에서만 실패합니까",
        "यह परीक्षण केवल सर्वर पर क्यों विफल होता है",
        "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3QgZm9yIGI2NA==",
    ):
        assert count(tokenizer, text) <= estimated_tokens(text) < 4 * count(tokenizer, text)


@given(st.text())
def test_a_character_counts_as_two_at_most(text: str) -> None:
    assert estimated_tokens(text) <= 2 * len(text) + 3
    assert estimated_tokens(text) >= len(text.split())


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_text_counts_about_as_much_as_its_halves(one: str, other: str) -> None:
    together = estimated_tokens(one) + estimated_tokens(other)
    assert estimated_tokens(one + other) <= together
