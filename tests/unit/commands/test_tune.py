import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.folders import write_folder
from tests.unit.commands.cli import waypost
from waypost_server.adapters.bundle_format import REGRESSION, _sealed
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.calibration import CalibrationMethod


@pytest.fixture
def index(index_folder: Path, tmp_path: Path) -> Path:
    """A copy of the shipped routes' index, to be changed."""
    return Path(shutil.copytree(index_folder, tmp_path / "index"))


def tune(
    *arguments: str | Path, index: Path, encoder_folder: Path, succeeds: bool = True
) -> dict[str, Any]:
    ran = waypost("tune", *arguments, "--json", index=index, encoder=encoder_folder)
    assert ran.returncode == (0 if succeeds else 1), ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_gain_goes_live_and_says_what_calibrated_it(
    repo: Path, index: Path, encoder_folder: Path
) -> None:
    old = BundleStore(index).load()
    found = tune(repo / "routes/eval", "--anyway", index=index, encoder_folder=encoder_folder)
    live = BundleStore(index).load()
    assert live.version == found["version"] != old.version
    assert live.scoring.calibration.method is CalibrationMethod.HELD_OUT
    assert live.scoring.similarity_weight == found["similarity_weight"]["after"]
    assert [*live.exemplars.texts] == [*old.exemplars.texts]
    assert {route: move["after"] for route, move in found["thresholds"].items()} == dict(
        live.scoring.thresholds
    )
    assert found["gains"]["confidence"]["low"] > 0
    assert found["gains"]["recognised"]["high"] >= 0
    evaluated = waypost("eval", repo / "routes/eval", "--json", index=index, encoder=encoder_folder)
    assert json.loads(evaluated.stdout)["calibration"] == "HELD_OUT"


