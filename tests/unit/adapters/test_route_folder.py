from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.bundle import RouteSet
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.errors import RoutesError
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.policy import Checks

Files = Mapping[str, str | bytes]

MINIMAL: Files = {"billing/exemplars.txt": "my card was charged twice\nwhere is my invoice\n"}


def read(folder: Path, files: Files) -> RouteSet:
    return read_routes(write_folder(folder / "routes", files))


def test_a_folder_with_nothing_but_exemplars_is_a_route_and_the_default_is_implicit(
    tmp_path: Path,
) -> None:
    routes = read(tmp_path, MINIMAL)
    assert routes.catalog == Catalog(
        taxonomy=Taxonomy(),
        routes={"billing": Route(name="billing"), "default": Route(name="default")},
    )
    assert routes.catalog.default_route.name == "default"
    assert routes.exemplars == {"billing": ("my card was charged twice", "where is my invoice")}


def test_folders_nest_and_one_that_only_groups_others_is_no_route(tmp_path: Path) -> None:
    routes = read(
        tmp_path,
        {
            "engineering/README.md": "groups",
            "engineering/code_review/exemplars.txt": "review this",
            "engineering/code_review/security/exemplars.jsonl": '{"text": "is this safe"}',
            "engineering/debugging/exemplars.csv": "text\nit crashes\n",
        },
    )
    assert routes.exemplars == {
        "engineering/code_review": ("review this",),
        "engineering/code_review/security": ("is this safe",),
        "engineering/debugging": ("it crashes",),
    }


def test_eval_sets_and_folders_named_with_an_underscore_or_dot_are_no_routes(
    tmp_path: Path,
) -> None:
    noise: Files = {
        "eval/dev.jsonl": '{"text": "x", "label": "y"}',
        "_drafts/exemplars.txt": b"not even UTF-8: \xff",
        "_drafts/deeper/route.yaml": "threshold: 7",
        "billing/_old/exemplars.txt": "",
        ".git/route.yaml": "[",
        "README.md": "a file is no route",
    }
    assert read(tmp_path, {**MINIMAL, **noise}) == read(tmp_path / "plain", MINIMAL)


def test_exemplars_in_the_folder_of_eval_sets_are_not_lost_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match=r"eval/exemplars.txt:1: eval/ holds labelled queries"):
        read(tmp_path, {**MINIMAL, "eval/exemplars.txt": "is this a route"})


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    plain = read(tmp_path, MINIMAL)
    (tmp_path / "routes" / "loop").symlink_to(tmp_path / "routes")
    assert read_routes(tmp_path / "routes") == plain


def test_only_the_top_folder_named_eval_is_left_out(tmp_path: Path) -> None:
    routes = read(tmp_path, {**MINIMAL, "ml/eval/exemplars.txt": "compute the F1 score"})
    assert "ml/eval" in routes.exemplars


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("exemplars.txt", "# strangers\nwhat is the weather\n\ntell me a joke\n"),
        ("exemplars.jsonl", '{"text": "what is the weather"}\n{"text": "tell me a joke"}\n'),
        ("exemplars.csv", "text\nwhat is the weather\ntell me a joke\n"),
    ],
)
def test_examples_of_out_of_scope_are_read_and_make_no_route(
    tmp_path: Path, name: str, content: str
) -> None:
    routes = read(tmp_path, {**MINIMAL, f"_out_of_scope/{name}": content})
    assert routes.out_of_scope == ("what is the weather", "tell me a joke")
    assert set(routes.exemplars) == {"billing"}
    assert set(routes.catalog.routes) == {"billing", "default"}


def test_without_examples_of_out_of_scope_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).out_of_scope == ()
    nested = {**MINIMAL, "billing/_out_of_scope/exemplars.txt": "tell me a joke\n"}
    assert read(tmp_path / "nested", nested).out_of_scope == ()


def test_the_shipped_routes_are_read_as_their_files_say(repo: Path) -> None:
    routes = read_routes(repo / "routes")
    review = routes.catalog.route("code_review")
    assert (review.fallback_route, review.threshold) == ("general_engineering", None)
    assert review.specialist.models == ("claude-hosted", "strong-hosted", "small-local")
    assert review.specialist.prompt == (repo / "routes/code_review/specialist.md").read_text()
    assert review.params_schema is not None
    assert review.params_schema["properties"]["focus"]["enum"][0] == "security"
    assert routes.catalog.models["claude-hosted"].context_window_tokens == 200_000
    assert routes.catalog.taxonomy.default_route == "general_engineering"
    assert set(routes.exemplars) == set(routes.catalog.routes)


SMALL = "models:\n  small: {provider: openai, model: x}\n"

FULL: Files = {
    **MINIMAL,
    "taxonomy.yaml": "margin: 0.02\n",
    "fleet.yaml": SMALL,
    "billing/route.yaml": "description: Money.\nspecialist: {models: [small]}\n",
    "billing/negatives.txt": "write a bill for parliament\n",
    "billing/specialist.md": "You answer questions about bills.\n",
}

