"""Token ids of plain English text, as the `tokenizers` library has them, in a tenth of its time.

Of a short query that library takes a tenth of a millisecond, three tenths when other work has
just used the caches: more than all else that a static encoding takes. Most queries are ASCII,
of which BERT's rules are three: small letters, words and marks apart, and the longest known pieces
of each word (Devlin et al. 2019). Any other text or tokenizer is left to the library.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 1_000
"""Of a longer text the library is the faster one, and lets other threads work meanwhile."""

_WORD = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
"""ASCII has no other letters and marks in lower case; what else it has are blanks."""

_OTHER = re.compile(r"[\[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""How special tokens begin, and what the library takes out before it parts words."""

_NORMALIZER = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
_PREFIX = "##"


class WordPieces:
    """The rules of one tokenizer; immutable and thread-safe."""

    def __init__(self, vocabulary: Mapping[str, int], *, unknown: int, longest: int) -> None:
        """Takes what a tokenizer knows.

        Args:
            vocabulary: ids of words, and of pieces within words with `##` before them.
            unknown: id of a word that cannot be put together.
            longest: characters of the longest word that is tried.
        """
        self._vocabulary = vocabulary
        self._unknown = unknown
        self._longest = longest

    def ids(self, text: str) -> list[int] | None:
        """The ids of a text's tokens, without special ones; None where the library must be asked.

        That is a long text, one that is not plain ASCII, and one that may name a special token.
        """
        if len(text) > MOST_CHARACTERS or not text.isascii() or _OTHER.search(text):
            return None
        known = self._vocabulary
        found: list[int] = []
        for word in _WORD.findall(text.lower()):
            whole = known.get(word)
            if whole is None or len(word) > self._longest:
                found += self._pieces(word)
            else:
                found.append(whole)
        return found

    def _pieces(self, word: str) -> list[int]:
        """The longest piece that is known, again and again; one unknown token if any is not."""
        if len(word) > self._longest:
            return [self._unknown]
        found: list[int] = []
        start, prefix = 0, ""
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._vocabulary.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown]
            found.append(piece)
            start, prefix = end, _PREFIX
        return found


def word_pieces(tokenizer: bytes) -> WordPieces | None:
    """The rules of a tokenizer as `tokenizer.json` has it; None where they are other ones."""
    said: dict[str, Any] = json.loads(tokenizer)
    model, added = said.get("model") or {}, said.get("added_tokens") or ()
    is_known = (
        said.get("normalizer") == _NORMALIZER
        and said.get("pre_tokenizer") == {"type": "BertPreTokenizer"}
        and model.get("type") == "WordPiece"
        and model.get("continuing_subword_prefix") == _PREFIX
        and model.get("unk_token") in model.get("vocab", ())
        and all(token["content"].startswith("[") for token in added)
    )
    if not is_known:
        return None
    vocabulary: dict[str, int] = model["vocab"]
    return WordPieces(
        vocabulary,
        unknown=vocabulary[model["unk_token"]],
        longest=model["max_input_chars_per_word"],
    )
