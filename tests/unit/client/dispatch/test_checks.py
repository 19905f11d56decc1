import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost_client import Judge, OutputChecks
from waypost_client.dispatch._output._checks import PolicyError, compile_checks

PERSON = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"minimum": 0}},
        "required": ["name"],
        "additionalProperties": False,
    }
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def problem_with_schema(schema: object, answer: str) -> str | None:
    return compile_checks(OutputChecks(json_schema=json.dumps(schema))).problem(answer, None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"name": "Ann"}', None),
        ('```json\n{"name": "Ann"}\n```', None),
        ('```\n{"name": "Ann"}```  \n', None),
        ("Ann", "The answer is not JSON."),
        ('Sure: {"name": "Ann"}', "The answer is not JSON."),
        ('{"name": NaN}', "The answer is not JSON."),
        ("", "The answer is not JSON."),
        ("```", "The answer is not JSON."),
        ("{}", "The answer does not fit the JSON Schema: it breaks required."),
        (
            '{"name": "secret"}',
            "The answer does not fit the JSON Schema: it breaks properties/name/pattern.",
        ),
        (
            '{"name": "Ann", "secret": 1}',
            "The answer does not fit the JSON Schema: it breaks additionalProperties.",
        ),
    ],
)
def test_an_answer_is_held_to_the_schema(answer: str, problem: str | None) -> None:
    assert compile_checks(OutputChecks(json_schema=PERSON)).problem(answer, None) == problem


def test_json_is_given_bare_and_other_text_as_it_is() -> None:
    fenced = '```json\n{"name": "Ann"}\n```'

    assert compile_checks(OutputChecks(json_schema=PERSON)).clean(fenced) == '{"name": "Ann"}'
    assert compile_checks(OutputChecks(regex="Ann")).clean(fenced) == fenced


@given(JSON_VALUES)
def test_it_agrees_with_the_library(value: object) -> None:
    from jsonschema import Draft202012Validator

    schema = {
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "array", "items": {"$ref": "#/$defs/word"}, "uniqueItems": True},
            {"type": "object", "patternProperties": {"^a": True, "b$": {"type": "null"}}},
        ],
        "$defs": {"word": {"type": "string", "pattern": "^.{2,}$"}},
    }
    fits = Draft202012Validator(schema).is_valid(value)

    assert (problem_with_schema(schema, json.dumps(value)) is None) == fits


@pytest.mark.parametrize(
    ("properties", "fits"),
    [({"a1": 1}, True), ({"b": "x"}, True), ({"a1": "x"}, False), ({"b": 1}, False)],
)
def test_patterns_of_names_go_with_additional_ones(properties: object, fits: bool) -> None:
    schema = {
        "patternProperties": {"^a": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    }

    assert (problem_with_schema(schema, json.dumps(properties)) is None) == fits


def test_a_pattern_that_hangs_others_hangs_nothing() -> None:
    assert problem_with_schema({"pattern": "^(a+)+$"}, json.dumps("a" * 100_000 + "b"))
    assert compile_checks(OutputChecks(regex="^(a+)+$")).problem("a" * 100_000 + "b", None)


def test_deep_answers_and_endless_schemas_end() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    assert problem_with_schema({"type": "array"}, deep) == "The answer is nested too deeply."
    assert problem_with_schema({"$ref": "#"}, "1") == "The answer is nested too deeply."


def test_lone_surrogates_are_no_error() -> None:
    assert problem_with_schema({"pattern": "b"}, '"a\\ud800b"') is None
    assert compile_checks(OutputChecks(regex="a.b")).problem("a\ud800b", None) is None


@pytest.mark.parametrize(
    ("confidence", "problem"),
    [
        (0.8, None),
        (0.9, None),
        (0.75, "The confidence of 0.750 is below 0.8."),
        (float("nan"), "The confidence of nan is below 0.8."),
        (None, "The model gives no token probabilities, so the least confidence is not reached."),
    ],
)
def test_the_confidence_must_be_known_and_reached(
    confidence: float | None, problem: str | None
) -> None:
    assert compile_checks(OutputChecks(min_confidence=0.8)).problem("x", confidence) == problem


def test_a_hard_failure_comes_before_a_soft_one() -> None:
    checks = compile_checks(OutputChecks(regex=r"\d", min_confidence=0.8))

    assert checks.problem("none", 0.1) == "The answer does not match the regular expression."
    assert checks.hard_problem("7") is None
    assert checks.soft_problem(0.1) == checks.problem("7", 0.1)


@pytest.mark.parametrize(
    ("checks", "hard", "soft"),
    [
        (OutputChecks(), False, False),
        (OutputChecks(json_schema="{}"), True, False),
        (OutputChecks(regex="x"), True, False),
        (OutputChecks(min_confidence=0.5), False, True),
        (OutputChecks(judge=Judge(model="j", min_score=0.5)), False, True),
    ],
)
def test_what_a_policy_needs(checks: OutputChecks, hard: bool, soft: bool) -> None:
    compiled = compile_checks(checks)

    assert (compiled.has_hard, compiled.has_soft) == (hard, soft)
    assert compiled.needs_whole == (hard or soft)
    assert compile_checks(checks) is compiled


@pytest.mark.parametrize(
    ("checks", "part"),
    [
        (OutputChecks(json_schema="{"), "checks.json_schema: it is not JSON"),
        (OutputChecks(json_schema='{"type": "strin"}'), "checks.json_schema: it is no schema"),
        (OutputChecks(json_schema="5"), "checks.json_schema: it is no schema"),
        (OutputChecks(json_schema='{"pattern": "(?=a)"}'), "RE2 does not know"),
        (OutputChecks(json_schema='{"items": {"patternProperties": {"[": {}}}}'), "RE2 does not"),
        (OutputChecks(json_schema='{"$ref": "https://acme.test/x.json"}'), "out of the document"),
        (OutputChecks(json_schema='{"items": {"$ref": "#/$defs/no"}}'), "out of the document"),
        (
            OutputChecks(
                json_schema='{"patternProperties": {}, "not": {"unevaluatedProperties": true}}'
            ),
            "do not go together",
        ),
        (OutputChecks(regex="(?=a)"), "checks.regex: RE2 does not know it: invalid perl operator"),
        (OutputChecks(min_confidence=1.5), "checks.min_confidence: 1.5 is not in [0, 1]."),
    ],
)
def test_a_policy_that_cannot_be_carried_out_is_refused(checks: OutputChecks, part: str) -> None:
    with pytest.raises(PolicyError) as refused:
        compile_checks(checks)

    assert part in str(refused.value)


@given(st.lists(JSON_VALUES | st.floats(allow_nan=False, allow_infinity=False), max_size=5))
@example([1, 1.0])
@example([1, True])
@example([0, False, None, "", [], {}])
@example([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}])
@example([[1], [True]])
@example([10**17, 1e17, 10**17 + 1])
@example([0.0, -0.0])
@example(["1", 1])
def test_items_are_unique_as_the_library_has_it(items: list[object]) -> None:
    from jsonschema import Draft202012Validator

    schema = {"uniqueItems": True}
    fits = Draft202012Validator(schema).is_valid(items)
    assert (problem_with_schema(schema, json.dumps(items)) is None) == fits


