"""What operators do with index versions while the server runs."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from waypost.v1 import admin_pb2
from waypost_server.core.building import BuildPhase, BuildStep, BuiltVersion, refusal
from waypost_server.core.errors import (
    ActivationError,
    BundleError,
    SharedStateError,
    UnknownVersionError,
    WaypostError,
)
from waypost_server.service.caller import current_caller
from waypost_server.service.swap import Changer, Swap, to_the_end

PHASES = {
    BuildPhase.READING: admin_pb2.BUILD_PHASE_READING,
    BuildPhase.ENCODING: admin_pb2.BUILD_PHASE_ENCODING,
    BuildPhase.FITTING: admin_pb2.BUILD_PHASE_FITTING,
    BuildPhase.CHECKING: admin_pb2.BUILD_PHASE_CHECKING,
    BuildPhase.LIVE: admin_pb2.BUILD_PHASE_LIVE,
    BuildPhase.REFUSED: admin_pb2.BUILD_PHASE_REFUSED,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFolder:
    """What is done with the folder of the bundles, each in another thread.

    Attributes:
        listed: its versions, the newest first.
        name: names a version as the live one; raises WaypostError.
        building: for a build that must be the only one; raises BuildRunningError.
        build: builds and checks a bundle and leaves what is live as it is.
    """

    listed: Callable[[], Sequence[BuiltVersion]]
    name: Callable[[str], None]
    building: Callable[[], AbstractContextManager[None]]
    build: Callable[[], AsyncGenerator[BuildStep, None]]


class Audit(Protocol):
    """Keeps what whoever calls has done."""

    async def __call__(self, act: str, target: str, *, before: str, after: str) -> None:
        """Raises SharedStateError when it cannot be kept."""


class IndexAdmin:
    """The calls of AdminService that are about index versions."""

    def __init__(self, swap: Swap, changer: Changer, folder: IndexFolder, audit: Audit) -> None:
        self._swap = swap
        self._changer = changer
        self._folder = folder
        self._audit = audit

    @property
    def refused(self) -> str:
        """Why the newest bundle is not live; empty if it is."""
        return self._swap.refused

    async def list_versions(self) -> admin_pb2.ListIndexVersionsResponse:
        """Lists the bundles that can be activated; `live` is the one that is served here."""
        live = self._swap.index_version
        found = await asyncio.to_thread(self._folder.listed)
        return admin_pb2.ListIndexVersionsResponse(
            versions=[
                _message(built, is_live=built.version == live)
                for built in found
                if not built.problem and (built.version == live or not built.refused)
            ]
        )

    async def activate(
        self, request: admin_pb2.ActivateIndexVersionRequest
    ) -> admin_pb2.ActivateIndexVersionResponse:
        """Makes a version live here and wherever this server answers, and names it.

        Raises:
            UnknownVersionError: there is none of that name.
            ActivationError: it cannot be live, or the gate refused it; what was stays so.
        """
        version = request.version
        found = {built.version: built for built in await asyncio.to_thread(self._folder.listed)}
        known = [*found]
        if version not in known:
            raise UnknownVersionError(
                f"there is no version {version[:40]!r}; the versions are {', '.join(known)}"
            )
        if problems := found[version].refused:
            raise ActivationError(
                f"{self._swap.index_version} stays live: {refusal(version, problems)}; mend that "
                f"and build again; `waypost index activate {version} --force` in the server's "
                "folder makes it live all the same"
            )
        return admin_pb2.ActivateIndexVersionResponse(previous_version=await self._make(version))

    async def build(
        self, request: admin_pb2.BuildIndexRequest
    ) -> AsyncGenerator[admin_pb2.BuildIndexResponse, None]:
        """Builds a bundle and, if it passes, makes it live, telling how far it is.

        Raises:
            BuildRunningError: another one runs.
            ActivationError: there is no folder to build in.
        """
        who = current_caller().name or "somebody without a token"
        with ExitStack() as only_one:
            await self._begin(only_one)
            _log.info("%s builds%s", who, " to see whether it passes" if request.dry_run else "")
            version, refused = "", False
            async with aclosing(self._folder.build()) as steps:
                async for step in steps:
                    version, refused = step.index_version, step.phase is BuildPhase.REFUSED
                    if refused:
                        _log.error("a build is refused: %s", "; ".join(step.problems))
                    yield _progress(step)
            if not refused and not request.dry_run:
                yield _progress(await self._go_live(version))

    async def _begin(self, only_one: ExitStack) -> None:
        try:
            await asyncio.to_thread(lambda: only_one.enter_context(self._folder.building()))
        except BundleError as error:
            raise ActivationError(str(error)) from None

    async def _go_live(self, version: str) -> BuildStep:
        try:
            await self._make(version)
        except ActivationError as error:
            return BuildStep(
                phase=BuildPhase.REFUSED, index_version=version, problems=(str(error),)
            )
        return BuildStep(phase=BuildPhase.LIVE, index_version=version)

    async def _make(self, version: str) -> str:
        """Makes a version live; the one that was before.

        Who asked may go meanwhile: it is done, told and kept all the same.
        """
        return await to_the_end(self._change(version))

    async def _change(self, version: str) -> str:
        before = self._swap.index_version
        try:
            await self._changer.change(version, lambda: self._folder.name(version))
        except WaypostError as error:
            raise ActivationError(f"{before} stays live: {error}") from None
        who = current_caller().name or "somebody without a token"
        _log.info("%s activated index %s; before it was %s", who, version, before)
        try:
            await self._audit("activate index", version, before=before, after=version)
        except SharedStateError as error:  # it is live all the same, and the log has it
            _log.error("the audit lacks that index %s was activated: %s", version, error)
        return before


def _progress(step: BuildStep) -> admin_pb2.BuildIndexResponse:
    return admin_pb2.BuildIndexResponse(
        phase=PHASES[step.phase],
        done=step.done,
        total=step.total,
        index_version=step.index_version,
        problems=step.problems,
    )


def _message(built: BuiltVersion, *, is_live: bool) -> admin_pb2.IndexVersion:
    built_at = Timestamp()
    built_at.FromNanoseconds(int(built.built_at * 1e9))
    return admin_pb2.IndexVersion(
        version=built.version,
        live=is_live,
        built_at=built_at,
        route_count=built.route_count,
        exemplar_count=built.exemplar_count,
        encoder_fingerprint=built.encoder_fingerprint,
        routes_sha256=built.routes_sha256,
    )