SAME_MEANING: dict[str, Files] = {
    "comment in exemplars": {
        "billing/exemplars.txt": "# c\nmy card was charged twice\n\nwhere is my invoice"
    },
    "CRLF": {"billing/exemplars.txt": "my card was charged twice\r\nwhere is my invoice\r\n"},
    "other kind of file": {
        "billing/exemplars.txt": b"",
        "billing/exemplars.csv": "text\nmy card was charged twice\nwhere is my invoice\n",
    },
    "comment in yaml": {"taxonomy.yaml": "# c\nmargin: 0.020 # d\n"},
    "default written out": {"taxonomy.yaml": "margin: 0.02\nlanguage: en\n"},
    "README": {"billing/README.md": "about billing"},
    "default policy written out": {
        "billing/route.yaml": "description: Money.\nspecialist:\n  models: [small]\n"
        "  pattern: failover\n  max_calls: 6\n  idempotent: true\n  speculative: false\n"
        "  parallel: {width: 2, pick: first, grace_ms: 0}\n"
        "  checks: {regex: '', min_confidence: 0}\n"
        "  guard: {secrets: off, personal_data: off, prompt_leak: off}\n"
    },
    "default fleet written out": {
        "fleet.yaml": "models:\n  small:\n    provider: openai\n    model: x\n    features: []\n"
        "    retries: 1\n    breaker: {failures: 5, open_seconds: 30}\n"
        "    warm_up_after_seconds: 0\nshadows: {}\n"
    },
}

OTHER_MEANING: dict[str, Files] = {
    "exemplar": {"billing/exemplars.txt": "my card was charged twice\nwhere is my receipt\n"},
    "order of exemplars": {
        "billing/exemplars.txt": "where is my invoice\nmy card was charged twice\n"
    },
    "negative": {"billing/negatives.txt": "write a bill for congress\n"},
    "out of scope": {"_out_of_scope/exemplars.txt": "tell me a joke\n"},
    "prompt": {"billing/specialist.md": "You answer questions about money.\n"},
    "setting": {"taxonomy.yaml": "margin: 0.03\n"},
    "price": {"fleet.yaml": "models:\n  small: {provider: openai, model: x, usd_per_mtok_in: 1}\n"},
    "breaker": {
        "fleet.yaml": "models:\n  small: {provider: openai, model: x, breaker: {failures: 4}}\n"
    },
    "guard": {
        "billing/route.yaml": "description: Money.\n"
        "specialist: {models: [small], guard: {prompt_leak: flag}}\n"
    },
    "shadow": {"fleet.yaml": f"{SMALL}shadows: {{s: {{share: 0.1, prompt: s.md}}}}\n", "s.md": "a"},
    "prompt of a shadow": {
        "fleet.yaml": f"{SMALL}shadows: {{s: {{share: 0.1, prompt: s.md}}}}\n",
        "s.md": "b",
    },
}


@pytest.mark.parametrize("change", SAME_MEANING.values(), ids=SAME_MEANING)
def test_how_a_file_says_it_does_not_change_the_hash(tmp_path: Path, change: Files) -> None:
    files = {name: content for name, content in {**FULL, **change}.items() if content != b""}
    assert read(tmp_path / "a", files).sha256 == read(tmp_path / "b", FULL).sha256


@pytest.mark.parametrize("change", OTHER_MEANING.values(), ids=OTHER_MEANING)
def test_what_a_file_says_changes_the_hash(tmp_path: Path, change: Files) -> None:
    changed = read(tmp_path / "a", {**FULL, **change})
    assert changed.sha256 != read(tmp_path / "b", FULL).sha256


def test_every_other_meaning_is_another_hash(tmp_path: Path) -> None:
    hashes = {
        read(tmp_path / name, {**FULL, **change}).sha256 for name, change in OTHER_MEANING.items()
    }
    assert len(hashes) == len(OTHER_MEANING)


def test_a_json_schema_is_one_text_however_its_keys_are_ordered(tmp_path: Path) -> None:
    schemas = ("{type: object, required: [größe]}", "{required: ['größe'], type: 'object'}")
    checks = [
        read(
            tmp_path / str(i),
            {**MINIMAL, "billing/route.yaml": f"specialist: {{checks: {{json_schema: {schema}}}}}"},
        )
        .catalog.route("billing")
        .specialist.policy.checks
        for i, schema in enumerate(schemas)
    ]
    assert checks == [Checks(json_schema='{"required":["größe"],"type":"object"}')] * 2


def test_regression_queries_are_read_with_their_lines_and_count_for_the_hash(
    tmp_path: Path,
) -> None:
    without = read_routes(write_folder(tmp_path, SOUND))
    assert without.regression == ()
    files = {"billing/regression.txt": "# must come here\n\nrefund my card\nwhere is my invoice\n"}
    found = read_routes(write_folder(tmp_path, files))
    path = tmp_path / "billing/regression.txt"
    assert found.regression == (
        LabelledQuery(text="refund my card", label="billing", source=f"{path}:3"),
        LabelledQuery(text="where is my invoice", label="billing", source=f"{path}:4"),
    )
    assert found.exemplars == without.exemplars
    assert found.sha256 != without.sha256
