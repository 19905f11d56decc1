"""The output guard: finds what must not leave in an answer, and takes it out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from waypost_client import GuardAction, OutputGuard
from waypost_client.dispatch._output._leak import leaks_of
from waypost_client.dispatch._output._patterns import Kind, found_in, unfinished_from

_ACTIVE = (GuardAction.FLAG, GuardAction.REDACT, GuardAction.BLOCK)
_LEAK = "passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that must not leave; never what it says.

    Attributes:
        kind: what it is.
        detector: which check found it, such as "iban".
        start: where it starts in the answer as the model gave it, in code points.
        end: where it ends, exclusive.
    """

    kind: Kind
    detector: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """An answer after the guard.

    Attributes:
        text: what may be shown, with placeholders; empty when blocked.
        findings: what was found, by where it starts.
        blocked: whether no such answer may be given.
    """

    text: str
    findings: tuple[Finding, ...]
    blocked: bool


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the guard compares an answer with.

    Attributes:
        user_texts: the query and what the user said before; personal data in it are his to see.
        prompt: the specialist's system prompt.
    """

    user_texts: tuple[str, ...] = ()
    prompt: str = ""

    @cached_property
    def _folded(self) -> str:
        return "\n".join(self.user_texts).casefold()

    @cached_property
    def _numbers(self) -> tuple[str, ...]:
        return tuple(_squeezed(text) for text in self.user_texts)

    def has(self, text: str) -> bool:
        """Whether the user wrote an address or a number, with whatever blanks in it."""
        if "@" in text:
            return text.casefold() in self._folded
        number = _squeezed(text)
        return any(number in each for each in self._numbers)


def apply(guard: OutputGuard, text: str, context: Context) -> Guarded:
    """What may be shown of a whole answer."""
    findings = find(guard, text, context)
    if any(action_of(guard, each.kind) is GuardAction.BLOCK for each in findings):
        return Guarded(text="", findings=tuple(findings), blocked=True)
    shown = redacted(text, [each for each in findings if redacts(guard, each)], 0, len(text))
    return Guarded(text=shown, findings=tuple(findings), blocked=False)


def action_of(guard: OutputGuard, kind: Kind) -> GuardAction:
    """What a policy does with a kind."""
    actions = {
        Kind.SECRET: guard.secrets,
        Kind.PERSONAL_DATA: guard.personal_data,
        Kind.PROMPT_LEAK: guard.prompt_leak,
    }
    return actions[kind]


def redacts(guard: OutputGuard, finding: Finding) -> bool:
    """Whether a policy puts a placeholder in a finding's place."""
    return action_of(guard, finding.kind) is GuardAction.REDACT


def find(guard: OutputGuard, text: str, context: Context) -> list[Finding]:
    """What a policy looks for in a text, by where it starts, the longer first."""
    kinds = frozenset(kind for kind in Kind if action_of(guard, kind) in _ACTIVE)
    findings = [*_patterns_in(text, kinds, context)]
    if Kind.PROMPT_LEAK in kinds:
        findings += [
            Finding(kind=Kind.PROMPT_LEAK, detector=_LEAK, start=start, end=end)
            for start, end in leaks_of(context.prompt).spans(text)
        ]
    return sorted(findings, key=lambda each: (each.start, -each.end, each.detector))


def unfinished(guard: OutputGuard, text: str, context: Context) -> int:
    """The first character that may belong to a finding which the end of the text cuts off."""
    data = _bytes(text)
    start = _character(text, data, unfinished_from(data))
    if action_of(guard, Kind.PROMPT_LEAK) in _ACTIVE:
        start = min(start, leaks_of(context.prompt).unfinished_from(text))
    return start


def redacted(text: str, findings: Sequence[Finding], start: int, end: int) -> str:
    """A part of a text with placeholders; no finding crosses its edges.

    Args:
        text: the text.
        findings: by where they start; one placeholder stands for those that overlap.
        start: where the part starts.
        end: where it ends.
    """
    pieces, position = [], start
    for each in findings:
        if each.start >= position:
            pieces += [text[position : each.start], f"[redacted: {each.detector}]"]
        position = max(position, each.end)
    return "".join([*pieces, text[position:end]])


def _patterns_in(text: str, kinds: frozenset[Kind], context: Context) -> Iterable[Finding]:
    data = _bytes(text)
    for detector, first, last in found_in(data, kinds):
        start, end = (_character(text, data, at) for at in (first, last))
        if detector.kind is Kind.PERSONAL_DATA and context.has(text[start:end]):
            continue
        yield Finding(kind=detector.kind, detector=detector.name, start=start, end=end)


def _bytes(text: str) -> bytes:
    """UTF-8 with one character for each of the text's, lone surrogates too."""
    return text.encode("utf-8", "replace")


def _character(text: str, data: bytes, position: int) -> int:
    return position if len(data) == len(text) else len(data[:position].decode())


def _squeezed(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())
