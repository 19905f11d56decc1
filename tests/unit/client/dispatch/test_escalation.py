import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.client.dispatch.cutting import CUTS, fed, pieces_of
from waypost_client.dispatch._output._escalation import LONGEST, EscalationFilter, escalation_in

ESCALATIONS = {
    '{"escalate": true, "reason": "billing"}': "billing",
    '{"reason": "billing", "escalate": true}': "billing",
    ' \n{"escalate":true}\n': "",
    '{"escalate": true, "reason": null}': "",
    '{"reason": null, "escalate": true}': "",
    '{"escalate": true, "reason": {"why": ["not", "mine"]}}': "",
    '{"escalate": true, "route": {"a": [1, {}]}, "reason": "x"}': "x",
    '```json\n{"escalate": true, "reason": "a }, b"}\n```\n': "a }, b",
    '```\n{"escalate": true}\n```': "",
    '```json {"escalate": true} ```': "",
    # The model stopped before it closed the fence.
    '```json\n{"escalate": true, "reason": "x"}': "x",
    '{"\\u0065scalate": true, "reason": "spelled out"}': "spelled out",
    # No strict JSON, and meant all the same.
    '{"escalate": true, "reason": "two\nlines"}': "two\nlines",
    '{"escalate": true, "reason": "half \\ud83d of a pair"}': "half \ufffd of a pair",
    '{"escalate": true, "reason": "\\ud83d\\ude00"}': "\N{GRINNING FACE}",
}

ANSWERS = [
    "",
    "   ",
    "Your invoice is due.",
    '{"escalate": false, "reason": "mine"}',
    '{"escalate": false, "escalate": true}',
    '{"escalate": "true"}',
    '{"escalate": 1}',
    '{"escalate": truer}',
    '{"name": "x", "escalate": true}',
    '{"reason": "x"}',
    '{"reason": ["x"], "escalate": true}',
    '{"reason": "x", "score": 1}',
    '[{"escalate": true}]',
    '{"answer": {"escalate": true}}',
    '{"escalate": true} That is how you escalate.',
    'Say {"escalate": true}',
    '```python\n{"escalate": true}\n```',
    '```json\n{"escalate": true}\n```\nThat is how.',
    '{"escalate": true}```',
    '{"escalate": true',
    '{"escalate": true, "reason": "cut',
    '{"escalate": true,, "reason": "x"}',
    '{"escalate": true, "depth": ' + "[" * 3000 + "]" * 3000 + "}",
    "{}",
]


@pytest.mark.parametrize(("text", "reason"), ESCALATIONS.items())
def test_an_object_that_says_so_escalates(text: str, reason: str) -> None:
    assert escalation_in(text) == reason


@pytest.mark.parametrize("text", ANSWERS)
def test_everything_else_is_an_answer(text: str) -> None:
    assert escalation_in(text) is None


@pytest.mark.parametrize("text", [*ESCALATIONS, *ANSWERS])
def test_character_by_character_it_is_the_same(text: str) -> None:
    filter_ = EscalationFilter()
    shown = fed(filter_, text)
    rest, reason = filter_.finish()

    assert reason == ESCALATIONS.get(text)
    assert shown + rest == ("" if text in ESCALATIONS else text)


def test_a_reason_has_at_most_1024_bytes_and_no_half_character() -> None:
    reason = escalation_in(
        json.dumps({"escalate": True, "reason": "a" + "é" * 1000}, ensure_ascii=False)
    )

    assert reason == "a" + "é" * 511


def test_an_object_longer_than_the_limit_is_an_answer() -> None:
    text = '{"escalate": true, "reason": "%s"}'
    room = LONGEST - len(text % "")

    assert escalation_in(text % ("x" * room)) is not None
    assert escalation_in(text % ("x" * (room + 1))) is None


SNIPPETS = st.lists(
    st.one_of(
        st.sampled_from([*ESCALATIONS, *ANSWERS[:-2]]),
        st.sampled_from(["{", "}", '"', "\\", ":", ",", "true", " ", "```", "json", "[", "]"]),
        st.sampled_from(['"escalate"', '"reason"', '"x"', "esc", '\\"', "\ud800", "5e", "\n"]),
        st.text(max_size=5),
    ),
    max_size=12,
).map("".join)


@given(text=SNIPPETS, cuts=CUTS)
@example(text='{"escalate": true}', cuts=[])
def test_a_stream_shows_all_of_an_answer_and_nothing_of_an_escalation(
    text: str, cuts: list[int]
) -> None:
    filter_ = EscalationFilter()
    shown = fed(filter_, pieces_of(text, cuts))
    rest, reason = filter_.finish()

    assert reason == escalation_in(text)
    assert shown + rest == ("" if reason is not None else text)


@given(
    before=st.fixed_dictionaries({}, optional={"reason": st.text()}),
    after=st.dictionaries(st.text(), st.recursive(st.none() | st.text(), st.lists), max_size=3),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_whatever_json_writes_is_recognised(
    before: dict[str, str], after: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    value = {**before, "escalate": True, **{k: v for k, v in after.items() if k != "escalate"}}
    reason = value.get("reason")
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    said = reason if isinstance(reason, str) else ""
    expected = said.encode()[:1024].decode(errors="ignore") if len(written) <= LONGEST else None

    assert escalation_in(written) == expected


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Your invoice", 0),
        ('{"name": 1, "x": 2}', 2),
        ('{"answer": true}', 2),
        ("[1, 2]", 0),
        ("```python\nprint()", 3),
        ("``x", 2),
        ('{"escalate": false, "reason": ""}', 13),
        ('{"reason": "because", "score": 1}', 23),
    ],
)
def test_an_answer_is_held_no_longer_than_it_may_be_an_escalation(text: str, held: int) -> None:
    filter_ = EscalationFilter()
    most = 0
    for character in text:
        filter_.feed(character)
        most = max(most, filter_.holds)

    assert most == held
