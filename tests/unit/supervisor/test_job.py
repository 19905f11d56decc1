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
    line = Job(settings, index_version).to_line()
    assert line.count(b"\n") == 1
    for name, value in {"INDEX": "/elsewhere", "WORKERS": "7", "PROCESSES": "9"}.items():
        monkeypatch.setenv(f"WAYPOST_{name}", value)
    assert Job.from_line(line.decode()) == Job(settings, index_version)
