"""Building a bundle, checking it, and making it live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.core.building import BuildPhase, BuildStep
from waypost_server.settings import Settings
from waypost_server.workshop.entry import Entry
from waypost_server.workshop.gating import PASSED, Gate, GateVerdict
from waypost_server.workshop.indexing import Built, write_index


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a build.

    Attributes:
        stored: the bundle.
        encoded: how many texts had to be encoded.
        verdict: what the gate says of it.
        is_live: whether it is live.
        live_version: the version that is live; None for none.
        removed: old versions that went.
        notes: what should be mended in the routes folder all the same, a sentence each.
    """

    stored: StoredBundle
    encoded: int
    verdict: GateVerdict
    is_live: bool
    live_version: str | None
    removed: tuple[str, ...] = ()
    notes: Sequence[str] = ()


def publish_index(
    settings: Settings,
    tell: Callable[[BuildStep], None],
    *,
    gated: bool = True,
    dry_run: bool = False,
) -> Published:
    """Builds a bundle from the routes folder and makes it live if it passes the gate.

    One that does not stays in the folder as a version, and so does one of a dry run, marked so
    until it goes live.

    Args:
        settings: all of them.
        tell: hears how far it is.
        gated: whether it must pass.
        dry_run: whether what is live stays live in any case.

    Raises:
        RoutesError: the routes folder has problems.
        EncoderError: the encoder cannot be used.
        BundleError: the bundle cannot be written.
    """

    def encoded(done: int, total: int) -> None:
        tell(BuildStep(phase=BuildPhase.ENCODING, done=done, total=total))
        if done == total:
            tell(BuildStep(phase=BuildPhase.FITTING))

    tell(BuildStep(phase=BuildPhase.READING))
    entry = Entry.of(settings, by="waypost build")
    built = write_index(settings, encoded)
    version = built.stored.version
    entry.written(version)
    verdict = _verdict(settings, built, tell) if gated else None
    told = verdict or PASSED
    if verdict and verdict.problems:
        removed = entry.refused(version, verdict)
        refused = BuildStep(
            phase=BuildPhase.REFUSED, index_version=version, problems=verdict.problems
        )
        tell(refused)
    elif dry_run:
        removed = entry.tried(version, verdict)
    else:
        removed = entry.live(version)
        tell(BuildStep(phase=BuildPhase.LIVE, index_version=version))
        return Published(built.stored, built.encoded, told, True, version, removed, built.notes)
    live = built.live.version if built.live else None
    is_live = live == version
    return Published(built.stored, built.encoded, told, is_live, live, removed, built.notes)


def _verdict(settings: Settings, built: Built, tell: Callable[[BuildStep], None]) -> GateVerdict:
    version = built.stored.version

    def checked(done: int, total: int) -> None:
        step = BuildStep(phase=BuildPhase.CHECKING, done=done, total=total, index_version=version)
        tell(step)

    static = built.static
    gate = Gate(
        settings,
        encoder=built.encoder,
        static=(lambda: static) if static else None,
        live=built.live,
        progress=checked,
    )
    return gate.check(built.stored, built.regression)
