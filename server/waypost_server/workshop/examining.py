"""Examining a bundle."""

from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.traffic_log import read_traffic
from waypost_server.lab.doctor import examine
from waypost_server.lab.finding import Finding
from waypost_server.lab.patient import Patient
from waypost_server.settings import Settings


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
