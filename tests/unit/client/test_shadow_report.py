"""`waypost shadow report`: figures against those computed by hand, and files of all kinds."""

import json
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.shadow import (
    NoRecordError,
    ShadowOutcome,
    ShadowRun,
    ShadowSide,
    ShadowTexts,
    line_of,
    run_of,
)
from waypost_client.shadow._intervals import Pairs, mean_difference, newcombe, wilson
from waypost_client.shadow.commands import shadow

ANSWERED, FAILED = ShadowOutcome.ANSWERED, ShadowOutcome.FAILED


def side(**fields: Any) -> ShadowSide:  # noqa: ANN401
    known = {"route": "code", "outcome": ANSWERED, "latency_s": 1.0, "output_tokens": 10}
    return ShadowSide(**{**known, **fields})


def run(number: int, live: ShadowSide, trial: ShadowSide, **fields: Any) -> ShadowRun:  # noqa: ANN401
    known = {"candidate": "cheaper", "route": "code", "same_text": False}
    return ShadowRun(
        time="2026-01-02T03:04:05.678+00:00",
        decision_id=f"decision-{number}",
        live=live,
        shadow=trial,
        **{**known, **fields},
    )


def forty() -> list[ShadowRun]:
    """Of 40 queries both answer 30, live alone 8, the candidate alone 1, neither 1."""
    ends = [(ANSWERED, ANSWERED)] * 30 + [(ANSWERED, FAILED)] * 8
    ends += [(FAILED, ANSWERED), (FAILED, FAILED)]
    return [
        run(
            number,
            side(outcome=live, latency_s=2.0 + number, cost_usd=0.02, output_tokens=20),
            # 0.1 s, 0.2 s ... faster, query by query.
            side(
                outcome=trial,
                latency_s=2.0 + number - (number + 1) / 10,
                cost_usd=0.005 if number % 2 else 0.01,
                output_tokens=10,
                route="code" if number % 4 else "debug",
            ),
            same_text=number < 10,
        )
        for number, (live, trial) in enumerate(ends)
    ]


def written(path: Path, runs: list[ShadowRun]) -> Path:
    path.write_bytes(b"".join(line_of(each) for each in runs))
    return path


def reported(*arguments: object) -> Result:
    return CliRunner().invoke(shadow, ["report", *map(str, arguments)])


