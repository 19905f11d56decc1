from pathlib import Path

import pytest

from waypost_server.settings import Settings
from waypost_server.supervisor.job import Job


@pytest.mark.parametrize("index_version", [None, "0123456789ab"])
def test_a_job_survives_its_line_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, index_version: str | None
) -> None:
    settings = Settings.load(
        address="[::1]:4711",
        index=Path("an index\nof 'bündles'"),
        processes=3,
        workers=2,
        cache_entries=0,
        two_stage=False,
        uncached_tenants="a, b",
        drain_seconds=0.5,
        log_level="debug",
    )
    job = Job(settings, index_version, {"index": "an index"})
    line = job.to_line()
    assert line.count(b"\n") == 1
    for name, value in {"INDEX": "/elsewhere", "WORKERS": "7", "PROCESSES": "9"}.items():
        monkeypatch.setenv(f"WAYPOST_{name}", value)
    assert Job.from_line(line.decode()) == job


def test_what_the_command_line_said_counts_again_and_the_port_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "INDEX": "/elsewhere",
        "LOG_LEVEL": "error",
        "ADDRESS": "[::1]:1",
        "ADMIN_ADDRESS": "",
    }.items():
        monkeypatch.setenv(f"WAYPOST_{name}", value)
    job = Job(
        Settings.load(address="[::1]:4711", admin_address="[::1]:4712"),
        None,
        {"index": Path("mine"), "encoder": None},
    )
    again = Job.from_line(job.to_line().decode()).load()
    assert (again.index, again.log_level, again.address) == (Path("mine"), "error", "[::1]:4711")
    assert again.admin_address == "[::1]:4712"
