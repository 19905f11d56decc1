import logging
from collections.abc import Callable

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.settings import Settings
from waypost_server.wiring.reloading import Reloading


def reloading(
    load: Callable[[], Settings], *, before: Settings, refuses: bool = False
) -> tuple[Reloading, list[str]]:
    """What reloads, and the log levels that it has put into force."""
    taken: list[str] = []

    def apply(settings: Settings) -> None:
        if refuses:
            raise SettingsError("not today")
        taken.append(settings.log_level)

    appliers = {name: apply for name in Settings.model_fields if Settings.reloads(name)}
    return Reloading(before, appliers, load=load), taken


def test_what_can_be_taken_up_is_and_the_rest_is_named(caplog: pytest.LogCaptureFixture) -> None:
    before = Settings.load(log_level="info", workers=1, watch=False)
    after = Settings.load(log_level="debug", workers=2, watch=False)
    again, taken = reloading(lambda: after, before=before)
    with caplog.at_level(logging.INFO):
        again.again()
    assert taken == ["debug"]
    assert caplog.messages == [
        "WAYPOST_WORKERS changed: restart the server for it",
        "WAYPOST_LOG_LEVEL is taken up: debug, before it was info",
    ]
    assert again.settings == before.model_copy(update={"log_level": "debug"})
    again.again()
    assert taken == ["debug"]  # nothing has changed since


def test_a_wrong_setting_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Settings:
        raise SettingsError("WAYPOST_WORKERS is '0': too few")

    before = Settings.load(workers=1)
    again, taken = reloading(load, before=before)
    again.again()
    assert (taken, again.settings) == ([], before)
    assert caplog.messages == ["the settings stay as they are: WAYPOST_WORKERS is '0': too few"]


def test_one_that_is_refused_is_tried_again_the_next_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = Settings.load(log_level="info")
    again, _ = reloading(lambda: Settings.load(log_level="debug"), before=before, refuses=True)
    again.again()
    again.again()
    assert again.settings == before
    assert caplog.messages == ["WAYPOST_LOG_LEVEL stays as it is: not today"] * 2


def test_every_setting_that_is_said_to_be_taken_up_has_an_applier() -> None:
    settings = Settings.load()
    with pytest.raises(ValueError, match="workers"):
        Reloading(settings, {"workers": lambda _: None}, load=lambda: settings)
