"""Wires the making of encoders together; needs the extra `export`, that is torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from waypost_server.adapters.encoder_manifest import (
    MODEL_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    check_target,
    write_encoder,
)
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.held_out_file import HELD_OUT_FILE, write_held_out
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.errors import EncoderError
from waypost_server.core.softmax import Labels
from waypost_server.lab.adaptation import EPOCHS, FOLDS, Adaptation, Lessons, try_adapting
from waypost_server.lab.check_texts import CHECK_TEXTS
from waypost_server.lab.fine_tuning import FineTuning
from waypost_server.lab.onnx_export import (
    OPSET,
    export_model,
    model_prefix,
    reference_vectors,
)
from waypost_server.lab.quantise import quantise

Precision = Literal["fp32", "int8"]

REQUIRED_COSINE: Mapping[Precision, float] = {"fp32": 0.99999, "int8": 0.98}
"""Below this on any check text, an export is not the model any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an encoder's manifest says of where it comes from."""

    name: str
    license: str
    origin: str


def export_encoder(
    source: Path,
    target: Path,
    *,
    precision: Precision,
    provenance: Provenance,
    query_prefix: str | None,
    more_files: Mapping[str, bytes] | None = None,
) -> EncoderManifest:
    """Writes the sentence-transformers model in `source` as an encoder in the new folder `target`.

    Args:
        source: a local folder; nothing is downloaded.
        target: the new folder.
        precision: of the weights.
        provenance: what the manifest shall say.
        query_prefix: put before every text; None for the model's own.
        more_files: what else the encoder brings along, by name.

    Raises:
        EncoderError: the model is of another kind, or the export differs from it.
    """
    exported = export_model(source, query_prefix=query_prefix)
    model = quantise(exported) if precision == "int8" else exported.model
    files = {MODEL_FILE: model, TOKENIZER_FILE: exported.tokenizer, **(more_files or {})}
    manifest = EncoderManifest(
        name=provenance.name,
        source=provenance.origin,
        license=provenance.license,
        precision=precision,
        dimension=exported.dimension,
        inner_dimension=exported.dimension,
        max_tokens=exported.max_tokens,
        pooling=exported.pooling,
        query_prefix=exported.query_prefix,
        opset=OPSET,
        files={name: sha256_hex(content) for name, content in files.items()},
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
    write_encoder(target, manifest, files)
    return manifest


def adapt_encoder(
    source: Path,
    target: Path,
    routes: Path,
    *,
    precision: Precision,
    provenance: Provenance,
    anyway: bool,
    progress: Callable[[int, int], None],
) -> tuple[Adaptation, EncoderManifest | None]:
    """Fine-tunes a model on the exemplars of a routes folder, and exports it if that pays.

    Args:
        source: a sentence-transformers model.
        target: the new encoder's folder.
        routes: the routes folder.
        precision: of the new encoder's weights.
        provenance: what its manifest shall say.
        anyway: whether to write it even if it does not pay.
        progress: called with how many epochs are done and how many there are.

    Returns:
        What held-out exemplars say, and the manifest if an encoder was written.

    Raises:
        RoutesError: the routes folder has problems, or too few exemplars.
        EncoderError: the model is of another kind, or the target is there already.
    """
    check_target(target)
    route_set = read_routes(routes)
    table = route_set.table()
    prefix = model_prefix(source)
    negatives = [
        (table.positions[route], text)
        for route, texts in route_set.negatives.items()
        for text in texts
        if route in table.positions
    ]
    lessons = Lessons(
        texts=table.texts,
        labels=table.route_ids,
        routes=len(table.routes),
        outside=route_set.out_of_scope,
        negatives=[text for _, text in negatives],
        not_of=np.array([route_id for route_id, _ in negatives], dtype=np.int32),
    )

    def begin(texts: Sequence[str], labels: Labels) -> FineTuning:
        return FineTuning(source, texts, labels, epochs=EPOCHS, prefix=prefix)

    total = (FOLDS + 1) * EPOCHS
    adaptation = try_adapting(lessons, begin, lambda done, _: progress(done, total))
    if not (adaptation.pays or anyway):
        progress(total, total)
        return adaptation, None
    learner = begin(table.texts, table.route_ids)
    for epoch in range(adaptation.epochs):
        learner.train_epoch()
        progress(FOLDS * EPOCHS + epoch + 1, total)
    progress(total, total)
    content = write_held_out(
        adaptation.held_out,
        adaptation.rows.tolist(),
        table,
        knows_outside=bool(route_set.out_of_scope),
    )
    with TemporaryDirectory() as folder:
        learner.save(Path(folder) / "model")
        manifest = export_encoder(
            Path(folder) / "model",
            target,
            precision=precision,
            provenance=provenance,
            query_prefix=prefix,
            more_files={HELD_OUT_FILE: content},
        )
    return adaptation, manifest
