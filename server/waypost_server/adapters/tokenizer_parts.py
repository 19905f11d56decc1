"""What a tokenizer may be put together of: parts whose work is about as much as their text is long.

The library knows others, which BERT and its like do without: expressions (Split, Replace), which
Oniguruma tries in ten million ways before each letter of a text that is made for it, or panics; and
texts of the file's own that take the place of a letter or stand before a text (Replace, Prepend,
Precompiled): 3,000 letters became 1.3 GB. Of these, what SentencePiece's models have is known
letter by letter, and harmless.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from waypost_server.adapters.charsmaps import CHARSMAPS, is_charsmap

MOST_PARTS = 8
"""In one place: each reads the whole text again. BERT's like have one to three."""

LONGEST_AFFIX = 32
"""Characters of what the model puts before or after each piece, or in its place; BERT's `[UNK]`
has 5. Of millions, words that nobody knows would take minutes, or all memory."""

_PARTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "normalizer": (
        "normalizers",
        (
            *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD"),
            *("Nmt", "Strip", "StripAccents"),
        ),
    ),
    "pre_tokenizer": (
        "pretokenizers",
        (
            *("BertPreTokenizer", "ByteLevel", "Digits", "Metaspace", "Punctuation"),
            *("Whitespace", "WhitespaceSplit"),
        ),
    ),
    "post_processor": (
        "processors",
        ("BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"),
    ),
    "decoder": (
        "decoders",  # none is ever run, but those with expressions compile them
        ("BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Strip", "WordPiece"),
    ),
}
"""By key of tokenizer.json: where a Sequence has its parts, and of which types they may be."""

_BLANKS = {"Regex": " {2,}"}

_AS_THEY_ARE: tuple[object, ...] = (
    {"type": "Replace", "pattern": _BLANKS, "content": " "},
    {"type": "Replace", "pattern": _BLANKS, "content": "\u2581"},
    {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
    {"type": "Replace", "pattern": {"String": "''"}, "content": '"'},
)
"""Normalizers that transformers writes beside SentencePiece's table: each makes a text shorter, in
time that grows as the text does."""

_AFFIXES = ("continuing_subword_prefix", "end_of_word_suffix", "unk_token")


def check_parts(tokenizer: bytes, *, charsmaps: Collection[str] = CHARSMAPS) -> None:
    """Raises ValueError where `tokenizer.json` has another part; what else is wrong is not seen.

    Args:
        tokenizer: its content.
        charsmaps: SHA-256 of each table of characters that it may have.
    """
    try:
        said = json.loads(tokenizer, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("tokenizer.json is nested too deeply") from None
    if not isinstance(said, dict):
        return
    _check_affixes(said.get("model"))
    for key, (inner, allowed) in _PARTS.items():
        for where, part in _parts(said, key, inner):
            kind = part.get("type") if isinstance(part, dict) else None
            if key == "normalizer" and kind == "Precompiled":
                _check_charsmap(where, part, charsmaps)
            elif kind not in allowed and (key != "normalizer" or part not in _AS_THEY_ARE):
                raise ValueError(
                    f"tokenizer.json: {where} is of type {str(kind)[:40]!r}, and only "
                    f"{', '.join(allowed)} may be there, since others can hang at a text or make "
                    "it grow: take a model that does without"
                )
            _check_template(where, part)


def _check_template(where: str, part: Mapping[str, Any]) -> None:
    if part["type"] == "TemplateProcessing" and _texts(part) != ["A"]:
        raise ValueError(
            f"tokenizer.json: {where}.single must have the text once: take a model that reads it "
            "once"
        )


def _check_charsmap(where: str, part: Mapping[str, Any], known: Collection[str]) -> None:
    if not is_charsmap(part.get("precompiled_charsmap"), known):
        raise ValueError(
            f"tokenizer.json: {where}.precompiled_charsmap is none of SentencePiece's own, and "
            "another can make a text grow: take a model whose normalization rule is nmt_nfkc, "
            "nfkc, nmt_nfkc_cf or nfkc_cf"
        )


def _check_affixes(model: object) -> None:
    if not isinstance(model, dict):
        return
    for name in _AFFIXES:
        affix = model.get(name)
        if isinstance(affix, str) and len(affix) > LONGEST_AFFIX:
            raise ValueError(
                f"tokenizer.json: model.{name} has {len(affix):,} characters, at most "
                f"{LONGEST_AFFIX} may be: take a model that has a shorter one"
            )


def _parts(said: dict[str, Any], key: str, inner: str) -> Iterator[tuple[str, Any]]:
    part = said.get(key)
    if part is None:
        return
    if not isinstance(part, dict) or part.get("type") != "Sequence":
        yield key, part
        return
    listed = part.get(inner)
    parts = listed if isinstance(listed, list) else []  # what is no list, the library refuses
    if len(parts) > MOST_PARTS:
        raise ValueError(
            f"tokenizer.json: {key}.{inner} has {len(parts):,} parts, at most {MOST_PARTS} may be: "
            "take a model that does with fewer"
        )
    for number, each in enumerate(parts):
        yield f"{key}.{inner}[{number}]", each


def _texts(template: Mapping[str, Any]) -> list[Any]:
    """Which texts a template for one text puts together."""
    pieces = template.get("single")
    named = [
        piece["Sequence"]
        for piece in (pieces if isinstance(pieces, list) else ())
        if isinstance(piece, dict) and "Sequence" in piece
    ]
    return [each.get("id") if isinstance(each, dict) else each for each in named]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all there once: of two, one reader takes the first, one the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"tokenizer.json: {twice[:40]!r} is there twice: take it out once")
    return found
