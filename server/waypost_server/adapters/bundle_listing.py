"""What is known of a version without reading its files."""

from pathlib import Path

from waypost_server.adapters import bundle_format
from waypost_server.adapters.bundle_marks import Mark
from waypost_server.core.building import BuiltVersion
from waypost_server.core.errors import BundleError


def describe(folder: Path, *, is_live: bool, mark: Mark | None) -> BuiltVersion | None:
    """What a version's manifest and its mark say; None if it went meanwhile."""
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
    return BuiltVersion(
        version=folder.name,
        is_live=is_live,
        built_at=built_at,
        route_count=manifest.route_count,
        exemplar_count=manifest.exemplar_count,
        encoder_name=manifest.encoder_name,
        encoder_fingerprint=manifest.encoder_fingerprint,
        routes_sha256=manifest.routes_sha256,
        is_aside=is_aside,
        refused=refused,
    )
