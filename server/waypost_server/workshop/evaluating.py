"""Evaluating and comparing bundles."""

from collections.abc import Callable, Sequence
from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.gate_file import read_gate
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.lab.comparison import compare
from waypost_server.lab.evaluation import Evaluation, evaluate
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.gate import check_gate
from waypost_server.lab.judged import encode_queries, judge
from waypost_server.lab.per_route import ROUTE_FIGURES
from waypost_server.lab.report import Report
from waypost_server.lab.scatter import scatter
from waypost_server.service.direct import Direct
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_encoder, offline_engine, static_loader
from waypost_server.workshop.queries import known, read_queries, subject_of


def evaluate_index(
    settings: Settings,
    files: Sequence[Path],
    *,
    compare_with: str | None,
    other_encoder: Path | None = None,
    gate_file: Path | None,
    progress: Callable[[int, int], None],
) -> Report:
    """Evaluates the live bundle on labelled queries.

    Args:
        settings: all of them.
        files: labelled files, and folders of them.
        compare_with: another index folder, or a version in the same; None for no comparison.
        other_encoder: the encoder that one was built with; None for the same.
        gate_file: what the figures must reach; None for no gate.
        progress: called with how many queries are encoded and how many there are.

    Raises:
        EvaluationError: the files have problems.
        BundleError: a bundle cannot be used.
        EncoderError: the encoder cannot be used.
    """
    stored = BundleStore(settings.index).load()
    old = None if compare_with is None else _other_bundle(settings.index, compare_with)
    queries = read_queries(stored, files)
    bars = (
        None
        if gate_file is None
        else read_gate(
            gate_file,
            figures={name: figure.high_is_better for name, figure in FIGURES.items()},
            route_figures=dict.fromkeys(ROUTE_FIGURES, True),
            routes=tuple(stored.catalog.routes),
        )
    )
    encoder = load_encoder(settings.encoder, stored)
    # Before anything is encoded: that takes a while, and this may be refused.
    other = load_encoder(other_encoder or settings.encoder, old) if old else None

    def encode(with_: OnnxEncoder) -> Encodings:
        return encode_queries(queries, with_, threads=settings.workers, progress=progress)

    encodings = encode(encoder)
    found = _evaluate(settings, stored, queries, encodings, encoder)
    comparison = None
    if old and other:
        same = other.fingerprint == encoder.fingerprint
        theirs = settings.model_copy(update={"encoder": other_encoder or settings.encoder})
        before = _evaluate(theirs, old, queries, encodings if same else encode(other), other)
        comparison = compare(before, found)
    return Report(
        evaluation=found,
        comparison=comparison,
        gate=None if bars is None else check_gate(found, bars),
        points=scatter(
            found.judged,
            encodings[:, : encoder.dimension],
            stored.exemplars,
            stored.index.rows(slice(None)),
        ),
    )


def _other_bundle(index: Path, name: str) -> StoredBundle:
    """The live bundle of a folder, a version in its own folder, or a version in `index`."""
    folder = Path(name)
    if not folder.is_dir():
        return BundleStore(index).load(name)
    beside = BundleStore(folder.parent)
    return (
        beside.load(folder.name) if folder.name in beside.versions() else BundleStore(folder).load()
    )


def _evaluate(
    settings: Settings,
    stored: StoredBundle,
    queries: Sequence[LabelledQuery],
    encodings: Encodings,
    encoder: Encoder,
) -> Evaluation:
    cache = known(queries, encodings)
    engine = offline_engine(settings, stored, encoder, static_loader(settings), cache)
    judged = judge(queries, encodings, Direct(engine))
    return evaluate(judged, subject_of(stored, queries))
