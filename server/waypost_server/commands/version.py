"""`waypost --version`."""

from importlib.metadata import version

import click


def print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Prints Waypost's version, and which index and encoder the settings name, and exits."""
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"waypost {version('waypost')}")
    try:
        click.echo(_what_is_there())
    except ImportError:
        click.echo("client only: no server is installed")
    context.exit()


def _what_is_there() -> str:
    """The live bundle and the encoders, from their manifests alone: nothing is loaded."""
    from waypost_server.adapters import encoder_manifest
    from waypost_server.adapters.bundle_format import read_manifest
    from waypost_server.adapters.bundle_store import BundleStore
    from waypost_server.core.errors import BundleError, EncoderError
    from waypost_server.settings import Settings

    settings = Settings.load()
    try:
        live = BundleStore(settings.index).live_version()
        if live is None:
            index = f"none in {settings.index}; build one with `waypost build`"
        else:
            built = read_manifest(settings.index / live)
            index = f"{live}, built with encoder {built.encoder_fingerprint}"
    except BundleError as error:
        index = str(error)
    try:
        encoder = encoder_manifest.read_manifest(settings.encoder).fingerprint
    except EncoderError as error:
        encoder = str(error)
    return f"index {index}\nencoder {encoder}"
