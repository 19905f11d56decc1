from pathlib import Path

import pytest
from pydantic import BaseModel

from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile
from waypost_server.adapters.section import validate
from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import YamlFile, read_yaml


def yaml_file(folder: Path, text: str) -> YamlFile:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


def problems(folder: Path, schema: type[BaseModel], text: str) -> list[str]:
    """What is wrong, without the path."""
    with pytest.raises(FileProblems) as error:
        validate(schema, yaml_file(folder, text))
    return [problem.removeprefix(f"{folder}/file.yaml:") for problem in error.value.problems]


@pytest.mark.parametrize("value", ["7", "-1.01", ".nan", ".inf", "yes", "'0.5'", "high", "[0.5]"])
def test_a_threshold_that_no_cosine_can_reach_is_refused_with_the_range(
    tmp_path: Path, value: str
) -> None:
    (problem,) = problems(tmp_path, RouteFile, f"description: x\nthreshold: {value}\n")
    assert problem.startswith("2: threshold is ")
    assert problem.endswith("; write a number between -1 and 1, or auto")


@pytest.mark.parametrize(
    ("value", "threshold"), [("auto", None), ("-1", -1.0), ("0.62", 0.62), ("1", 1.0)]
)
def test_a_threshold_is_a_cosine_or_automatic(
    tmp_path: Path, value: str, threshold: float | None
) -> None:
    assert validate(RouteFile, yaml_file(tmp_path, f"threshold: {value}")).threshold == threshold


@pytest.mark.parametrize("schema", [TaxonomyFile, RouteFile])
@pytest.mark.parametrize("value", ["-0.1", "100.1", ".nan", ".inf", "yes", "'1'", "sticky", "[1]"])
def test_a_stickiness_that_is_no_factor_is_refused_with_the_range(
    tmp_path: Path, schema: type[BaseModel], value: str
) -> None:
    (problem,) = problems(tmp_path, schema, f"# c\nstickiness: {value}\n")
    assert problem.startswith("2: stickiness is ")
    assert "; write a number from 0 to 100: 0 looks at every query by itself, " in problem


def test_stickiness_is_off_and_a_route_has_none_of_its_own_unless_written(tmp_path: Path) -> None:
    def stickiness(text: str) -> tuple[float, float | None]:
        file = yaml_file(tmp_path, text)
        return validate(TaxonomyFile, file).stickiness, validate(RouteFile, file).stickiness

    assert stickiness("{}\n") == (0.0, None)
    assert stickiness("stickiness: 0.5\n") == (0.5, 0.5)


UNKNOWN_KEYS: list[tuple[type[BaseModel], str, str]] = [
    (
        RouteFile,
        "description: x\ntreshold: 0.5\n",
        "2: treshold is an unknown key; did you mean 'threshold'? It may be one of "
        "description, extract, fallback_route, guard, hints, params, params_model, specialist, "
        "stickiness, threshold",
    ),
    (
        RouteFile,
        "specialist:\n  models: []\n  temprature: 0.2\n",
        "3: specialist.temprature is an unknown key; did you mean 'temperature'? It may be one of "
        "call_timeout_ms, checks, connect_timeout_ms, first_token_timeout_ms, guard, idempotent, "
        "max_calls, max_latency_ms, max_output_tokens, models, parallel, pattern, prefer, "
        "requires, seed, speculative, stop, temperature, timeout_ms, top_p",
    ),
    (
        RouteFile,
        "specialist:\n  checks:\n    judge:\n      model: small\n      minscore: 0.5\n",
        "5: specialist.checks.judge.minscore is an unknown key; did you mean 'min_score'? It may "
        "be one of instructions, min_score, model",
    ),
    (
        RouteFile,
        "specialist:\n  guard: {secret: flag}\n",
        "2: specialist.guard.secret is an unknown key; did you mean 'secrets'? It may be one of "
        "personal_data, prompt_leak, secrets",
    ),
    (
        FleetFile,
        "shadows:\n  cheaper:\n    share: 0.1\n    model: small\n",
        "4: shadows.cheaper.model is an unknown key; did you mean 'models'? It may be one of "
        "models, prompt, router, routes, share",
    ),
    (
        FleetFile,
        "models:\n  breaker:\n    provider: openai\n    model: x\n    breaker: {open_ms: 1}\n",
        "5: models.breaker.breaker.open_ms is an unknown key; did you mean 'open_seconds'? It may "
        "be one of failures, open_seconds",
    ),
    (
        TaxonomyFile,
        "limits:\n  max_query_byte: 1\n",
        "2: limits.max_query_byte is an unknown key; did you mean 'max_query_bytes'? It may be one "
        "of max_query_bytes",
    ),
    (
        FleetFile,
        "models:\n  small:\n    provider: openai\n    model: x\n    contxt_window: 1\n",
        "5: models.small.contxt_window is an unknown key; did you mean 'context_window'? It may be "
        "one of api_key_env, base_url, breaker, context_window, enabled, features, model, "
        "provider, quality, retries, tags, usd_per_mtok_in, usd_per_mtok_out, "
        "warm_up_after_seconds",
    ),
    (
        TaxonomyFile,
        "colour: red\n",
        "1: colour is an unknown key; it may be one of "
        "default_route, escalation, guard, hierarchy, language, limits, margin, min_confidence, "
        "plans, sensitivity, stickiness, tenants",
    ),
]


