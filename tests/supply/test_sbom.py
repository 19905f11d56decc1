import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supply.lock import packages_of, read_lock
from tests.supply.sbom import ROOT, bill


def test_the_bill_names_each_pin_with_its_hashes_and_a_licence() -> None:
    packages = {part["purl"]: part for part in bill()["components"] if part["type"] == "library"}
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pins = [found for line in lines if (found := re.match(r"([a-z0-9._-]+)==([^ ]+)", line))]
    assert sorted(packages) == sorted({f"pkg:pypi/{pin[1]}@{pin[2]}" for pin in pins})
    hashes = [
        each["content"]
        for part in packages.values()
        for each in part["externalReferences"][0]["hashes"]
    ]
    assert len(hashes) == sum("--hash=sha256:" in line for line in lines)
    assert [name for name, part in packages.items() if "licenses" not in part] == []


def test_the_bill_has_the_shipped_weights_as_they_are() -> None:
    models = [part for part in bill()["components"] if part["type"] == "machine-learning-model"]
    assert [model["name"] for model in models] == ["all-MiniLM-L6-v2", "all-MiniLM-L6-v2-static"]
    for model in models:
        assert model["licenses"] == [{"expression": "Apache-2.0"}]
        for file in model["components"]:
            content = (ROOT / "models" / model["name"] / file["name"]).read_bytes()
            assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()


def test_what_runs_is_told_from_what_is_for_work_on_waypost() -> None:
    scopes = {part["name"]: part["scope"] for part in bill()["components"]}
    assert {scopes[name] for name in ("grpcio", "faiss-cpu", "openai", "pydantic-core")} == {
        "required"
    }
    assert {scopes[name] for name in ("pytest", "mypy", "uv", "hypothesis")} == {"excluded"}


def test_it_says_what_needs_what() -> None:
    said = bill()
    needs = {one["ref"]: one["dependsOn"] for one in said["dependencies"]}
    parts = {part["bom-ref"] for part in said["components"]}
    ourselves = said["metadata"]["component"]["bom-ref"]
    assert {one for each in needs.values() for one in each} <= parts
    assert needs.keys() <= parts | {ourselves}
    names = {ref: [one.split("/")[1].split("@")[0] for one in each] for ref, each in needs.items()}
    assert {"grpcio", "protobuf", "faiss-cpu", "openai", "sqlalchemy"} <= set(names[ourselves])
    assert "pytest" not in names[ourselves]
    [grpcio] = [ref for ref in needs if ref.startswith("pkg:pypi/grpcio@")]
    assert names[grpcio] == ["typing-extensions"]


def test_two_bills_are_the_same_bytes_and_only_source_date_epoch_dates_one() -> None:
    bills = [
        subprocess.run(
            [sys.executable, "-m", "tests.supply.sbom"],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"} | more,
            capture_output=True,
            check=True,
        ).stdout
        for more in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}, {"SOURCE_DATE_EPOCH": "0"})
    ]
    assert bills[0] == bills[1]
    dated = json.loads(bills[2])
    assert dated["metadata"].pop("timestamp") == "1970-01-01T00:00:00+00:00"
    assert dated == json.loads(bills[0])


def test_what_an_extra_takes_is_what_the_lock_pins() -> None:
    pinned = {pin.name for pin in read_lock(ROOT / "requirements.lock")}
    for extra in ("server", "dispatch", "consult", "postgres", "telemetry", "parquet", "dev"):
        assert packages_of(ROOT / "pyproject.toml", [extra]) <= pinned, extra
    assert packages_of(ROOT / "pyproject.toml", []) <= {"grpcio", "protobuf", "typing-extensions"}


@pytest.mark.parametrize("line", ["name>=1", "name==1", "-e .", "    --hash=sha256:abc"])
def test_a_lock_that_pins_nothing_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"neither a pin nor its hash|without a hash: name"):
        read_lock(path)
