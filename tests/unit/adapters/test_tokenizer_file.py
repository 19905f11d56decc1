"""Tokenizers of strangers: what would fail, or take for ever, at a later query fails on load."""

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

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
        (
            lambda said: said.update(
                model={"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "[?]"}
            ),
            r"an unknown word makes the tokenizer fail: Unk token `\[\?\]` not found",
        ),
        (lambda said: said["model"]["vocab"].update(so=4_000_000_000), r"4000000000"),
        (lambda said: said["model"].update(vocab=[]), r"expected a map"),
        (lambda said: said.update(added_tokens=[1]), r"AddedToken"),
    ],
    ids=["no unknown token", "long words", "unigram", "bpe", "far id", "vocabulary", "added"],
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
    with pytest.raises(ValueError, match=r"larger than 33,554,432 bytes"):
        read_tokenizer(b" " * (MAX_TOKENIZER + 1))


def test_the_longest_word_that_may_be_is_still_read() -> None:
    content = changed(lambda said: said["model"].update(max_input_chars_per_word=LONGEST_WORD))
    tokenizer = read_tokenizer(content)
    tokenizer.no_padding()
    assert tokenizer.encode("tree" * 251, add_special_tokens=False).tokens == ["[UNK]"]


HANGS = {"Regex": "(a|aa)+$"}
"""Of `aaa...!` each letter makes it try twice as much."""


PIECES = [["a" * length, -1.0] for length in range(1, 1_001)]


def put(key: str, part: object) -> Change:
    return lambda said: said.update({key: part})


def growing(pattern: object) -> dict[str, object]:
    return {"type": "Replace", "pattern": pattern, "content": "so " * 1_000}


BLANKS = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}


def template(*pieces: object, ids: int = 1) -> dict[str, object]:
    return {
        "type": "TemplateProcessing",
        "single": pieces,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [101] * ids, "tokens": ["[CLS]"] * ids}},
    }