@pytest.mark.parametrize(("schema", "text", "problem"), UNKNOWN_KEYS)
def test_an_unknown_key_is_named_with_the_key_that_was_meant(
    tmp_path: Path, schema: type[BaseModel], text: str, problem: str
) -> None:
    assert problems(tmp_path, schema, text) == [problem]


WRONG_VALUES: list[tuple[type[BaseModel], str, str]] = [
    (TaxonomyFile, "min_confidence: 75", "1: min_confidence is 75: input should be less than or"),
    (TaxonomyFile, "margin: .nan", "1: margin is nan: input should be a finite number"),
    (TaxonomyFile, "limits: {max_query_bytes: 0}", "1: limits.max_query_bytes is 0: input should"),
    (RouteFile, "specialist:\n  models: gpt", "2: specialist.models is 'gpt': input should be a"),
    (RouteFile, "specialist:\n  timeout_ms: -1", "2: specialist.timeout_ms is -1: input should"),
    (RouteFile, "hints:\n  reasoning_effort: max", "2: hints.reasoning_effort is 'max': input"),
    (
        RouteFile,
        "params:\n  type: object\n  since: 2024-01-01",
        "3: params.since is a date, which JSON does not have; put the value in quotes",
    ),
    (FleetFile, "models:\n  m: {provider: openai}", "2: models.m.model is missing; add it"),
    (
        FleetFile,
        "models:\n  m:\n    provider: opnai\n    model: x",
        "3: models.m.provider is 'opnai': input should be 'openai' or 'anthropic'",
    ),
    (
        FleetFile,
        "models:\n  m:\n    provider: openai\n    model: x\n    api_key_env: sk-live-1",
        "5: models.m.api_key_env is 'sk-live-1': string should match pattern",
    ),
    (
        FleetFile,
        "models:\n  m:\n    provider: openai\n    model: x\n    usd_per_mtok_in: .inf",
        "5: models.m.usd_per_mtok_in is inf: input should be a finite number",
    ),
]

SPECIALIST: list[tuple[str, str]] = [
    ("pattern: race", "pattern is 'race': input should be 'failover', 'cascade' or 'parallel'"),
    ("max_calls: 0", "max_calls is 0: input should be greater than or equal to 1"),
    ("max_calls: 33", "max_calls is 33: input should be less than or equal to 32"),
    ("parallel: {width: 4}", "parallel.width is 4: input should be less than or equal to 3"),
    ("parallel: {width: 1}", "parallel.width is 1: input should be greater than or equal to 2"),
    (
        "parallel: {pick: best}",
        "parallel.pick is 'best': input should be 'first', 'confidence' or 'judge'",
    ),
    ("parallel: {grace_ms: -1}", "parallel.grace_ms is -1: input should be greater than"),
    ("checks: {min_confidence: 60}", "checks.min_confidence is 60: input should be less than"),
    ("checks: {judge: {min_score: 0.5}}", "checks.judge.model is missing; add it"),
    (
        "checks: {judge: {model: a, min_score: 7}}",
        "checks.judge.min_score is 7: input should be less than or equal to 1",
    ),
    ("checks: {json_schema: '{}'}", "checks.json_schema is '{}': input should be a valid dict"),
    ("checks: {json_schema: [object]}", "checks.json_schema is a list: input should be a valid"),
    (
        "guard: {secrets: hide}",
        "guard.secrets is 'hide': input should be 'off', 'flag', 'redact' or 'block'",
    ),
    ("guard: {secrets: on}", "guard.secrets is True: input should be 'off', 'flag', 'redact' or"),
]

