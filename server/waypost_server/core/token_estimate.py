"""How many tokens a text is to a language model, deliberately more rather than fewer.

Each model has a tokenizer of its own. This counts characters by script instead, at what byte-pair
and word-piece tokenizers make of prose, code, keys and other scripts when they do badly.
"""

from math import ceil

LOWER = 0.33
"""Tokens per small Latin letter: English prose has 0.2 to 0.25, rare words and code more."""

WIDE = 0.5
"""Tokens per byte of UTF-8 beyond ASCII: one per letter of Cyrillic, Greek or Arabic, one and a
half per character of Chinese, Japanese or Thai, two per emoji."""

SPARE = 2
"""Tokens that a text has besides: a few rare words in a short one outweigh any mean."""

_LOWER = bytes(range(ord("a"), ord("z") + 1))
_WIDE = bytes(range(128, 256))
_SPACE, _INDENT = b" ", b" " * 4


def estimated_tokens(text: str) -> int:
    """Tokens of a text, on the safe side; 0 for an empty one.

    Capitals, digits, punctuation, line breaks and indents of four spaces count as a token each:
    keys, hashes and tables break into pieces that short, and prose has few of them. A word counts
    as one at least. Takes 2 microseconds for a sentence, and 6 a kilobyte.

    Args:
        text: any text; a lone surrogate counts like a character of three bytes.
    """
    if not text:
        return 0
    whole = text.encode("utf-8", "surrogatepass")
    plain = whole if len(whole) == len(text) else whole.translate(None, _WIDE)
    spaces, indents = plain.count(_SPACE), plain.count(_INDENT)
    others = len(plain.translate(None, _LOWER)) - spaces
    lower = len(plain) - spaces - others
    words = spaces - 4 * indents + 1
    wide = len(whole) - len(plain)
    return ceil(max(LOWER * lower, words) + others + indents + WIDE * wide) + SPARE
