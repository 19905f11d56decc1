"""The progress bars of long work: on a terminal, and on stderr, for stdout is the result's."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

MANY = 200
"""Texts from which on progress is shown: they take more than a second or two."""


@contextmanager
def work_bar(label: str, *, worth_showing: int = 1) -> Iterator[Callable[[int, int], None]]:
    """Gives what is to be called with how much is done and how much there is.

    Where the count begins anew, a second round has begun, and the bar gets longer.

    Args:
        label: what is being done.
        worth_showing: of how much work on the bar is shown.
    """
    before, last = 0, 0
    with click.progressbar(length=0, label=label, file=sys.stderr, hidden=True) as bar:

        def progress(done: int, total: int) -> None:
            nonlocal before, last
            if done < last:
                before += last
            last = done
            bar.hidden = total < worth_showing or not sys.stderr.isatty()
            bar.length = before + total
            bar.update(before + done - bar.pos)

        yield progress
