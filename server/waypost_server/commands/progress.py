"""The progress bar of commands that encode many texts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

MANY = 200
"""Texts from which on progress is shown: they take more than a second or two."""


@contextmanager
def encoding_bar() -> Iterator[Callable[[int, int], None]]:
    """Gives what is to be called with how many are encoded and how many there are.

    Where the count begins anew, another encoder has begun, and the bar gets longer.
    """
    with ExitStack() as stack:
        bars: list[Any] = []
        before, last = 0, 0

        def progress(done: int, total: int) -> None:
            nonlocal before, last
            if done < last:
                before += last
            last = done
            if total > MANY and not bars:
                bar = click.progressbar(
                    length=total,
                    label="Encoding",
                    file=sys.stderr,
                    hidden=not sys.stderr.isatty(),
                )
                bars.append(stack.enter_context(bar))
            for bar in bars:
                bar.length = before + total
                bar.update(before + done - bar.pos)

        yield progress