def as_json(*files: Path) -> dict[str, Any]:
    result = reported(*files, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def figures(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in group["figures"]}


def test_the_figures_are_those_computed_by_hand(tmp_path: Path) -> None:
    document = as_json(written(tmp_path / "log", forty()))
    assert (document["runs"], document["damaged"], document["repeated"]) == (40, 0, 0)
    overall, code = document["groups"]
    assert (overall["candidate"], overall["route"], code["route"]) == ("cheaper", None, "code")
    assert (overall["runs"], overall["compared"]) == (40, 40)
    assert (overall["same_route"], overall["same_text"]) == (0.75, 0.25)
    assert figures(overall) == figures(code)
    found = figures(overall)
    answered = found["answered"]
    assert (answered["live"], answered["candidate"]) == (38 / 40, 31 / 40)
    assert answered["live_interval"] == asdict(wilson(38, 40))
    assert answered["difference"] == pytest.approx(-7 / 40)
    assert answered["interval"] == asdict(newcombe(Pairs(30, 8, 1, 1)))
    assert answered["verdict"] == "worse"
    failed = found["failed"]
    assert (failed["live"], failed["candidate"], failed["verdict"]) == (2 / 40, 9 / 40, "worse")
    assert (found["rejected"]["candidate"], found["rejected"]["verdict"]) == (
        0,
        "no difference shown",
    )
    latency = found["latency_s"]  # of the 30 that both answered: live 2.0 ... 31.0
    assert (latency["queries"], latency["live"]) == (30, 16.5)
    assert latency["candidate"] == pytest.approx((16.0 - 1.5 + 17.0 - 1.6) / 2)
    assert latency["difference"] == pytest.approx(-1.55)
    assert latency["interval"]["low"] < -1.55 < latency["interval"]["high"] < 0
    assert latency["verdict"] == "better"
    assert found["latency_p90_s"]["live"] == 28.0  # the 27th of 30
    assert found["latency_p90_s"]["candidate"] == pytest.approx(28.0 - 2.7)
    assert found["latency_p90_s"]["verdict"] is None
    cost = found["cost_usd"]
    assert (cost["live"], cost["candidate"]) == pytest.approx((0.02, 0.0075))
    assert cost["difference"] == pytest.approx(-0.0125)
    drawn = mean_difference([-0.015, -0.01] * 20)
    assert (cost["interval"]["low"], cost["interval"]["high"]) == pytest.approx(
        (drawn.low, drawn.high)
    )
    assert cost["verdict"] == "better"
    assert (found["output_tokens"]["live"], found["output_tokens"]["candidate"]) == (20, 10)


def test_the_order_of_lines_and_files_does_not_matter(tmp_path: Path) -> None:
    runs = [
        replace(each, route=f"route-{number % 3}", candidate="ab"[number % 2])
        for number, each in enumerate(forty())
    ]
    one = as_json(written(tmp_path / "one", runs))
    random.Random(0).shuffle(runs)  # noqa: S311
    files = [written(tmp_path / "first", runs[:13]), written(tmp_path / "second", runs[13:])]
    assert as_json(*files) == one
    assert [(g["candidate"], g["route"]) for g in one["groups"]] == [
        (candidate, route)
        for candidate in "ab"
        for route in (None, "route-0", "route-1", "route-2")
    ]


def test_few_queries_say_nothing(tmp_path: Path) -> None:
    runs = [run(n, side(latency_s=9.0), side(latency_s=1.0, outcome=FAILED)) for n in range(29)]
    [overall, _] = as_json(written(tmp_path / "log", runs))["groups"]
    assert {f["verdict"] for f in overall["figures"]} == {"too few", None}
    [overall, _] = as_json(written(tmp_path / "log", [*runs, replace(runs[0], decision_id="x")]))[
        "groups"
    ]
    assert figures(overall)["answered"]["verdict"] == "worse"
    assert figures(overall)["latency_s"] == {
        "name": "latency_s",
        "live": None,
        "candidate": None,
        "queries": 0,
        "live_interval": None,
        "candidate_interval": None,
        "difference": None,
        "interval": None,
        "verdict": "too few",
    }


def test_a_rejection_counts_whoever_answers_then(tmp_path: Path) -> None:
    runs = [
        run(0, side(errors=("escalated",)), side(outcome=ShadowOutcome.REJECTED)),
        run(1, side(), side(outcome=ShadowOutcome.FALLBACK, errors=("timeout", "escalated"))),
        run(2, side(), side(errors=("timeout",))),
        run(3, side(), side()),
    ]
    found = figures(as_json(written(tmp_path / "log", runs))["groups"][0])
    assert (found["rejected"]["live"], found["rejected"]["candidate"]) == (0.25, 0.5)
    assert (found["answered"]["live"], found["answered"]["candidate"]) == (1, 0.5)
    assert (found["failed"]["live"], found["failed"]["candidate"]) == (0, 0)


def test_what_says_nothing_is_counted_and_not_compared(tmp_path: Path) -> None:
    left_out = side(outcome=ShadowOutcome.LEFT_OUT, errors=("not_callable",))
    cancelled = side(outcome=ShadowOutcome.CANCELLED)
    runs = [run(0, cancelled, side()), run(1, side(), cancelled), run(2, side(), left_out)]
    path = written(tmp_path / "log", [*runs, run(3, side(), side())])
    overall = as_json(path)["groups"][0]
    assert (overall["runs"], overall["compared"]) == (4, 1)
    assert overall["uncompared"] == {"cancelled": 1, "live cancelled": 1, "not_callable": 1}
    assert "not compared: 1 cancelled, 1 live cancelled, 1 not_callable" in reported(path).output
    assert "nothing to compare" in reported(written(tmp_path / "none", runs)).output


def test_unknown_tokens_are_left_out(tmp_path: Path) -> None:
    runs = [run(0, side(output_tokens=None), side()), run(1, side(), side(output_tokens=30))]
    tokens = figures(as_json(written(tmp_path / "log", runs))["groups"][0])["output_tokens"]
    assert (tokens["live"], tokens["candidate"], tokens["queries"]) == (10, 30, 1)


def test_the_table_is_for_a_person(tmp_path: Path) -> None:
    path = written(tmp_path / "log", forty())
    assert reported(path).output == TABLE


def test_cut_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    first, second, third = (line_of(each) for each in forty()[:3])
    path = tmp_path / "log"
    path.write_bytes(b"ail of a line}\n" + first + second[:90] + b"\n\n" + b"\0\0\n" + third[:40])
    document = as_json(path)
    assert (document["runs"], document["damaged"]) == (1, 3)
    assert reported(path).output.splitlines()[-1] == "1 run read; 3 damaged lines skipped"


def test_a_log_that_begins_with_a_crash_is_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(line_of(forty()[0])[:5])
    assert as_json(path) == {"runs": 0, "damaged": 1, "repeated": 0, "groups": []}
    path.write_bytes(b"")
    assert reported(path).output == "0 runs read\n"


def test_a_run_counts_once_in_whatever_files_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "log", forty())
    document = as_json(path, path)
    assert (document["runs"], document["repeated"]) == (40, 40)
    assert document["groups"] == as_json(path)["groups"]


