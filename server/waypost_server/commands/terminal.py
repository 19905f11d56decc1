"""What commands print, made safe for a terminal: what they print may be a stranger's.

A route's name, a label, an exemplar or a model's answer could else move the cursor over what was
said before, rename the window or press keys.
"""

import io
import re
import sys
from typing import TextIO

_CONTROL = re.compile(
    r"\x1b\[[012]m|\x1b\[\?25[lh]"  # bold, dim and plain, and a bar's cursor: ours
    r"|\A\r|\r(?=\n)"  # a bar begins its line anew, and other systems end lines so
    r"|([\x00-\x08\x0b-\x1f\x7f-\x9f])"
)


def shown(text: str) -> str:
    r"""The text with control characters as `\u001b`, which JSON reads as what it was.

    Tabs, ends of lines and the few sequences that commands print themselves stay.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[1]):04x}" if found[1] else found[0], text)


class _Shown(io.TextIOWrapper):
    """A stream on which all is shown so."""

    def write(self, text: str, /) -> int:
        """Writes the text; the count is of what was asked for."""
        super().write(shown(text))
        return len(text)


def guard_terminal() -> None:
    """Shows so all that this process prints on stdout and stderr from now on."""
    sys.stdout, sys.stderr = map(guarded, (sys.stdout, sys.stderr))


def guarded(stream: TextIO) -> TextIO:
    """The stream on which all is shown so; one that is no terminal's or file's as it is."""
    if not isinstance(stream, io.TextIOWrapper):  # a test's, or None
        return stream
    stream.flush()
    return _Shown(
        stream.buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
