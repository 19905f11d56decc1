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


UNKNOWN_KEYS: list[tuple[type[BaseModel], str, str]] = [
    (
        RouteFile,
        "description: x\ntreshold: 0.5\n",
        "2: treshold is an unknown key; did you mean 'threshold'? It may be one of "
        "description, fallback_route, hints, params, specialist, threshold",
    ),
    (
        RouteFile,
        "specialist:\n  models: []\n  temprature: 0.2\n",
        "3: specialist.temprature is an unknown key; did you mean 'temperature'? It may be one of "
        "connect_timeout_ms, first_token_timeout_ms, max_output_tokens, models, seed, stop, "
        "temperature, timeout_ms, top_p",
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
        "one of api_key_env, base_url, context_window, enabled, model, provider, tags, "
        "usd_per_mtok_in, usd_per_mtok_out",
    ),
    (
        TaxonomyFile,
        "colour: red\n",
        "1: colour is an unknown key; it may be one of "
        "default_route, language, limits, margin, min_confidence",
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
    (RouteFile, "params:\n  type: array", "1: params is a JSON Schema and must say `type: object`"),
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