NO_LOGS = {
    "text": (b"Dear Sir,\nhello\n", 1),
    "binary": (b"\x1f\x8b\x08\xff\xfe\n", 1),
    "other JSON": (b'{"route": "code"}\n', 1),
    "a list": (b"[]\n", 1),
    "a number": (b"7\n", 1),
    "another log at the end": (line_of(forty()[0]) + b'\n{"time": "now"}\n', 3),
    "an outcome of tomorrow": (line_of(forty()[0]).replace(b'"answered"', b'"praised"'), 1),
    "a text for a number": (line_of(forty()[0]).replace(b'"calls": 0', b'"calls": "0"'), 1),
    "no number": (line_of(forty()[0]).replace(b'"latency_s": 2.0', b'"latency_s": NaN'), 1),
}


@pytest.mark.parametrize(("content", "number"), NO_LOGS.values(), ids=NO_LOGS)
def test_another_file_is_an_error_with_its_line(
    content: bytes, number: int, tmp_path: Path
) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    result = reported(path)
    assert result.exit_code == 1
    assert f"{path}:{number}: this is no record of a shadow run" in result.stderr
    assert result.stdout == ""


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    assert reported(tmp_path / "none").exit_code == 2
    assert reported().exit_code == 2


def test_help_teaches_how_to_configure_a_candidate() -> None:
    said = reported("--help").output
    for word in ("fleet.yaml", "share: 0.1", "models:", "prompt:", "router:", "shadow_log"):
        assert word in said


def test_the_report_needs_click_and_no_sdk() -> None:
    loads = "import json, sys, waypost_client.shadow.commands; print(json.dumps([*sys.modules]))"
    ended = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, timeout=60, check=True
    )
    tops = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert "click" in tops
    assert not tops & {"numpy", "openai", "anthropic", "tenacity", "re2", "waypost_server"}
    assert "waypost_client.dispatch" not in json.loads(ended.stdout)


COUNT = st.integers(0, 10**9)
SIDES = st.builds(
    ShadowSide,
    route=st.text(),
    outcome=st.sampled_from(ShadowOutcome),
    model=st.text(),
    latency_s=st.floats(0, 1e6),
    errors=st.lists(st.text()).map(tuple),
    input_tokens=st.none() | COUNT,
    output_tokens=st.none() | COUNT,
    cost_usd=st.floats(0, 1e6),
    calls=COUNT,
    characters=COUNT,
    findings=st.dictionaries(st.text(), COUNT),
)
RUNS = st.builds(
    ShadowRun,
    time=st.text(),
    decision_id=st.text(),
    candidate=st.text(),
    route=st.text(),
    live=SIDES,
    shadow=SIDES,
    same_text=st.booleans(),
    not_callable=st.lists(st.text()).map(tuple),
    texts=st.none()
    | st.builds(
        ShadowTexts, query=st.text(), live=st.none() | st.text(), shadow=st.none() | st.text()
    ),
)


@given(RUNS)
def test_what_is_written_is_what_is_read(written_run: ShadowRun) -> None:
    line = line_of(written_run)
    assert line.count(b"\n") == 1
    assert run_of(json.loads(line)) == written_run


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_anything_else_is_no_record(document: object) -> None:
    with pytest.raises(NoRecordError):
        run_of(document)


TABLE = """\
cheaper, all routes: 40 runs
  same route 75.0%, same text 25.0%
                                         live               candidate   difference            95% interval  queries  candidate is
  answered             0.950 (0.835 to 0.986)  0.775 (0.625 to 0.877)       -0.175        -0.329 to -0.022       40  worse
  fell back            0.000 (0.000 to 0.088)  0.000 (0.000 to 0.088)       +0.000        -0.088 to +0.088       40  no difference shown
  rejected             0.000 (0.000 to 0.088)  0.000 (0.000 to 0.088)       +0.000        -0.088 to +0.088       40  no difference shown
  failed               0.050 (0.014 to 0.165)  0.225 (0.123 to 0.375)       +0.175        +0.022 to +0.329       40  worse
  latency, median                    16.500 s                14.950 s     -1.550 s        -2.100 to -1.000       30  better
  latency, p90                       28.000 s                25.300 s                                            30
  cost, mean                       0.020000 $              0.007500 $  -0.012500 $  -0.013250 to -0.011750       40  better
  output tokens, mean                      20                      10                                            30

40 runs read
"""  # noqa: E501