CLS, TEXT = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
NFC, SPLIT = {"type": "NFC"}, {"type": "Split", "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("normalizer", growing({"String": "a"})), r"normalizer is of type 'Replace'"),
        (put("normalizer", growing(HANGS)), r"normalizer is of type 'Replace'"),
        (
            put(
                "normalizer",
                {
                    "type": "Sequence",
                    "normalizers": [NFC, {"type": "Prepend", "prepend": "so " * 10**6}],
                },
            ),
            r"normalizer\.normalizers\[1\] is of type 'Prepend'",
        ),
        (
            put("normalizer", {"type": "Precompiled", "precompiled_charsmap": ""}),
            r"normalizer\.precompiled_charsmap is none of SentencePiece's own",
        ),
        (
            put("normalizer", {"type": "Precompiled", "precompiled_charsmap": ["A"]}),
            r"normalizer\.precompiled_charsmap is none of SentencePiece's own",
        ),
        (
            put("normalizer", BLANKS | {"content": "  "}),
            r"normalizer is of type 'Replace'",
        ),
        (
            put("normalizer", BLANKS | {"pattern": {"Regex": " {2,}|(a|aa)+$"}}),
            r"normalizer is of type 'Replace'",
        ),
        (put("pre_tokenizer", BLANKS), r"pre_tokenizer is of type 'Replace'"),
        (
            put("normalizer", {"type": "Sequence", "normalizers": [NFC] * 1_000}),
            r"normalizer\.normalizers has 1,000 parts, at most 8 may be",
        ),
        (
            put("normalizer", {"type": "Sequence", "normalizers": [{"type": "Sequence"}]}),
            r"normalizer\.normalizers\[0\] is of type 'Sequence'",
        ),
        (put("normalizer", "NFC"), r"normalizer is of type 'None'"),
        (put("normalizer", {"pattern": HANGS, "content": ""}), r"normalizer is of type 'None'"),
        (put("pre_tokenizer", SPLIT | {"pattern": HANGS}), r"pre_tokenizer is of type 'Split'"),
        (
            put(
                "pre_tokenizer",
                {
                    "type": "Sequence",
                    "pretokenizers": [{"type": "Whitespace"}, SPLIT | {"pattern": HANGS}],
                },
            ),
            r"pre_tokenizer\.pretokenizers\[1\] is of type 'Split'",
        ),
        (put("decoder", growing(HANGS)), r"decoder is of type 'Replace'"),
        (put("post_processor", template(CLS, *[TEXT] * 1_000)), r"must have the text once"),
        (
            put("post_processor", template(CLS, {"Sequence": {"id": "B", "type_id": 0}})),
            r"must have the text once",
        ),
        (put("post_processor", template(CLS, TEXT, ids=10**6)), r"1,000,000 tokens are put around"),
        (put("post_processor", template(*[CLS] * 9, TEXT)), r"9 tokens are put around a text"),
        (
            lambda said: said["model"].update(continuing_subword_prefix="#" * 10**6),
            r"model\.continuing_subword_prefix has 1,000,000 characters, at most 32 may be",
        ),
        (
            lambda said: said["model"].update(unk_token="?" * 10**6),
            r"model\.unk_token has 1,000,000 characters",
        ),
        (
            put("model", {"type": "Unigram", "vocab": PIECES, "unk_id": 0}),
            r"a piece of the vocabulary has 1,000 characters, at most 64 may be",
        ),
    ],
)
def test_what_can_hang_at_a_text_or_make_it_grow_is_refused(change: Change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tokenizer(changed(change))


@pytest.mark.parametrize("kind", ENCODERS)
def test_it_is_refused_on_load_naming_file_key_and_cure(
    tmp_path: Path, kind: type[OnnxEncoder | StaticEncoder]
) -> None:
    folder = copy_encoder(ENCODERS[kind], tmp_path / "e")
    split = put("pre_tokenizer", SPLIT | {"pattern": HANGS})
    with_honest_hash(folder, TOKENIZER_FILE, changed(split))
    said = r"tokenizer\.json: pre_tokenizer is of type 'Split', and only .* take a model that"
    with pytest.raises(EncoderError, match=f"^{folder}: .*{said}"):
        kind.load(folder)


def test_a_part_that_is_there_twice_is_not_hidden_by_the_last_one() -> None:
    shown = changed(lambda said: said.pop("normalizer"))
    hidden = json.dumps({"normalizer": growing(HANGS)}).encode()[:-1] + b', "normalizer": null,'
    with pytest.raises(ValueError, match=r"'normalizer' is there twice"):
        read_tokenizer(hidden + shown[1:])


def test_levels_without_end_are_refused_before_pythons_stack_ends() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        read_tokenizer(b'{"decoder":' + b"[" * 10**6)


NORMALIZERS = normalizers.Sequence(
    [
        normalizers.BertNormalizer(),
        normalizers.Nmt(),
        normalizers.NFC(),
        normalizers.NFD(),
        normalizers.NFKC(),
        normalizers.NFKD(),
        normalizers.Strip(),
        normalizers.StripAccents(),
    ]
)
PRE_TOKENIZERS = pre_tokenizers.Sequence(
    [
        pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.Whitespace(),
        pre_tokenizers.BertPreTokenizer(),
        pre_tokenizers.Punctuation(),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Metaspace(),
        pre_tokenizers.ByteLevel(),
    ]
)
LONGEST_EXPANSION = "\ufdfa"
"""A greeting, which NFKC spells out in 18 letters: no other character becomes so many."""


@pytest.mark.parametrize(
    "around",
    [
        processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101)),
        processors.RobertaProcessing(("[SEP]", 102), ("[CLS]", 101)),
        processors.Sequence(
            [
                processors.ByteLevel(),
                processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 101)]),
            ]
        ),
    ],
)
def test_what_berts_like_are_made_of_is_read_and_does_only_so_much_work(
    around: processors.PostProcessor,
) -> None:
    tokenizer = Tokenizer.from_file(str(ENCODERS[OnnxEncoder] / TOKENIZER_FILE))
    tokenizer.normalizer, tokenizer.pre_tokenizer = NORMALIZERS, PRE_TOKENIZERS
    tokenizer.post_processor = around
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    read = read_tokenizer(tokenizer.to_str().encode())
    assert read.to_str() == tokenizer.to_str()
    for text in ("why is 1 slow", LONGEST_EXPANSION * 2_000, "\u4e2d" * 2_000, "a" * 6_000):
        assert len(read.encode(text).ids) <= 3 * 18 * len(text)


