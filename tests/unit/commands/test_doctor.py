import json
import re
from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.indexing import build_index
from tests.unit.commands.cli import waypost
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.settings import Settings


def test_the_shipped_routes_have_no_errors_and_every_finding_a_cure(index_folder: Path) -> None:
    done = waypost("doctor", "--limit", "1", "--log", "/dev/null", index=index_folder)
    assert (done.returncode, done.stderr) == (0, "")
    summary, blank, rest = done.stdout.split("\n", 2)
    live = BundleStore(index_folder).load()
    assert blank == ""
    assert re.fullmatch(
        rf"waypost: bundle {live.version}, 5 routes, {len(live.exemplars.texts)} exemplars: "
        r"0 errors, \d+ warnings?, \d+ hints?",
        summary,
    )
    problems = re.findall(r"^  (\w+): (?!and \d+ more$)", rest, re.M)
    assert len(problems) == rest.count("      cure: ")
    assert len(set(problems)) == len(problems), "more than --limit of a kind"
    assert "strange_log: The log holds 0 decisions" in rest


def test_a_program_reads_all_findings_and_strict_fails_on_them(index_folder: Path) -> None:
    done = waypost("doctor", "--json", "--strict", "--limit", "1", index=index_folder)
    told = json.loads(done.stdout)
    assert set(told) == {"version", "routes", "exemplars", "counts", "findings"}
    severities = [finding["severity"] for finding in told["findings"]]
    assert told["counts"] == {name: severities.count(name) for name in ("error", "warning", "hint")}
    assert done.returncode == int(told["counts"]["error"] + told["counts"]["warning"] > 0)
    assert set(told["findings"][0]) == {
        "kind",
        "severity",
        "routes",
        "problem",
        "sentences",
        "figures",
        "cure",
    }


@pytest.fixture
def index(tmp_path: Path, encoder_folder: Path) -> Path:
    """Bundles of two routes that hold a sentence in common."""
    routes = {
        "billing/exemplars.txt": "refund me\nmy card was charged twice\nwhere is my invoice\n",
        "cooking/exemplars.txt": "how long do eggs boil\nREFUND me\nbake a cake\n",
    }
    settings = Settings.load(
        routes=write_folder(tmp_path / "routes", routes),
        index=tmp_path / "index",
        encoder=encoder_folder,
    )
    build_index(settings)
    return settings.index


def test_findings_are_failures_only_if_strict(tmp_path: Path, index: Path) -> None:
    log = write_folder(tmp_path, {"log.jsonl": '{"route": "billing", "at": 1}\n\n' * 300})
    done = waypost("doctor", "--log", log / "log.jsonl", index=index)
    assert (done.returncode, done.stderr) == (0, "")
    assert '      billing: "refund me"\n      cooking: "REFUND me"\n' in done.stdout
    assert "busy: billing gets 100% of the traffic. (share 1, decisions 300, of 300)" in done.stdout
    assert "idle: cooking gets 0.0% of the traffic." in done.stdout
    strict = waypost("doctor", "--strict", "--log", log / "log.jsonl", index=index)
    assert (strict.returncode, strict.stdout) == (1, done.stdout)


def test_a_bad_log_is_named_line_by_line(tmp_path: Path, index: Path) -> None:
    lines = b'{"route": "billing"}\n{"route": 3}\n["billing"]\nnope\n\xff\n{"path": "billing"}\n'
    log = write_folder(tmp_path, {"log.jsonl": lines}) / "log.jsonl"
    done = waypost("doctor", "--log", log, index=index)
    assert (done.returncode, done.stdout) == (1, "")
    for number in range(2, 7):
        assert f'{log}:{number}: a line must be like {{"route": "debugging"}}' in done.stderr
    assert f"{log}:1:" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_bundle_it_says_what_to_run(tmp_path: Path) -> None:
    done = waypost("doctor", index=tmp_path / "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "waypost build --index" in done.stderr
