"""Takes up changed settings while the server runs."""

import logging
from collections.abc import Callable, Mapping

from waypost_server.core.errors import SettingsError
from waypost_server.settings import PREFIX, Settings

Appliers = Mapping[str, Callable[[Settings], None]]
"""By setting: puts its new value into force, or raises SettingsError and changes nothing."""

_log = logging.getLogger(__name__)


class Reloading:
    """What runs on SIGHUP."""

    def __init__(
        self, settings: Settings, appliers: Appliers, *, load: Callable[[], Settings]
    ) -> None:
        """Does nothing yet.

        Args:
            settings: in force now.
            appliers: of every setting that can be taken up.
            load: reads the settings again; raises SettingsError.

        Raises:
            ValueError: a setting is said to be taken up and has no applier, or has one and is not.
        """
        wanted = {name for name in Settings.model_fields if Settings.reloads(name)}
        if wanted != set(appliers):
            raise ValueError(
                f"these settings are taken up, or have an applier, and not both: "
                f"{sorted(wanted ^ set(appliers))}"
            )
        self._settings = settings
        self._appliers = appliers
        self._load = load

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self._settings

    def again(self) -> None:
        """Reads the settings, takes up what can be taken up and logs what cannot.

        If one is wrong, all stay as they are.
        """
        try:
            wanted = self._load()
        except SettingsError as error:
            _log.error("the settings stay as they are: %s", error)
            return
        for name in self._settings.changes(wanted):
            if name in self._appliers:
                self._take_up(name, wanted)
            else:
                _log.warning("%s%s changed: restart the server for it", PREFIX, name.upper())

    def _take_up(self, name: str, wanted: Settings) -> None:
        try:
            self._appliers[name](wanted)
        except SettingsError as error:
            _log.error("%s%s stays as it is: %s", PREFIX, name.upper(), error)
            return
        before, now = getattr(self._settings, name), getattr(wanted, name)
        self._settings = self._settings.model_copy(update={name: now})
        _log.info("%s%s is taken up: %s, before it was %s", PREFIX, name.upper(), now, before)
