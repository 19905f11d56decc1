"""The output guard for a stream: shows no part of what must not leave."""

from waypost_client import GuardAction, OutputGuard
from waypost_client.dispatch._output._guard import (
    Context,
    Finding,
    action_of,
    apply,
    find,
    redacted,
    redacts,
    unfinished,
)
from waypost_client.dispatch._output._patterns import Kind

_CONTEXT = 64
"""Characters before the held text that checks look back at, such as a password's name (40)."""


class GuardFilter:
    """Shows the pieces of an answer as `apply` would show the whole.

    Held back is what may still become a finding: the last word, and what may go on across blanks,
    which is a number (64 characters at most), a password's name up to its value (40), and up to
    eleven words in a row that are so in the prompt. Three things have no longest form and are held
    to their end: a word without blanks (a JWT, base64), a password's value, and a private key from
    its first line on. A policy that only flags, or is off, holds back nothing.
    """

    def __init__(self, guard: OutputGuard, context: Context) -> None:
        self._guard = guard
        self._context = context
        actions = {action_of(guard, kind) for kind in Kind}
        self._holds = bool(actions & {GuardAction.REDACT, GuardAction.BLOCK})
        self._text = ""
        self._shown = 0
        self._offset = 0
        self._waiting: list[str] = []
        self._waiting_length = 0
        self._findings: list[Finding] = []
        self._blocked = False

    @property
    def blocked(self) -> bool:
        """Whether the answer may not be given; what was shown of it before stands."""
        return self._blocked

    def feed(self, piece: str) -> str:
        """Takes the next piece; gives what may be shown, in order, which may be nothing."""
        if self._blocked:
            return ""
        self._waiting.append(piece)
        self._waiting_length += len(piece)
        if not self._holds:
            return piece
        # So that a long word, which comes in many pieces, is not read once for each of them.
        if self._waiting_length < (len(self._text) - self._shown) // 8:
            return ""
        self._take()
        return self._show(unfinished(self._guard, self._text, self._context), whole=False)

    def finish(self) -> tuple[str, tuple[Finding, ...]]:
        """Ends the answer.

        Returns:
            The rest to show, and all findings, by where they start; when the answer is blocked,
            nothing, and the findings up to the first that blocks and those near it.
        """
        if self._blocked:
            return "", tuple(self._findings)
        self._take()
        if not self._holds:
            return "", apply(self._guard, self._text, self._context).findings
        return self._show(len(self._text), whole=True), tuple(self._findings)

    def _take(self) -> None:
        self._text += "".join(self._waiting)
        self._waiting.clear()
        self._waiting_length = 0

    def _show(self, cut: int, *, whole: bool) -> str:
        """Shows the text up to a cut, or less, so that no finding is cut."""
        if cut <= self._shown:
            return ""
        text, shown = self._text, self._shown
        found = [each for each in find(self._guard, text, self._context) if each.start >= shown]
        if not whole:
            cut = _before(found, cut, len(text))
        final = [each for each in found if each.end <= cut]
        self._findings += [_moved(each, self._offset) for each in final]
        if any(action_of(self._guard, each.kind) is GuardAction.BLOCK for each in final):
            self._blocked = True
            return ""
        released = redacted(
            text, [each for each in final if redacts(self._guard, each)], shown, cut
        )
        dropped = max(0, cut - _CONTEXT)
        self._text, self._shown = text[dropped:], cut - dropped
        self._offset += dropped
        return released


def _before(found: list[Finding], cut: int, length: int) -> int:
    """The last place up to a cut that is in no finding; one that ends with the text may go on."""
    for each in reversed(found):
        if each.start < cut and (each.end > cut or each.end == length):
            cut = each.start
    return cut


def _moved(finding: Finding, by: int) -> Finding:
    return Finding(
        kind=finding.kind, detector=finding.detector, start=finding.start + by, end=finding.end + by
    )