def test_tuning_again_starts_from_exemplars_and_the_order_of_the_files_does_not_matter(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text().splitlines()
    turned = write_folder(tmp_path, {"turned.jsonl": "\n".join(lines[::-1])}) / "turned.jsonl"
    shipped = repo / "routes/eval"
    once = tune(shipped, "--anyway", index=index, encoder_folder=encoder_folder)
    again = tune(turned, shipped, "--anyway", index=index, encoder_folder=encoder_folder)
    assert again["left_out"] == once["left_out"] + len(lines)
    assert (again["finding"], again["queries"]) == (once["finding"], once["queries"])
    for name, gain in once["gains"].items():  # but for the last bits of a sum
        assert again["gains"][name] == pytest.approx(gain, abs=1e-6)
    for route, move in once["thresholds"].items():
        assert again["thresholds"][route] == pytest.approx(move, abs=2e-4)


def test_the_help_says_that_worse_within_noise_may_go_live() -> None:
    said = " ".join(waypost("tune", "--help").stdout.split())
    assert (
        "none is worse beyond noise, nor is the share of queries in scope that reach their route"
    ) in said
    assert "Within noise fewer may, and the report names it." in said


def test_a_dry_run_shows_the_same_and_changes_nothing(
    repo: Path, index: Path, encoder_folder: Path
) -> None:
    before = BundleStore(index).live_version()
    ran = waypost("tune", repo / "routes/eval", "--dry-run", index=index, encoder=encoder_folder)
    assert ran.returncode == 0, ran.stderr
    assert "beyond noise." in ran.stdout
    assert f"a dry run: the bundle in {index} stays as it is" in ran.stdout
    assert BundleStore(index).live_version() == before
    assert BundleStore(index).versions() == (before,)


def test_a_change_within_noise_is_no_gain_and_changes_nothing(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text().splitlines()
    inside = [line for line in lines if json.loads(line)["label"] != "oos"]
    few = write_folder(tmp_path, {"few.jsonl": "\n".join(inside[::8])}) / "few.jsonl"
    before = BundleStore(index).live_version()
    found = tune(few, index=index, encoder_folder=encoder_folder)
    assert (found["finding"], found["version"]) == ("noise", None)
    assert BundleStore(index).live_version() == before


def test_what_sends_fewer_queries_in_scope_to_their_route_leaves_the_bundle_and_says_so(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    routes = Path(shutil.copytree(repo / "routes", tmp_path / "routes"))
    exemplars = routes / "debugging/exemplars.txt"
    exemplars.write_text(f"{exemplars.read_text()}\nwhy is it slow on mondays\n")
    settings = {"index": index, "encoder": encoder_folder, "routes": routes}
    built = waypost("build", "--no-gate", "--json", **settings)
    before = json.loads(built.stdout)["version"]
    ran = waypost("tune", repo / "routes/eval", **settings)
    assert ran.returncode == 0, ran.stderr
    assert "\nA loss beyond noise.\n" in ran.stdout
    assert ", beyond noise\nFewer queries " in ran.stdout
    assert ran.stdout.endswith(
        f"waypost: the bundle in {index} stays as it is: tuning is no gain; --anyway makes it live "
        "all the same\n"
    )
    assert BundleStore(index).live_version() == before


def test_too_few_queries_are_refused_with_how_many_it_takes(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    few = write_folder(tmp_path, {"few.jsonl": '{"text": "why", "label": "debugging"}'})
    ran = waypost("tune", few / "few.jsonl", index=index, encoder=encoder_folder)
    assert ran.returncode == 1
    assert "1 of 1 queries belong to routes that have exemplars and were not taught" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_bad_lines_are_named(index: Path, encoder_folder: Path, tmp_path: Path) -> None:
    bad = write_folder(tmp_path, {"bad.jsonl": '{"text": "why", "label": "debuging"}\n'})
    ran = waypost("tune", bad / "bad.jsonl", index=index, encoder=encoder_folder)
    assert ran.returncode == 1
    assert "bad.jsonl:1" in ran.stderr
    assert "debugging" in ran.stderr


def test_a_build_of_the_same_routes_keeps_the_tuned_bundle_and_of_others_does_not(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    tuned = tune(repo / "routes/eval", "--anyway", index=index, encoder_folder=encoder_folder)
    settings = {"index": index, "encoder": encoder_folder}
    built = waypost("build", "--json", routes=repo / "routes", **settings)
    assert json.loads(built.stdout)["version"] == tuned["version"]
    assert json.loads(built.stdout)["tuned"]
    alone = waypost("build", "--json", routes=repo / "routes", two_stage="false", **settings)
    assert json.loads(alone.stdout)["version"] == tuned["version"]  # one stage less loses nothing
    routes = Path(shutil.copytree(repo / "routes", tmp_path / "routes"))
    exemplars = routes / "debugging/exemplars.txt"
    exemplars.write_text(f"{exemplars.read_text()}\nwhy is it slow on mondays\n")
    built = waypost("build", "--json", routes=routes, **settings)
    assert json.loads(built.stdout)["version"] != tuned["version"]
    assert not json.loads(built.stdout)["tuned"]


def test_what_a_build_lacks_for_want_of_tuning_a_tuning_of_its_bundle_mends(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    settings = {"index": index, "encoder": encoder_folder}
    store = BundleStore(index)
    tuned = tune(repo / "routes/eval", "--anyway", index=index, encoder_folder=encoder_folder)
    routes = Path(shutil.copytree(repo / "routes", tmp_path / "routes"))
    exemplars = routes / "debugging/exemplars.txt"
    exemplars.write_text(f"{exemplars.read_text()}\nwhy is it slow on mondays\n")
    refused = waypost("build", "--json", routes=routes, **settings)
    assert refused.returncode == 1
    version = json.loads(refused.stdout)["version"]
    assert store.live_version() == tuned["version"]
    assert f"`waypost tune FILE --version {version}` tunes it" in refused.stderr
    again = waypost(
        *("tune", routes / "eval", "--version", version, "--anyway", "--json"),
        routes=routes,
        **settings,
    )
    assert again.returncode == 0, again.stderr
    live = store.load()
    assert live.version == json.loads(again.stdout)["version"]
    assert live.is_tuned
    assert "why is it slow on mondays" in live.exemplars.texts


def test_exemplars_cannot_tune(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    texts = BundleStore(index).load().exemplars
    rows = [
        json.dumps({"text": text, "label": texts.routes[route_id]})
        for text, route_id in zip(texts.texts, texts.route_ids, strict=True)
    ]
    own = write_folder(tmp_path, {"own.jsonl": "\n".join(rows)}) / "own.jsonl"
    ran = waypost("tune", own, index=index, encoder=encoder_folder)
    assert ran.returncode == 1
    assert "0 of 0 queries" in ran.stderr


def test_a_tuning_goes_live_only_if_it_passes_the_gate_of_a_build(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    routes = Path(shutil.copytree(repo / "routes", tmp_path / "routes"))
    (routes / "gate.yaml").write_text("accuracy: 0.9999\n")
    settings = {"index": index, "encoder": encoder_folder, "routes": routes}
    store, before = BundleStore(index), BundleStore(index).live_version()
    arguments = ("tune", repo / "routes/eval", "--anyway")
    refused = waypost(*arguments, "--json", **settings)
    assert refused.returncode == 1
    told = json.loads(refused.stdout)
    (problem,) = told["problems"]
    assert problem.startswith(f"{routes / 'gate.yaml'}: accuracy is 0.")
    assert not told["live"]
    assert refused.stderr == (
        f"waypost: bundle {told['version']} does not pass: 1 problem; what is live stays; `waypost "
        f"index activate {told['version']} --force` makes it live all the same:\n{problem}\n"
    )
    assert store.live_version() == before
    assert store.refusal(told["version"]) == (problem,)
    forced = waypost(*arguments, "--no-gate", **settings)
    assert forced.returncode == 0, forced.stderr
    assert store.live_version() == told["version"]
    assert f"waypost: bundle {told['version']} is live in {index}; " in forced.stdout


def test_a_tuning_is_asked_the_regression_queries_that_its_bundle_was_built_with(
    repo: Path, index: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    store = BundleStore(index)
    stored = store.load()
    files = {name: stored.files.content(name) for name in stored.files.names}
    line = {"route": "debugging", "text": "write the documentation of this function"}
    files[REGRESSION] = files[REGRESSION] + f"{json.dumps(line)}\n".encode()
    version, content_of = _sealed(stored.manifest, files)
    write_folder(index / version, content_of)
    store.activate(version)
    settings = {"index": index, "encoder": encoder_folder, "routes": tmp_path}
    refused = waypost("tune", repo / "routes/eval", "--anyway", "--json", **settings)
    assert refused.returncode == 1
    (problem,) = json.loads(refused.stdout)["problems"]
    assert f"{REGRESSION}:{len(stored.regression()) + 1}: 'write the documentation" in problem
    assert "must go to debugging, but goes to " in problem
    assert store.live_version() == version
