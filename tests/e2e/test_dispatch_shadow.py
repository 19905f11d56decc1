"""Shadow candidates beside live answers, from fleet.yaml to the report."""

import json
from pathlib import Path

from tests.e2e.dispatching import QUERIES, build, routes_folder
from tests.e2e.processes import running_server, waypost
from tests.llm_server import Answer, LlmServer
from waypost_client.dispatch import Dispatcher

COUNT = 20
MODELS = {"live": "usd_per_mtok_out: 8", "other": "usd_per_mtok_out: 1"}
SPECIALISTS = dict.fromkeys(QUERIES, "{models: [live]}")


async def test_another_model_a_monolith_and_another_route_table_are_compared(
    tmp_path: Path, llm: LlmServer
) -> None:
    llm.always("live", Answer("a long and careful answer", output_tokens=100))
    llm.always("other", Answer("an answer", output_tokens=10))
    elsewhere = routes_folder(
        tmp_path / "elsewhere",
        llm,
        models=MODELS,
        specialists=dict.fromkeys(QUERIES, "{models: [other]}"),
    )
    (elsewhere / "cooking" / "exemplars.txt").rename(elsewhere / "cooking" / "was.txt")
    (elsewhere / "cooking" / "exemplars.txt").write_text("polish my boots\nshoe polish\n")
    build(elsewhere, tmp_path / "index2")
    with running_server(tmp_path / "index2") as second:
        routes = routes_folder(tmp_path / "routes", llm, models=MODELS, specialists=SPECIALISTS)
        with (routes / "fleet.yaml").open("a", encoding="utf-8") as fleet:
            fleet.write(
                "shadows:\n"
                "  cheaper: {share: 1, models: [other]}\n"
                "  monolith: {share: 1, models: [other], prompt: monolith.md}\n"
                f"  table: {{share: 1, router: '{second.address}'}}\n"
            )
        (routes / "monolith.md").write_text("You know everything.\n")
        build(routes, tmp_path / "index")
        log = tmp_path / "shadow.jsonl"
        with running_server(tmp_path / "index") as server:
            for _ in range(COUNT):
                async with Dispatcher(server.address, shadow_log=log) as dispatcher:
                    for query in QUERIES.values():
                        answer = await dispatcher.answer(query)
                        assert answer.text == "a long and careful answer"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert len(lines) == 3 * 3 * COUNT
    assert not any(word in log.read_text("utf-8") for word in ("chicken", "careful", "everything"))
    monolithic = [
        call
        for call in llm.calls_of("other")
        if call.body["messages"][0]["content"] == "You know everything.\n"
    ]
    assert len(monolithic) == 3 * COUNT
    moved = [line for line in lines if line["candidate"] == "table" and line["route"] == "cooking"]
    assert moved
    assert not any(line["same_route"] for line in moved)
    report = waypost("shadow", "report", str(log), "--json")
    assert report.returncode == 0, report.stderr
    assert {"cheaper", "monolith", "table"} <= set(_words(json.loads(report.stdout)))
    assert "cheaper" in waypost("shadow", "report", str(log)).stdout


def _words(value: object) -> list[str]:
    """All texts in a JSON document."""
    if isinstance(value, dict):
        return [word for pair in value.items() for each in pair for word in _words(each)]
    if isinstance(value, list):
        return [word for each in value for word in _words(each)]
    return [value] if isinstance(value, str) else []
