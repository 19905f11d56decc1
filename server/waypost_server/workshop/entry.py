"""How a new version enters the index folder: live, refused, or built to be tried."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.errors import BundleError
from waypost_server.settings import Settings
from waypost_server.workshop.auditing import audit
from waypost_server.workshop.gating import GateVerdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Of one version; every way in removes old ones and returns those that went.

    Attributes:
        store: the index folder.
        known: the versions in it before.
        keep: how many stay.
        told: hears which version goes live, and which was before; says why that is not audited.
    """

    store: BundleStore
    known: Collection[str]
    keep: int
    told: Callable[[str, str], str]

    @classmethod
    def of(cls, settings: Settings, *, by: str) -> Self:
        """Before the version is written, by a command."""

        def told(version: str, before: str) -> str:
            return audit(
                settings,
                "activate index",
                version,
                note=by,
                before=before,
                after=version,
                if_there=True,
            )

        store = BundleStore(settings.index)
        return cls(store, store.versions(), settings.keep_bundles, told)

    def written(self, version: str) -> None:
        """It is on disk, and not live yet: should the build be killed, it is known as such."""
        if version not in self.known:
            self.store.note_tried(version)

    def refused(self, version: str, verdict: GateVerdict) -> tuple[str, ...]:
        """The gate refuses it."""
        self.store.note_refused(version, verdict.problems)
        return self._pruned(version)

    def tried(self, version: str, verdict: GateVerdict | None) -> tuple[str, ...]:
        """It was only to be tried; the verdict is None where the gate was not asked."""
        if verdict:
            self.store.note_passed(version)
        return self._pruned(version)

    def live(self, version: str, *, instead_of: str | None = None) -> tuple[str, ...]:
        """It goes live, if `instead_of` still is; raises BundleError when it cannot."""
        before = self.store.activate(version, instead_of=instead_of)
        if before != version and (lacks := self.told(version, before or "")):
            _log.warning("the audit lacks that bundle %s went live: %s", version, lacks)
        return self._pruned(version)

    def _pruned(self, version: str) -> tuple[str, ...]:
        try:
            return self.store.prune(self.keep, spare=(version,))
        except BundleError as error:  # what was done stands
            _log.warning("old bundles stay: %s", error)
            return ()
