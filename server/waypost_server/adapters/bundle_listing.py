"""What is known of a version without loading it."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from waypost_server.adapters import bundle_format
from waypost_server.adapters.bundle_files import BundleFiles
from waypost_server.adapters.bundle_format import BundleManifest
from waypost_server.adapters.bundle_marks import Mark
from waypost_server.adapters.scoring_files import CALIBRATION, HEAD, is_tuned
from waypost_server.core.building import BuiltVersion
from waypost_server.core.errors import BundleError


def describe(
    folder: Path, *, is_live: bool, mark: Mark | None, versions: Sequence[str] = ()
) -> BuiltVersion | None:
    """What a version's manifest, its calibration and its mark say; None if it went meanwhile.

    Args:
        folder: of the version.
        is_live: whether it is the live one.
        mark: its mark.
        versions: of the same index folder, to find among them what was tuned.
    """
    is_aside, refused = mark is not None, mark.refused if mark else ()
    try:
        built_at = folder.stat().st_mtime
    except OSError:
        return None
    try:
        manifest = bundle_format.read_manifest(folder)
    except BundleError as error:
        return BuiltVersion(
            version=folder.name,
            is_live=is_live,
            built_at=built_at,
            is_aside=is_aside,
            refused=refused,
            problem=str(error),
        )
    tuned = _is_tuned(folder, manifest)
    return BuiltVersion(
        version=folder.name,
        is_live=is_live,
        built_at=built_at,
        route_count=manifest.route_count,
        exemplar_count=manifest.exemplar_count,
        encoder_name=manifest.encoder_name,
        encoder_fingerprint=manifest.encoder_fingerprint,
        routes_sha256=manifest.routes_sha256,
        is_tuned=tuned,
        tuned_from=_tuned_from(folder, manifest, versions) if tuned else "",
        is_aside=is_aside,
        refused=refused,
    )


def _is_tuned(folder: Path, manifest: BundleManifest) -> bool:
    """As far as its calibration can be read: what is damaged, loading tells."""
    try:
        return is_tuned(BundleFiles(folder, manifest.files).content(CALIBRATION))
    except (BundleError, ValidationError):
        return False


def _tuned_from(folder: Path, tuned: BundleManifest, versions: Sequence[str]) -> str:
    """The version that was built and differs in its scoring alone; empty where none is there."""
    for version in versions:
        beside = folder.with_name(version)
        try:
            manifest = bundle_format.read_manifest(beside)
        except BundleError:
            continue
        if _unscored(manifest) == _unscored(tuned) and not _is_tuned(beside, manifest):
            return version
    return ""


def _unscored(manifest: BundleManifest) -> BundleManifest:
    """A manifest without what tuning writes."""
    files = {name: each for name, each in manifest.files.items() if name not in (HEAD, CALIBRATION)}
    return manifest.model_copy(update={"files": files})
