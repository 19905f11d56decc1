"""What files say, taken up when they change and only when it is right."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from waypost_server.core.errors import SettingsError

Raw = TypeVar("Raw")
Content = TypeVar("Content")

_log = logging.getLogger(__name__)


class Kept(Generic[Raw, Content]):
    """The last of some files' contents that was right."""

    def __init__(
        self,
        read: Callable[[], Raw],
        check: Callable[[Raw], Content],
        *,
        name: str,
        taken_up: Callable[[Content], None] = lambda content: None,
    ) -> None:
        """Reads them.

        Args:
            read: reads the files; raises SettingsError.
            check: what they say; raises SettingsError.
            name: what it is, for the log; a plural.
            taken_up: is told of each content but the first, on the event loop.

        Raises:
            SettingsError: it is wrong from the beginning.
        """
        self._read, self._check = read, check
        self._name = name
        self._taken_up = taken_up
        self._problem = ""
        self._raw = read()
        self.content = check(self._raw)

    async def look(self) -> None:
        """Reads again; if it is wrong, the log says so once, and the old content stays.

        However wrong it is: files come from outside, and who looks at them must go on looking.
        """
        try:
            found = await asyncio.to_thread(self._changed)
        except SettingsError as error:
            self._tell(str(error))
            return
        except Exception as error:  # noqa: BLE001  (its words may hold what is in the file)
            self._tell(f"they cannot be read, because of a {type(error).__name__}")
            return
        self._problem = ""
        if found is not None:
            self._raw, self.content = found
            self._taken_up(self.content)
            _log.info("the %s are taken up", self._name)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            _log.error("the %s stay as they are: %s", self._name, problem)
        self._problem = problem

    def _changed(self) -> tuple[Raw, Content] | None:
        raw = self._read()
        return None if raw == self._raw else (raw, self._check(raw))