def charsmap(letter: str, becomes: str) -> bytes:
    """A table in SentencePiece's format: a trie of one letter, as a double array, and its value."""
    units = [0] * 512
    root, leaf = 256, 1
    units[0] = root << 10
    units[root ^ ord(letter)] = ord(letter) | 1 << 8 | leaf << 10
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + becomes.encode() + b"\0"


SMALL_A = charsmap("A", "a")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
SCORES = {"\u2581": -2.0, "\u2581a": -3.0, "a": -4.0, "so": -5.0, "\u2581so": -5.0}


def sentencepiece_tokenizer(table: bytes, *, content: str) -> Tokenizer:
    """As transformers writes one of XLM-RoBERTa's kind, whose pieces are few."""
    pieces = [(piece, 0.0) for piece in SPECIAL] + list(SCORES.items())
    tokenizer = Tokenizer(models.Unigram(pieces, SPECIAL.index("<unk>"), byte_fallback=False))
    tokenizer.add_special_tokens([*SPECIAL, "<mask>"])
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(table),
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(Regex(" {2,}"), content),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


@pytest.mark.parametrize("content", [" ", "\u2581"])
def test_sentencepieces_tokenizers_are_read_where_their_table_is_known(content: str) -> None:
    written = sentencepiece_tokenizer(SMALL_A, content=content).to_str()
    known = {hashlib.sha256(SMALL_A).hexdigest()}
    read = read_tokenizer(written.encode(), charsmaps=known)
    assert read.to_str() == written
    assert read.encode("A  so ").tokens == ["<s>", "\u2581a", "\u2581so", "</s>"]
    assert len(read.encode("  A" * 10_000).ids) == 10_002


def test_a_table_that_could_make_a_text_grow_is_refused() -> None:
    grows = sentencepiece_tokenizer(charsmap("A", "so " * 1_000), content=" ")
    assert len(grows.encode("A" * 100).ids) > 10_000
    said = r"normalizer\.normalizers\[0\]\.precompiled_charsmap is none of SentencePiece's own"
    with pytest.raises(ValueError, match=said):
        read_tokenizer(grows.to_str().encode())


def test_what_albert_writes_beside_its_table_is_read() -> None:
    tokenizer = sentencepiece_tokenizer(SMALL_A, content=" ")
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD()]
    )
    written = tokenizer.to_str()
    assert read_tokenizer(written.encode()).to_str() == written


def test_a_file_that_fills_up_texts_fills_up_none_while_it_is_tried() -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0)], 0, byte_fallback=False))
    tokenizer.enable_padding(length=2**40)  # to which no memory suffices
    read = read_tokenizer(tokenizer.to_str().encode())
    assert read.encode("a").ids == [0]


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    "manifest", [{"max_tokens": 2}, {"max_tokens": 6, "query_prefix": "find what is like "}]
)
def test_an_encoder_that_would_cut_off_all_of_each_text_is_refused(
    tmp_path: Path, kind: type[OnnxEncoder | StaticEncoder], manifest: dict[str, Any]
) -> None:
    folder = copy_encoder(ENCODERS[kind], tmp_path / "e", manifest=manifest)
    with pytest.raises(EncoderError, match=r"so that nothing would be left of a text"):
        kind.load(folder)


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_panic_of_the_library_is_an_encoders_error_without_the_text(
    kind: type[OnnxEncoder | StaticEncoder],
) -> None:
    encoder = kind.load(ENCODERS[kind])
    # Past the checks, which know no other way to make it panic.
    encoder._tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(HANGS["Regex"]), "isolated")
    text = "\u00e9" + "a" * 40 + "!"  # not ASCII, so that a static encoder asks the library
    with pytest.raises(EncoderError, match=r"^the library tokenizers panicked at a text; take"):
        encoder.encode([text])
    with pytest.raises(EncoderError, match=r"^the library tokenizers panicked at a text; take"):
        encoder.encode([text] * 30)
    assert np.isfinite(encoder.encode(["why is this join slow"])).all()
