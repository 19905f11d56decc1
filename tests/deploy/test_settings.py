"""What is in deploy/ names settings that there are, with values that they take."""

import re

import pytest

from tests.deploy.manifests import DEPLOY, base
from waypost_server.settings import Settings

NAMED = re.compile(r"WAYPOST_[A-Z_]+")
KNOWN = {f"WAYPOST_{name.upper()}" for name in Settings.model_fields} | {"WAYPOST_CONFIG"}


def named() -> set[tuple[str, str]]:
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    return {
        (path.relative_to(DEPLOY).as_posix(), name)
        for path in files
        for name in NAMED.findall(path.read_text("utf-8"))
    }


def test_every_setting_that_is_named_is_one() -> None:
    assert {each for each in named() if each[1] not in KNOWN} == set()


def test_the_values_in_the_manifests_are_ones_that_settings_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (values,) = (manifest["data"] for _, manifest in base() if manifest["kind"] == "ConfigMap")
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.watch
