"""Tokenizers of strangers: what would fail, or take for ever, at a later query fails on load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adapters.encoders import copy_encoder, with_honest_hash
from waypost_server.adapters.encoder_manifest import TOKENIZER_FILE
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.adapters.tokenizer_file import LONGEST_WORD, MAX_TOKENIZER, read_tokenizer
from waypost_server.core.errors import EncoderError

MODELS = Path(__file__).parents[3] / "models"
ENCODERS = {
    OnnxEncoder: MODELS / "all-MiniLM-L6-v2",
    StaticEncoder: MODELS / "all-MiniLM-L6-v2-static",
}

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    """The shipped tokenizer with something changed."""
    said = json.loads((ENCODERS[OnnxEncoder] / TOKENIZER_FILE).read_bytes())
    change(said)
    return json.dumps(said).encode()


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda said: said["model"]["vocab"].pop("[UNK]"),
            r"cannot be used: the vocabulary lacks its unknown token '\[UNK\]'",
        ),
        (
            lambda said: said["model"].update(max_input_chars_per_word=2**63),
            r"max_input_chars_per_word is 9223372036854775808, at most 1,000 may be",
        ),
        (
            lambda said: said.update(
                model={"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": None}
            ),
            r"an unknown word makes the tokenizer fail",
        ),
        (lambda said: said["model"]["vocab"].update(so=4_000_000_000), r"4000000000"),
        (lambda said: said["model"].update(vocab=[]), r"expected a map"),
        (lambda said: said.update(added_tokens=[1]), r"AddedToken"),
    ],
    ids=["no unknown token", "long words", "unknown words", "far id", "vocabulary", "added"],
)
def test_what_would_fail_at_a_later_query_is_refused_on_load(
    tmp_path: Path, kind: type[OnnxEncoder | StaticEncoder], change: Change, message: str
) -> None:
    folder = copy_encoder(ENCODERS[kind], tmp_path / "e")
    with_honest_hash(folder, TOKENIZER_FILE, changed(change))
    with pytest.raises(EncoderError, match=message):
        kind.load(folder)


def test_a_text_of_which_nothing_is_left_is_tried_too(tmp_path: Path) -> None:
    folder = copy_encoder(ENCODERS[OnnxEncoder], tmp_path / "e")
    with_honest_hash(folder, TOKENIZER_FILE, changed(lambda said: said.update(post_processor=None)))
    with pytest.raises(EncoderError, match=r"cannot be used"):
        OnnxEncoder.load(folder)


def test_only_so_much_is_parsed() -> None:
    with pytest.raises(ValueError, match=r"larger than 67,108,864 bytes"):
        read_tokenizer(b" " * (MAX_TOKENIZER + 1))


def test_the_longest_word_that_may_be_is_still_read() -> None:
    content = changed(lambda said: said["model"].update(max_input_chars_per_word=LONGEST_WORD))
    tokenizer = read_tokenizer(content)
    tokenizer.no_padding()
    assert tokenizer.encode("tree" * 251, add_special_tokens=False).tokens == ["[UNK]"]
