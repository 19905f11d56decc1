"""Rules over the wire, of a folder of their own and of the page that explains them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.topics import CLEAR, DEFAULT, build
from waypost_client import Client, Contract

RULES = """\
task_type: x-task
rules:
  - name: weather_desk
    when: {task_type: weather}
    route: weather
  - name: incident
    priority: 5
    when: {regex: '(?i)\\bincident #[0-9]+\\b', keywords: {none: [closed]}}
    route: banking
  - name: no_music_on_trial
    when: {tenant: trial}
    forbid: [music]
  - name: likes_rain
    when: {keywords: {any: [umbrella]}}
    boost: {weather: 12}
"""
UMBRELLA = "find me another umbrella please"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, topics_folder: Path) -> Path:
    made = tmp_path_factory.mktemp("rules")
    shutil.copytree(topics_folder, made, dirs_exist_ok=True)
    (made / "routes/rules.yaml").write_text(RULES, "utf-8")
    build(made / "routes", made / "index")
    return made


@pytest.fixture(scope="module", params=["true", "false"], ids=["two stages", "one stage"])
def ruled(request: pytest.FixtureRequest, folder: Path) -> Iterator[Client]:
    with (
        running_server(folder / "index", WAYPOST_TWO_STAGE=request.param) as server,
        Client(server.address, timeout_s=20) as client,
    ):
        yield client


def way(contract: Contract) -> tuple[str, str, str]:
    return contract.route, contract.outcome, contract.stage


def test_a_rule_decides_without_the_encoder_and_the_contract_says_which(ruled: Client) -> None:
    contract = ruled.route(CLEAR["music"], metadata={"x-task": "weather"})
    assert way(contract) == ("weather", "MATCHED", "RULES")
    assert contract.reasons == ("RULE_MATCHED", "NO_ELIGIBLE_MODEL")
    assert contract.rationale == "The rule weather_desk sends it to weather."
    # Nothing was compared: there is no candidate, and so, as the contract says, no confidence.
    assert (contract.candidates, contract.confidence, contract.similarity) == ((), 0.0, 0.0)
    assert contract.fallback_route == DEFAULT
    assert contract.timings.encode_us == 0


def test_without_a_rule_that_fires_it_is_as_it_was(ruled: Client, topics_index: Path) -> None:
    texts = [*CLEAR.values(), "closed: incident #12", "what about the next refund"]
    with running_server(topics_index) as plain, Client(plain.address, timeout_s=20) as client:
        for text in texts:
            ours, theirs = (one.route(text, max_candidates=32) for one in (ruled, client))
            assert ours.reasons == theirs.reasons
            assert (ours.route, ours.outcome) == (theirs.route, theirs.outcome)


def test_the_higher_priority_decides(ruled: Client) -> None:
    contract = ruled.route("an INCIDENT #12", metadata={"x-task": "weather"})
    assert contract.rationale == "The rule incident sends it to banking."


@pytest.mark.parametrize(
    "limits", [{"allowed_routes": ["banking", "music"]}, {"tenant": "trial"}], ids=str
)
def test_where_a_rules_route_may_not_be_chosen_the_encoder_decides(
    ruled: Client, limits: dict[str, object]
) -> None:
    text, fields = CLEAR["music"], {"x-task": "weather" if "tenant" not in limits else "none"}
    contract = ruled.route(text, metadata=fields, **limits)  # type: ignore[arg-type]
    assert contract.stage != "RULES"
    if "tenant" in limits:
        assert contract.route != "music"
        assert "RULE_FORBADE" in contract.reasons
        assert "music" not in {one.route for one in contract.candidates}
    else:
        assert contract.route == "music"


def test_a_specialist_that_rejects_what_a_rule_sent_it_gets_it_no_more(ruled: Client) -> None:
    text, metadata = CLEAR["weather"], {"x-task": "weather"}
    first = ruled.route(text, metadata=metadata)
    second = ruled.reroute(
        text, decision_id=first.decision_id, rejected_routes=["weather"], metadata=metadata
    )
    assert second.route != "weather"
    assert second.stage != "RULES"
    assert "ROUTE_REJECTED" in second.reasons


def test_a_boost_lifts_a_route_and_its_confidence_and_is_a_reason(ruled: Client) -> None:
    contract = ruled.route(UMBRELLA)
    assert (contract.route, contract.outcome) == ("weather", "MATCHED")
    assert "RULE_BOOSTED" in contract.reasons
    assert contract.confidence > 0.9
    assert contract.stage != "RULES"
    # Where it had no part in the decision it is no reason.
    assert "RULE_BOOSTED" not in ruled.route(CLEAR["music"]).reasons


def test_a_batch_and_a_huge_text_meet_the_same_rules(ruled: Client) -> None:
    found = ruled.route_many(["incident #1", "x " * 10_000 + "incident #2", CLEAR["music"]])
    assert [one.route for one in found if isinstance(one, Contract)] == [
        "banking", "banking", "music",
    ]  # fmt: skip


def test_evaluation_and_doctor_count_the_rules(folder: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    rows = [("incident #77 on my album", "banking"), (CLEAR["music"], "music")]
    queries.write_text(
        "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows), "utf-8"
    )
    done = waypost("eval", str(queries), "--index", str(folder / "index"), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["figures"]["accuracy"]["value"] == 1.0
    told = waypost(
        "doctor", "--index", str(folder / "index"), "--json", WAYPOST_ROUTES=str(folder / "routes")
    )
    problems = [one["problem"] for one in json.loads(told.stdout)["findings"]]
    path = folder / "routes/rules.yaml"
    assert f"{path}:6: rule incident fires on none of the 124 known texts." in problems


def test_a_regression_query_that_a_rule_takes_away_names_the_rule(
    folder: Path, tmp_path: Path
) -> None:
    routes = shutil.copytree(folder / "routes", tmp_path / "routes")
    (routes / "music/regression.txt").write_text("the song about incident #9\n", "utf-8")
    built = waypost("build", "--routes", str(routes), "--index", str(tmp_path / "index"))
    assert built.returncode == 1
    assert (
        f"{routes}/music/regression.txt:1: 'the song about incident #9' must go to music, but a "
        "rule sends it to banking; narrow the rule's condition, or remove the line" in built.stderr
    )


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_what_the_page_shows_is_what_happens(
    repo: Path, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = blocks((repo / "docs/rules.md").read_text("utf-8"), "python")
    exec(compile(code.replace("127.0.0.1:50051", server.address), "rules.md", "exec"), {})  # noqa: S102
    shown = re.findall(r"# prints: (.*)", code)
    assert capsys.readouterr().out.splitlines() == shown


def test_what_the_page_of_hints_shows_is_what_happens(
    repo: Path, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (repo / "docs/hints.md").read_text("utf-8")
    [code] = blocks(page, "python")
    exec(compile(code.replace("127.0.0.1:50051", server.address), "hints.md", "exec"), {})  # noqa: S102
    shown = re.findall(r"# prints: (.*)", code)
    assert capsys.readouterr().out.splitlines() == shown
    [lines] = blocks(page, "json")
    shipped = (repo / "routes/general_engineering/hints.jsonl").read_text("utf-8")
    assert all(line in shipped.splitlines() for line in lines.splitlines())
