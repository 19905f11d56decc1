"""Token ids of plain text, against the library whose rules they follow."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from waypost_server.adapters.encoder_manifest import TOKENIZER_FILE
from waypost_server.adapters.word_pieces import MOST_CHARACTERS, WordPieces, word_pieces

FOLDER = Path(__file__).parents[3] / "models/all-MiniLM-L6-v2-static"
CONTENT = (FOLDER / TOKENIZER_FILE).read_bytes()
LIBRARY = Tokenizer.from_buffer(CONTENT)
LIBRARY.no_padding()
LIBRARY.no_truncation()


def pieces() -> WordPieces:
    made = word_pieces(CONTENT)
    assert made is not None
    return made


PIECES = pieces()


def ids_of(text: str) -> list[int]:
    ids: list[int] = LIBRARY.encode(text, add_special_tokens=False).ids
    return ids


@given(st.text(st.characters(max_codepoint=127), max_size=200))
@example("Why does `std::vector<int>` throw at x[3]?")
@example("a\tb\r\nc  d\x0be\x7ff\x1cg\x00h")
@example("x" * 100 + " " + "x" * 101 + " qzxjqwvk it's e-mail foo_bar 3.11.4 ##ing")
@example("I can't reproduce unhappiness; UNBELIEVABLE antidisestablishmentarianism")
def test_ids_are_those_of_the_library_or_are_left_to_it(text: str) -> None:
    assert PIECES.ids(text) in (None, ids_of(text))


def test_ordinary_queries_are_not_left_to_it() -> None:
    lines = (FOLDER.parents[1] / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    found = [PIECES.ids(text) for text in texts]
    assert all(ids in (None, ids_of(text)) for ids, text in zip(found, texts, strict=True))
    assert sum(ids is not None for ids in found) >= 0.85 * len(texts)


@pytest.mark.parametrize(
    "text", ["Größe", "a [SEP] b", "\x00", "word " * MOST_CHARACTERS, "你好", "zero\u200bwidth"]
)
def test_what_has_other_rules_is_left_to_the_library(text: str) -> None:
    assert PIECES.ids(text) is None


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("normalizer", {"type": "BertNormalizer", "lowercase": False}),
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("model", {"type": "BPE", "vocab": {}}),
        ("added_tokens", [{"id": 0, "content": "<s>"}]),
    ],
)
def test_so_is_every_other_tokenizer(part: str, other: object) -> None:
    assert word_pieces(json.dumps(json.loads(CONTENT) | {part: other}).encode()) is None
