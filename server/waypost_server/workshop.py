"""Wires the offline work together: building, evaluating, examining."""

from collections.abc import Callable, Sequence
from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.encoder_manifest import (
    SCALES_FILE,
    TABLE_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    check_target,
    read_verified,
    write_encoder,
)
from waypost_server.adapters.files import as_npy, sha256_hex
from waypost_server.adapters.gate_file import read_gate
from waypost_server.adapters.held_out_file import read_held_out
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.route_folder import read_routes
from waypost_server.adapters.traffic_log import read_traffic
from waypost_server.app import load_encoder, load_first_stage, load_static, router_of
from waypost_server.core.bundle import build_bundle, by_hand
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encodings
from waypost_server.core.scoring import Scoring, fit_scoring
from waypost_server.lab.comparison import compare
from waypost_server.lab.distill import distil
from waypost_server.lab.doctor import examine
from waypost_server.lab.evaluation import Evaluation, Subject, evaluate
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.finding import Finding
from waypost_server.lab.gate import check_gate
from waypost_server.lab.judged import encode_queries, judge
from waypost_server.lab.patient import Patient
from waypost_server.lab.per_route import ROUTE_FIGURES
from waypost_server.lab.report import Report
from waypost_server.lab.scatter import scatter
from waypost_server.lab.tuning import Trial, try_tuning
from waypost_server.settings import Settings