ABOUT_CHECKS: list[tuple[str, str]] = [
    (
        "json_schema: {properties: {a: {items: [{$ref: 'https://x.test/a.json'}]}}}",
        "json_schema refers to 'https://x.test/a.json', and a client fetches nothing; put it under "
        "$defs and refer to it with #/$defs/",
    ),
    (
        "json_schema: {$dynamicRef: file.json}",
        "json_schema refers to 'file.json', and a client fetches nothing; put it under $defs and "
        "refer to it with #/$defs/",
    ),
    (
        f"json_schema: {{maximum: 1{'0' * 300}}}",
        "json_schema has a number that is too large for a float",
    ),
    ("regex: '[a'", "regex is refused by RE2: missing ]: [a; mend it"),
    ("regex: '^(?!no)'", "regex has what RE2 lacks: a look-around; match the text itself"),
]

FLEET: list[tuple[str, str]] = [
    (
        "features: [vision]",
        "features.0 is 'vision': input should be 'tools', 'json_schema', 'logprobs' or 'reasoning'",
    ),
    ("retries: 6", "retries is 6: input should be less than or equal to 5"),
    ("breaker: {failures: 0}", "breaker.failures is 0: input should be greater than or equal"),
    ("breaker: {open_seconds: 0}", "breaker.open_seconds is 0: input should be greater than"),
    ("breaker: {open_seconds: .inf}", "breaker.open_seconds is inf: input should be a finite"),
    ("warm_up_after_seconds: 5000000", "warm_up_after_seconds is 5000000: input should be less"),
]

SHADOWS: list[tuple[str, str]] = [
    ("models: [m]", "share is missing; add it"),
    ("share: 1.1", "share is 1.1: input should be less than or equal to 1"),
    ("share: -0.1", "share is -0.1: input should be greater than or equal to 0"),
    ("share: .nan", "share is nan: input should be a finite number"),
    ("share: 1\n    router: localhost", "router is 'localhost': string should match pattern"),
    ("share: 1\n    router: http://a:1", "router is 'http://a:1': string should match pattern"),
]

WRONG_VALUES += [
    *(
        (RouteFile, f"specialist:\n  {text}", f"2: specialist.{problem}")
        for text, problem in SPECIALIST
    ),
    *(
        (RouteFile, f"specialist:\n  checks:\n    {text}", f"3: {problem}")
        for text, problem in ABOUT_CHECKS
    ),
    *(
        (
            FleetFile,
            f"models:\n  m:\n    provider: openai\n    model: x\n    {text}",
            f"5: models.m.{problem}",
        )
        for text, problem in FLEET
    ),
    *(
        (
            FleetFile,
            f"shadows:\n  s:\n    {text}",
            f"{4 if 'router' in text else 3 if 'share' in text else 2}: shadows.s.{problem}",
        )
        for text, problem in SHADOWS
    ),
]


@pytest.mark.parametrize(("schema", "text", "problem"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_line_and_what_it_should_be(
    tmp_path: Path, schema: type[BaseModel], text: str, problem: str
) -> None:
    (found,) = problems(tmp_path, schema, text)
    assert found.startswith(problem)


def test_every_wrong_value_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    text = "description: [x]\nthreshold: 7\nhints:\n  needs_retrieval: maybe\ncolour: red\n"
    lines = [problem.split(":")[0] for problem in problems(tmp_path, RouteFile, text)]
    assert lines == ["1", "2", "4", "5"]


@pytest.mark.parametrize("nan", [".nan", ".inf"])
def test_a_json_schema_is_json(tmp_path: Path, nan: str) -> None:
    text = f"specialist:\n  checks:\n    json_schema:\n      maximum: {nan}"
    (problem,) = problems(tmp_path, RouteFile, text)
    assert problem.startswith("4: specialist.checks.json_schema.maximum.")
    assert problem.endswith(": input should be a finite number")


def test_a_json_schema_may_refer_to_itself_and_name_a_property_ref(tmp_path: Path) -> None:
    text = "specialist: {checks: {json_schema: {$ref: '#/$defs/a', properties: {$ref: {}}}}}"
    checks = validate(RouteFile, yaml_file(tmp_path, text)).specialist.checks
    assert checks.json_schema == {"$ref": "#/$defs/a", "properties": {"$ref": {}}}


@pytest.mark.parametrize("word", ["off", "'off'"])
def test_a_guard_may_be_off_however_yaml_reads_the_word(tmp_path: Path, word: str) -> None:
    text = f"specialist: {{guard: {{secrets: {word}}}}}"
    assert validate(RouteFile, yaml_file(tmp_path, text)).specialist.guard.secrets == "off"
