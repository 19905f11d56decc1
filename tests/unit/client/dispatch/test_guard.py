from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.client.dispatch.cutting import CUTS, fed, pieces_of
from tests.unit.client.dispatch.test_detectors import FOUND, JWT, NOTHING, PASSWORDS, PEM
from tests.unit.client.dispatch.test_leak import CHINESE, PROMPT
from waypost_client import GuardAction, OutputGuard
from waypost_client.dispatch._output._guard import Context, Finding, apply, find, redacted
from waypost_client.dispatch._output._guard_filter import GuardFilter
from waypost_client.dispatch._output._patterns import Kind

REDACT = OutputGuard(
    secrets=GuardAction.REDACT, personal_data=GuardAction.REDACT, prompt_leak=GuardAction.REDACT
)
CONTEXT = Context(user_texts=("I am me@acme.de, card 4242-4242-4242-4242.",), prompt=PROMPT)


def test_findings_are_replaced_and_told_without_their_text() -> None:
    text = "Ünser IBAN: DE89 3704 0044 0532 0130 00, mail jane@acme.de."
    guarded = apply(REDACT, text, CONTEXT)

    assert guarded.text == "Ünser IBAN: [redacted: iban], mail [redacted: email]."
    assert [(each.detector, text[each.start : each.end]) for each in guarded.findings] == [
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("email", "jane@acme.de"),
    ]
    assert not guarded.blocked
    assert [field.name for field in fields(Finding)] == ["kind", "detector", "start", "end"]


def test_what_the_user_wrote_himself_may_be_repeated() -> None:
    text = "You, ME@acme.de, paid with 4242 4242 4242 4242; he, he@acme.de, with 4111111111111111."

    assert apply(REDACT, text, CONTEXT).text == (
        "You, ME@acme.de, paid with 4242 4242 4242 4242; he, [redacted: email], with "
        "[redacted: card_number]."
    )


def test_secrets_are_kept_even_from_him_who_wrote_them() -> None:
    context = Context(user_texts=(JWT,))

    assert apply(REDACT, f"It is {JWT}", context).text == "It is [redacted: jwt]"


def test_passages_of_the_prompt_are_replaced() -> None:
    assert (
        apply(REDACT, f"I was told: {PROMPT}", CONTEXT).text == "I was told: [redacted: passage]."
    )


def test_one_placeholder_stands_for_what_overlaps() -> None:
    assert apply(REDACT, f"token={JWT}!", CONTEXT).text in (
        "token=[redacted: jwt]!",
        "token=[redacted: password]!",
    )


@pytest.mark.parametrize("action", [GuardAction.OFF, GuardAction.UNSPECIFIED])
def test_a_guard_that_is_off_finds_nothing(action: GuardAction) -> None:
    guard = OutputGuard(secrets=action, personal_data=action, prompt_leak=action)

    assert apply(guard, f"{JWT} {PROMPT}", CONTEXT).findings == ()


def test_a_flag_lets_pass_and_says_so() -> None:
    guard = OutputGuard(secrets=GuardAction.FLAG)
    guarded = apply(guard, f"a {JWT}", CONTEXT)

    assert guarded.text == f"a {JWT}"
    assert guarded.findings == (
        Finding(kind=Kind.SECRET, detector="jwt", start=2, end=2 + len(JWT)),
    )


def test_a_blocked_answer_has_no_text() -> None:
    guarded = apply(OutputGuard(secrets=GuardAction.BLOCK), f"a {JWT}", CONTEXT)

    assert guarded.blocked
    assert guarded.text == ""
    assert [each.detector for each in guarded.findings] == ["jwt"]