def build_index(
    settings: Settings, progress: Callable[[int, int], None]
) -> tuple[StoredBundle, int]:
    """Builds a bundle from the routes folder and makes it live.

    A live bundle that was tuned stays if it is of the same routes and encoders: building it again
    would only lose the tuning.

    Args:
        settings: all of them.
        progress: called with how many exemplars are encoded and how many there are to encode.

    Returns:
        The bundle, and how many exemplars had to be encoded.

    Raises:
        RoutesError: the routes folder has problems.
        EncoderError: the encoder cannot be used.
    """
    routes = read_routes(settings.routes)
    encoder = OnnxEncoder.load(settings.encoder)
    static = load_static(settings)
    store = BundleStore(settings.index)
    tuned = store.tuned(routes.sha256, encoder.fingerprint, static.fingerprint if static else None)
    if tuned:
        return tuned, 0
    encoded = 0

    def count(done: int, total: int) -> None:
        nonlocal encoded
        encoded = done
        progress(done, total)

    bundle = build_bundle(
        routes,
        encoder,
        known=store.known_encodings(encoder.fingerprint),
        progress=count,
        held_out=read_held_out(
            settings.encoder, routes.table(), knows_outside=bool(routes.out_of_scope)
        ),
        static=static,
    )
    return store.save(bundle), encoded


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
    queries = _read_queries(stored, files)
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
    found = _evaluate(stored, queries, encodings, load_first_stage(settings, stored))
    comparison = None
    if old and other:
        same = other.fingerprint == encoder.fingerprint
        before = _evaluate(
            old, queries, encodings if same else encode(other), load_first_stage(settings, old)
        )
        comparison = compare(before, found)
    return Report(
        evaluation=found,
        comparison=comparison,
        gate=None if bars is None else check_gate(found, bars),
        points=scatter(
            found.judged,
            encodings[:, : encoder.dimension],
            stored.exemplars,
            stored.index.vectors,
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
    stored: StoredBundle,
    queries: Sequence[LabelledQuery],
    encodings: Encodings,
    first: FirstStage | None,
) -> Evaluation:
    judged = judge(queries, encodings, router_of(stored), first)
    return evaluate(judged, _subject(stored, queries))


def _read_queries(stored: StoredBundle, files: Sequence[Path]) -> tuple[LabelledQuery, ...]:
    return read_labelled(
        files,
        routes=tuple(stored.catalog.routes),
        max_text_bytes=stored.catalog.taxonomy.max_query_bytes,
    )


def _subject(stored: StoredBundle, queries: Sequence[LabelledQuery]) -> Subject:
    labels = {query.label for query in queries if query.in_scope}
    return Subject(
        index_version=stored.version,
        encoder=stored.manifest.encoder_name,
        calibration=stored.scoring.calibration.method.value,
        # A bundle that is compared may lack a label's route: it is then never right.
        routes=tuple(sorted(labels | stored.catalog.routes.keys())),
        min_confidence=stored.catalog.taxonomy.min_confidence,
    )


def tune_index(
    settings: Settings,
    files: Sequence[Path],
    *,
    write: bool,
    anyway: bool = False,
    progress: Callable[[int, int], None],
) -> tuple[Trial, StoredBundle | None]:
    """Tunes the live bundle on labelled queries and makes the result live if it is a gain.

    Args:
        settings: all of them.
        files: labelled files, and folders of them.
        write: whether a gain may go live.
        anyway: whether anything may.
        progress: called with how many queries are encoded and how many there are.

    Returns:
        The trial, and the new bundle if one is live.

    Raises:
        EvaluationError: the files have problems, or hold too few queries.
        BundleError: the bundle cannot be used.
        EncoderError: the encoder cannot be used.
    """
    store = BundleStore(settings.index)
    stored = store.load()
    queries = _read_queries(stored, files)
    encoder = load_encoder(settings.encoder, stored)
    encodings = encode_queries(queries, encoder, threads=settings.workers, progress=progress)
    router = router_of(stored).with_scoring(_untuned(stored, settings.encoder))
    trial = try_tuning(router, queries, encodings, _subject(stored, queries), taught=stored.known())
    if not write or not (anyway or trial.finding == "gain"):
        return trial, None
    return trial, store.save_scoring(stored, trial.new)


def _untuned(stored: StoredBundle, encoder: Path) -> Scoring:
    """What exemplars alone give: a bundle may have been tuned on the very same queries before."""
    if stored.scoring.calibration.method is not CalibrationMethod.HELD_OUT:
        return stored.scoring
    outside = stored.outside()
    return fit_scoring(
        stored.encodings(),
        outside,
        stored.exemplars,
        dimension=stored.manifest.dimension,
        by_hand=by_hand(stored.catalog),
        negatives=stored.negatives(),
        held_out=read_held_out(encoder, stored.exemplars, knows_outside=bool(len(outside))),
    )[0]


def distil_encoder(
    source: Path, target: Path, *, name: str, progress: Callable[[int, int], None]
) -> EncoderManifest:
    """Distils the encoder in `source` into a static one in the new folder `target`.

    Args:
        source: an encoder's folder.
        target: the new folder.
        name: of the static encoder.
        progress: called with how many tokens are encoded and how many there are.

    Raises:
        EncoderError: the source cannot be used, or the target is there already.
    """
    check_target(target)
    encoder = OnnxEncoder.load(source)
    rows, scales = distil(encoder.token_count, encoder.encode_tokens, progress)
    tokenizer = read_verified(source, TOKENIZER_FILE, encoder.manifest)
    files = {TABLE_FILE: as_npy(rows), SCALES_FILE: as_npy(scales), TOKENIZER_FILE: tokenizer}
    manifest = encoder.manifest.model_copy(
        update={
            "name": name,
            "kind": "static",
            "precision": "int8",
            "dimension": rows.shape[1],
            "inner_dimension": 0,
            "opset": 0,
            "source": f"distilled from {encoder.name} ({encoder.fingerprint})",
            "files": {file: sha256_hex(content) for file, content in files.items()},
            "figures": {},
        }
    )
    write_encoder(target, manifest, files)
    return manifest


def examine_index(settings: Settings, log: Path | None) -> tuple[StoredBundle, tuple[Finding, ...]]:
    """The live bundle, and what is wrong with its exemplars and routes.

    Args:
        settings: all of them.
        log: a log of decisions, to look at the traffic too.

    Raises:
        BundleError: the bundle cannot be used.
        EvaluationError: the log has problems.
    """
    logged = None if log is None else read_traffic(log)
    stored = BundleStore(settings.index).load()
    patient = Patient(
        catalog=stored.catalog,
        exemplars=stored.exemplars,
        encodings=stored.encodings(),
        dimension=stored.manifest.dimension,
    )
    return stored, examine(patient, logged)
