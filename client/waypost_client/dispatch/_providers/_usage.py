"""Tokens as an endpoint counts them, which need not be numbers at all."""

import math

from waypost_client.dispatch._providers._provider import Usage

_MOST = 2**32 - 1
"""What the contract's fields carry."""


def count_of(tokens: object) -> int | None:
    """A count in what 32 bits carry; 0 for none; None for what is no number."""
    if tokens is None:
        return 0
    if not isinstance(tokens, int | float) or isinstance(tokens, bool):
        return None
    if isinstance(tokens, float) and not math.isfinite(tokens):
        return None
    return int(min(max(tokens, 0), _MOST))


def usage_of(input_tokens: object, output_tokens: object, cached_tokens: object) -> Usage | None:
    """The usage, each count in [0, 2^32), the cached tokens among the input's.

    Returns:
        None when the tokens that were read or written are no numbers, or neither is known.
    """
    if input_tokens is None and output_tokens is None:
        return None
    read, written, cached = map(count_of, (input_tokens, output_tokens, cached_tokens))
    if read is None or written is None:
        return None
    return Usage(
        input_tokens=read, output_tokens=written, cached_input_tokens=min(cached or 0, read)
    )
