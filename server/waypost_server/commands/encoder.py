"""`waypost encoder`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from waypost_server.adapters.encoder_manifest import EncoderManifest

NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
OLD_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

REQUIRED_COSINE = {"fp32": 0.99999, "int8": 0.98}
"""Below this on any check text, an export is not the model any more."""


@click.group()
def encoder() -> None:
    """Make and check encoders."""


@encoder.command()
@click.argument("source", type=OLD_FOLDER)
@click.argument("target", type=NEW_FOLDER)
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp32"]),
    default="int8",
    show_default=True,
    help="int8 is a quarter of the size and two to three times as fast; fp32 is the original.",
)
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
    try:
        manifest = _export(source, target, precision, name, license_, origin, query_prefix)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"exporting needs {error.name}; run: pip install 'waypost[export]'"
        ) from None
    figures = ", ".join(f"{key} {value}" for key, value in manifest.figures.items())
    click.echo(f"waypost: {target} holds {manifest.name} in {precision}: {figures}")


@encoder.command()
@click.argument("folder", type=OLD_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for a program.")
def verify(folder: Path, as_json: bool) -> None:
    """Check the hashes of the encoder in FOLDER, load it, and say what it is."""
    from waypost_server.adapters.onnx_encoder import OnnxEncoder

    loaded = OnnxEncoder.load(folder)
    description = loaded.manifest.model_dump() | {"fingerprint": loaded.fingerprint}
    if as_json:
        click.echo(json.dumps(description))
        return
    for key, value in description.items():
        click.echo(f"{key:<15} {value}")


def _export(
    source: Path,
    target: Path,
    precision: Literal["int8", "fp32"],
    name: str | None,
    license_: str,
    origin: str,
    query_prefix: str | None,
) -> "EncoderManifest":
    from waypost_server.adapters.encoder_manifest import (
        MODEL_FILE,
        TOKENIZER_FILE,
        EncoderManifest,
        write_encoder,
    )
    from waypost_server.adapters.files import sha256_hex
    from waypost_server.adapters.onnx_encoder import OnnxEncoder
    from waypost_server.core.errors import EncoderError
    from waypost_server.lab.check_texts import CHECK_TEXTS
    from waypost_server.lab.onnx_export import OPSET, export_model, reference_vectors
    from waypost_server.lab.quantise import quantise

    exported = export_model(source, query_prefix=query_prefix)
    model = quantise(exported) if precision == "int8" else exported.model
    manifest = EncoderManifest(
        name=name or source.resolve().name,
        source=origin,
        license=license_,
        precision=precision,
        dimension=exported.dimension,
        inner_dimension=exported.dimension,
        max_tokens=exported.max_tokens,
        pooling=exported.pooling,
        query_prefix=exported.query_prefix,
        opset=OPSET,
        files={MODEL_FILE: sha256_hex(model), TOKENIZER_FILE: sha256_hex(exported.tokenizer)},
    )
    encodings = OnnxEncoder(manifest, model, exported.tokenizer).encode(CHECK_TEXTS)
    original = reference_vectors(source, CHECK_TEXTS, query_prefix=exported.query_prefix)
    cosines = (encodings[:, : exported.dimension] * original).sum(axis=1)
    if cosines.min() < REQUIRED_COSINE[precision]:
        raise EncoderError(
            f"{source}: the {precision} export differs from the model itself: cosine "
            f"{cosines.min():.6f}, wanted {REQUIRED_COSINE[precision]}; try --precision fp32"
        )
    manifest = manifest.model_copy(
        update={
            "figures": {
                "cosine_min": round(float(cosines.min()), 5),
                "cosine_mean": round(float(cosines.mean()), 5),
                "check_texts": len(CHECK_TEXTS),
            }
        }
    )
    write_encoder(target, manifest, model=model, tokenizer=exported.tokenizer)
    return manifest