def test_many_objects_are_compared_without_comparing_all_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jsonschema._utils.equal", lambda *_: pytest.fail("it compares pairs"))
    many = json.dumps([{"a": number} for number in range(20_000)])
    assert problem_with_schema({"type": "array", "uniqueItems": True}, many) is None


def nested(value: object, depth: int, name: str = "") -> str:
    for _ in range(depth):
        value = {name: value} if name else [value]
    return json.dumps(value)


NESTS = {"$ref": "#"}
TAKES_LONG = {
    "twice a level": (
        {"type": "object", "unevaluatedProperties": NESTS},
        nested(1.5, 60, "a"),
    ),
    "two branches a level": (
        {"anyOf": [{"items": NESTS, "minItems": 9}, {"items": NESTS, "type": "array"}]},
        nested(1, 60).replace("[1]", "[[]]"),
    ),
    "all pairs of items": (
        {"unevaluatedItems": True},
        json.dumps(list(range(10_000))),
    ),
    "all pairs of names": (
        {"unevaluatedProperties": True},
        json.dumps({str(number): number for number in range(10_000)}),
    ),
    "the whole on each level": (
        {"uniqueItems": True, "items": NESTS},
        nested(list(range(10_000)), 60),
    ),
    "every name": (
        {"patternProperties": {"^a": True}, "additionalProperties": {}},
        json.dumps({f"a{number}": 1 for number in range(60_000)}),
    ),
}


@pytest.mark.parametrize(("schema", "answer"), TAKES_LONG.values(), ids=TAKES_LONG)
def test_a_check_that_would_hold_up_the_loop_is_given_up(schema: object, answer: str) -> None:
    said = "The answer takes too long to check against the JSON Schema."
    assert problem_with_schema(schema, answer) == said


def test_no_check_leaves_less_time_for_the_next() -> None:
    schema = {"items": {"type": "integer"}}
    for _ in range(3):
        assert problem_with_schema(schema, json.dumps(list(range(30_000)))) is None


def test_no_complaint_quotes_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from jsonschema import ValidationError

    said: list[str] = []
    made = ValidationError.__init__

    def listens(error: ValidationError, message: str, *args: object, **more: object) -> None:
        said.append(message)
        made(error, message, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ValidationError, "__init__", listens)
    schema = {"anyOf": [{"type": "object"}, {"items": NESTS, "type": "array"}]}
    assert problem_with_schema(schema, nested(["secret"] * 1000, 50)) is not None
    assert said
    assert max(map(len, said)) < 2000


def test_an_answer_that_is_too_long_is_not_checked() -> None:
    said = "The answer is longer than the 1,048,576 characters that are checked."
    assert problem_with_schema({}, '"' + "x" * (2**20 - 2) + '"') is None
    assert problem_with_schema({}, '"' + "x" * (2**20 - 1) + '"') == said


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400])
def test_a_number_beyond_floats_is_a_problem_and_no_error(number: str) -> None:
    said = "The answer has a number that is too large to check."
    assert problem_with_schema({"multipleOf": 0.5}, number) == said
    assert problem_with_schema({"minimum": 0.5}, number) is None


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema = '{"items":' * 300 + "{}" + "}" * 300
    with pytest.raises(PolicyError, match="nested too deeply"):
        compile_checks(OutputChecks(json_schema=schema))


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        ("https://json-schema.org/draft/2020-12/schema", ["a" * 40 + "b"]),
        ("http://json-schema.org/draft-07/schema#", ["a" * 40 + "b"]),
    ],
)
def test_a_schema_that_names_its_dialect_is_checked_alike(dialect: str, answer: object) -> None:
    # By Python's expressions this would take years.
    schema = {"$schema": dialect, "items": NESTS, "pattern": "^(a+)+$"}
    said = "The answer does not fit the JSON Schema: it breaks items/pattern."
    assert problem_with_schema(schema, json.dumps(answer)) == said
