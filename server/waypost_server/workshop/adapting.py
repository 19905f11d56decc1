"""Making an encoder of the user's own; needs the extra `export`, that is torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from waypost_server.adapters.encoder_manifest import EncoderManifest, check_target
from waypost_server.adapters.held_out_file import HELD_OUT_FILE, write_held_out
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.softmax import Labels
from waypost_server.lab.adaptation import EPOCHS, FOLDS, Adaptation, Lessons, try_adapting
from waypost_server.lab.fine_tuning import FineTuning
from waypost_server.lab.onnx_export import model_prefix
from waypost_server.workshop.exporting import Precision, Provenance, export_encoder


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
