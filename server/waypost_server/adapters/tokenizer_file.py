"""`tokenizer.json` of an encoder, refused on load where some later text would make it fail."""

from collections.abc import Collection

from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram, WordLevel, WordPiece

from waypost_server.adapters.charsmaps import CHARSMAPS
from waypost_server.adapters.tokenizer_parts import check_parts

MAX_TOKENIZER = 32 * 2**20
"""Bytes; of the widest vocabularies, of 250,000 words, they are 17 million."""

MOST_SPECIAL = 8
"""Tokens that are put around each text; BERT and its like have two."""

LONGEST_WORD = 1_000
"""Characters of a word whose pieces are looked for, which takes nearly the cube of them: of 1,000 a
tenth of a second, of 8,000 half a minute. BERT's are 100."""

LONGEST_PIECE = 64
"""Characters of a piece that may begin at each letter of a text: of 1,000, a text of 32 kB took 13
seconds. SentencePiece's have 16."""


def read_tokenizer(content: bytes, *, charsmaps: Collection[str] = CHARSMAPS) -> Tokenizer:
    """The tokenizer, which neither cuts nor fills up; raises ValueError saying why it is no use.

    Args:
        content: of `tokenizer.json`.
        charsmaps: SHA-256 of each table of characters that it may have.
    """
    if len(content) > MAX_TOKENIZER:
        raise ValueError(f"the tokenizer is larger than {MAX_TOKENIZER:,} bytes")
    try:
        return _read(content, charsmaps)
    except BaseException as error:
        if is_panic(error):
            raise ValueError("the library tokenizers panicked at it") from None
        raise


def is_panic(error: BaseException) -> bool:
    """Whether Rust code panicked, which no `except Exception` catches.

    By name: the class is in no module. What it says may hold the text.
    """
    return type(error).__name__ == "PanicException"


def largest_id(tokenizer: Tokenizer) -> int:
    """The largest of all tokens' ids, -1 for none."""
    return max(tokenizer.get_vocab().values(), default=-1)


def _read(content: bytes, charsmaps: Collection[str]) -> Tokenizer:
    check_parts(content, charsmaps=charsmaps)
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()  # the file's may fill a word up to gigabytes
    special = tokenizer.num_special_tokens_to_add(is_pair=False)
    if special > MOST_SPECIAL:
        raise ValueError(f"{special:,} tokens are put around a text, at most {MOST_SPECIAL} may be")
    model = tokenizer.model
    if isinstance(model, WordPiece | WordLevel) and model.token_to_id(model.unk_token) is None:
        raise ValueError(f"the vocabulary lacks its unknown token {model.unk_token!r}")
    if isinstance(model, WordPiece) and model.max_input_chars_per_word > LONGEST_WORD:
        raise ValueError(
            f"max_input_chars_per_word is {model.max_input_chars_per_word}, "
            f"at most {LONGEST_WORD:,} may be"
        )
    if isinstance(model, Unigram):
        _check_pieces(tokenizer)
    if isinstance(model, Unigram | BPE):
        _try_unknown(tokenizer)
    return tokenizer


def _check_pieces(tokenizer: Tokenizer) -> None:
    longest = max(map(len, tokenizer.get_vocab(with_added_tokens=False)), default=0)
    if longest > LONGEST_PIECE:
        raise ValueError(
            f"a piece of the vocabulary has {longest:,} characters, at most {LONGEST_PIECE} may be"
        )


def _try_unknown(tokenizer: Tokenizer) -> None:
    try:
        tokenizer.encode("\U0010ffff\ue000")  # for private use, so in no vocabulary
    except Exception as error:  # noqa: BLE001  (tokenizers raises Exception itself)
        raise ValueError(f"an unknown word makes the tokenizer fail: {error}") from None
