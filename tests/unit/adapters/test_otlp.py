import sys

import pytest

from waypost_server.adapters.otlp import open_tracer
from waypost_server.core.errors import SettingsError


def test_a_missing_sdk_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError) as error:
        open_tracer("http://127.0.0.1:1", server_version="1", instance="i")
    assert str(error.value) == (
        "WAYPOST_OTLP_ENDPOINT is set, and traces need opentelemetry.sdk.trace; run: "
        "pip install 'waypost[telemetry]'"
    )


@pytest.mark.parametrize("endpoint", ["collector:4317", "grpc://collector:4317", " "])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="write http://HOST:PORT"):
        open_tracer(endpoint, server_version="1", instance="i")
