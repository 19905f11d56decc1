import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.folders import write_folder
from tests.indexing import build_index
from tests.unit.adapters.encoders import copy_encoder
from tests.unit.commands.cli import waypost
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.lab.figures import FIGURES
from waypost_server.settings import Settings

FEW = (
    '{"text": "why does this test hang", "label": "debugging"}\n'
    '{"text": "please review my <script>alert(1)</script>", "label": "code_review"}\n'
    '{"text": "what is a good recipe for pancakes", "label": "oos"}\n'
)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "few", {"few.jsonl": FEW}) / "few.jsonl"


@pytest.fixture
def bundle(repo: Path, index_folder: Path, encoder_folder: Path) -> Mapping[str, Path]:
    """The settings of the shipped routes and encoders."""
    static = repo / "models/all-MiniLM-L6-v2-static"
    return {"index": index_folder, "encoder": encoder_folder, "static_encoder": static}


@pytest.fixture(scope="module")
def two_versions(
    index_folder: Path, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An index whose live bundle knows much less than the one before it."""
    folder = tmp_path_factory.mktemp("two") / "index"
    texts = BundleStore(index_folder).load().exemplars
    routes = {
        f"{route}/exemplars.txt": "\n".join(
            " ".join(text.split()) for text in texts.texts[texts.rows_of(i)][:2]
        )
        for i, route in enumerate(texts.routes)
    }
    small = write_folder(folder.parent / "routes", routes)
    shutil.copytree(index_folder, folder)
    settings = Settings.load(routes=small, index=folder, encoder=encoder_folder)
    build_index(settings)
    return folder


def test_the_shipped_set_as_json_agrees_with_itself_and_with_the_file(
    repo: Path, bundle: Mapping[str, Path]
) -> None:
    ran = waypost("eval", repo / "routes/eval", "--json", **bundle)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr  # no progress bar off a terminal
    found: dict[str, Any] = json.loads(ran.stdout)
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text().splitlines()
    labels = [json.loads(line)["label"] for line in lines]
    assert (found["queries"], found["out_of_scope"]) == (len(labels), labels.count("oos"))
    assert found["index_version"] == BundleStore(bundle["index"]).live_version()
    assert list(found["figures"]) == list(FIGURES)
    *routes, outside = found["per_route"]
    macro_f1 = sum(route["f1"] for route in routes) / len(routes)
    assert found["figures"]["macro_f1"]["value"] == pytest.approx(macro_f1, abs=1e-5)
    assert found["figures"]["oos_recall"]["value"] == pytest.approx(outside["recall"], abs=1e-5)
    assert all(0.5 < found["figures"][name]["value"] < 1 for name in ("accuracy", "auroc"))
    right = sum(found["confusion"]["counts"][i][i] for i in range(6))
    assert right == len(labels) - len(found["mistakes"])
    assert sum(o["in_scope"] + o["out_of_scope"] for o in found["outcomes"].values()) == len(labels)
    confidences = [mistake["confidence"] for mistake in found["mistakes"]]
    assert confidences == sorted(confidences, reverse=True)
    for mistake in found["mistakes"]:
        line = int(mistake["source"].rpartition(":")[2])
        assert json.loads(lines[line - 1])["text"].strip() == mistake["text"]
    inside = found["queries"] - found["out_of_scope"]
    sent = round(found["figures"]["routed_accuracy"]["value"] * inside)
    recognised = sum(found["confusion"]["counts"][i][i] for i in range(5))
    by_luck = sum(row["route"] == row["label"] for row in found["mistakes"])  # the default route
    assert len(found["lost"]) == recognised - (sent - by_luck) > 0
    assert all(row["called"] == row["label"] != row["route"] for row in found["lost"])
    assert (found["comparison"], found["gate"]) == (None, None)


def test_a_person_reads_a_table_and_a_page(
    tmp_path: Path, few: Path, bundle: Mapping[str, Path]
) -> None:
    page = tmp_path / "report.html"
    ran = waypost("eval", few, "--html", page, **bundle)
    assert (ran.returncode, ran.stderr) == (0, f"waypost: wrote {page}\n")
    first, *lines = ran.stdout.splitlines()
    assert first.endswith(": 3 queries, 2 in scope and 1 out of scope")
    assert {line.split()[0] for line in lines if line} >= {*FIGURES, "MATCHED", "debugging", "oos"}
    source = page.read_text()
    assert "<script>alert" not in source
    assert not re.search(r"(src|href)=|url\(|@import", source)


def test_a_comparison_says_what_changed_and_whether_it_is_noise(
    tmp_path: Path, repo: Path, two_versions: Path, encoder_folder: Path
) -> None:
    store = BundleStore(two_versions)
    live = store.live_version()
    (before,) = set(store.versions()) - {live}
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text().splitlines()
    fourth = write_folder(tmp_path, {"fourth.jsonl": "\n".join(lines[::4])})
    bundle = {"index": two_versions, "encoder": encoder_folder}
    ran = waypost("eval", fourth, "--compare", before, "--json", **bundle)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    comparison = found["comparison"]
    assert (found["index_version"], comparison["index_version"]) == (live, before)
    assert comparison["finding"] == "loss"
    assert comparison["p_value"] < 1e-3
    lost = len(comparison["became_wrong"]) - len(comparison["became_right"])
    right = {
        name: sum(route["recall"] * route["support"] for route in routes if route["support"])
        for name, routes in (("new", found["per_route"]), ("old", comparison["per_route"]))
    }
    assert right["old"] - right["new"] == pytest.approx(lost, abs=1e-3)


def test_a_folder_or_a_versions_folder_may_be_compared_with(
    few: Path, two_versions: Path, bundle: Mapping[str, Path]
) -> None:
    live = BundleStore(two_versions).live_version()
    for other in (two_versions, two_versions / str(live)):
        ran = waypost("eval", few, "--compare", other, **bundle)
        assert ran.returncode == 0, ran.stderr
        assert f"compared: {live} -> {BundleStore(bundle['index']).live_version()}\n" in ran.stdout


def test_a_gate_ends_with_1_and_a_line_for_each_figure_that_falls_short(
    tmp_path: Path, few: Path, bundle: Mapping[str, Path]
) -> None:
    gate = tmp_path / "gate.yaml"
    gate.write_text("accuracy: 0.9\nece: {max: 0.0001}\nper_route: {debugging: {recall: 0.5}}\n")
    missed = waypost("eval", few, "--gate", gate, "--json", **bundle)
    assert missed.returncode == 1
    assert missed.stderr.startswith("waypost: gate missed: ece is 0.")
    assert missed.stderr.count("\n") == 1
    bars = json.loads(missed.stdout)["gate"]["bars"]
    assert [bar["passed"] for bar in bars] == [True, False, True]
    gate.write_text("accuracy: 0.9\nper_route: {debugging: {recall: 0.5}}\n")
    passed = waypost("eval", few, "--gate", gate, **bundle)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert passed.stdout.endswith(
        "gate passed: accuracy is 1.0000, wanted at least 0.9\n"
        "gate passed: recall of debugging is 1.0000, wanted at least 0.5\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("bad.jsonl",), 1, "bad.jsonl:2: label 'debuging' names no route; did you mean 'debuggi"),
        (("empty.jsonl",), 1, "empty.jsonl:1: the file has no query in it; write lines like"),
        (("few.jsonl", "--gate", "gate.yaml"), 1, "gate.yaml:1: 'acuracy' is no figure; did you"),
        (("few.jsonl", "--compare", "abcdef"), 1, "it has no version 'abcdef'; its versions are"),
        (("few.jsonl", "--html", "none/r.html"), 1, "none/r.html: cannot be written: No such f"),
        (("few.jsonl", "--index", "none"), 1, "none: no bundle is live here; run `waypost build"),
        (("gone.jsonl",), 2, "Path 'gone.jsonl' does not exist"),
        ((), 2, "Missing argument 'FILE...'"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_cure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bundle: Mapping[str, Path],
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    bad = '{"text": "a", "label": "oos"}\n{"text": "b", "label": "debuging"}\n'
    files = {"few.jsonl": FEW, "bad.jsonl": bad, "empty.jsonl": "", "gate.yaml": "acuracy: 1"}
    monkeypatch.chdir(write_folder(tmp_path, files))
    ran = waypost("eval", *arguments, **bundle)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_bundle_of_another_encoder_is_compared_when_that_one_is_named(
    few: Path, bundle: Mapping[str, Path], repo: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    other = copy_encoder(
        encoder_folder, tmp_path / "encoder", manifest={"query_prefix": "translate: "}
    )
    (other / "guard.json").unlink()  # which was trained for the one that it is a copy of
    index = tmp_path / "index"
    build_index(Settings.load(routes=repo / "routes", index=index, encoder=other))
    refused = waypost("eval", few, "--compare", index, **bundle)
    assert refused.returncode == 1
    assert "name the encoder that it was built with" in refused.stderr
    ran = waypost("eval", few, "--compare", index, "--compare-encoder", other, "--json", **bundle)
    assert ran.returncode == 0, ran.stderr
    compared = json.loads(ran.stdout)["comparison"]
    assert compared["index_version"] == BundleStore(index).live_version()
    alone = waypost("eval", few, "--json", index=index, encoder=other)
    assert compared["figures"] == json.loads(alone.stdout)["figures"]