ACTIONS = st.sampled_from(list(GuardAction))
GUARDS = st.builds(OutputGuard, secrets=ACTIONS, personal_data=ACTIONS, prompt_leak=ACTIONS)
WHOLE = st.sampled_from(
    [
        *(example for _, example in FOUND),
        *("".join(parts) for parts in PASSWORDS),
        *(text for text in NOTHING if len(text) < 200),
        "me@acme.de",
        "-----BEGIN PRIVATE KEY-----",
    ]
)
PASSAGES = st.builds(
    lambda start, length: " ".join(PROMPT.split()[start : start + length]),
    st.integers(0, 20),
    st.integers(1, 25),
)
CHARACTERS = st.builds(
    lambda start, length: CHINESE[start : start + length], st.integers(0, 60), st.integers(1, 100)
)
GLUE = st.sampled_from(
    [" ", "", "\n", ", ", "é", "-", "'", '"', ": ", "=", "\u00a0", ".", "1", "A"]
)
PARTS = st.one_of(
    WHOLE,
    st.builds(lambda text, end: text[: end % (len(text) + 1)], WHOLE, st.integers(0, 200)),
    PASSAGES,
    CHARACTERS,
    GLUE,
    st.text(max_size=8),
    st.sampled_from(["\ud83d", "\ude00", "password", "secret access ", "4111 ", "DE89 "]),
)
TEXTS = st.lists(st.tuples(PARTS, GLUE), max_size=8).map(
    lambda pairs: "".join(part + glue for part, glue in pairs)
)
PROMPTS = st.sampled_from([PROMPT, PROMPT + CHINESE, ""])


@given(guard=GUARDS, text=TEXTS, cuts=CUTS, prompt=PROMPTS)
def test_a_stream_shows_what_the_whole_answer_would(
    guard: OutputGuard, text: str, cuts: list[int], prompt: str
) -> None:
    context = Context(user_texts=CONTEXT.user_texts, prompt=prompt)
    whole = apply(guard, text, context)
    filter_ = GuardFilter(guard, context)
    shown = fed(filter_, pieces_of(text, cuts))
    rest, findings = filter_.finish()

    assert filter_.blocked == whole.blocked
    if not whole.blocked:
        assert shown + rest == whole.text
        assert findings == whole.findings
        return
    blocking = {
        Kind.SECRET: guard.secrets,
        Kind.PERSONAL_DATA: guard.personal_data,
        Kind.PROMPT_LEAK: guard.prompt_leak,
    }
    first = next(each for each in whole.findings if blocking[each.kind] is GuardAction.BLOCK)
    before = [
        each
        for each in find(guard, text, context)
        if blocking[each.kind] is GuardAction.REDACT and each.end <= first.start
    ]
    if guard.secrets is guard.personal_data is guard.prompt_leak:
        assert redacted(text, before, 0, first.start).startswith(shown + rest)
    assert rest == ""
    assert set(findings) <= set(whole.findings)
    assert first in findings


@given(text=TEXTS, cuts=CUTS)
def test_nothing_of_what_blocks_is_ever_shown(text: str, cuts: list[int]) -> None:
    guard = OutputGuard(secrets=GuardAction.BLOCK, prompt_leak=GuardAction.BLOCK)
    findings = apply(guard, text, CONTEXT).findings
    filter_ = GuardFilter(guard, CONTEXT)
    shown = fed(filter_, pieces_of(text, cuts)) + filter_.finish()[0]

    assert filter_.blocked == bool(findings)
    assert text[: findings[0].start if findings else len(text)].startswith(shown)


@pytest.mark.parametrize(
    "text", [*(f"It is {each}, yes." for _, each in FOUND), *("".join(each) for each in PASSWORDS)]
)
def test_no_place_to_cut_an_example_shows_a_part_of_it(text: str) -> None:
    whole = apply(REDACT, text, Context())

    for cuts in ([at] for at in range(len(text))):
        filter_ = GuardFilter(REDACT, Context())
        assert fed(filter_, pieces_of(text, cuts)) + filter_.finish()[0] == whole.text
    filter_ = GuardFilter(REDACT, Context())
    assert fed(filter_, text) + filter_.finish()[0] == whole.text


def test_prose_is_held_back_by_a_word() -> None:
    filter_ = GuardFilter(REDACT, Context(prompt=PROMPT))

    assert filter_.feed("Dear customer, good eve") == "Dear customer, good "
    assert filter_.feed("ning. And") == "evening. "
    assert filter_.feed(" so on") == "And so "


def test_a_key_is_held_from_its_first_line_to_its_last() -> None:
    filter_ = GuardFilter(REDACT, Context())

    assert filter_.feed(f"Here: {PEM[:100]}") == "Here: "
    assert filter_.feed(f"{PEM[100:]} and") == "[redacted: private_key] "
    assert filter_.finish()[0] == "and"


def test_a_guard_that_changes_nothing_holds_nothing_back() -> None:
    filter_ = GuardFilter(OutputGuard(secrets=GuardAction.FLAG), Context())

    assert filter_.feed("token=eyJ") == "token=eyJ"
