"""Examining a bundle."""

from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.adapters.rules_catalog import rule_lines
from waypost_server.adapters.traffic_log import read_traffic
from waypost_server.core.query import Query
from waypost_server.core.rule_stage import RuleStage
from waypost_server.lab.check_rules import Evidence
from waypost_server.lab.doctor import examine
from waypost_server.lab.finding import Finding, Sentence
from waypost_server.lab.patient import Patient
from waypost_server.settings import Settings


def examine_index(settings: Settings, log: Path | None) -> tuple[StoredBundle, tuple[Finding, ...]]:
    """The live bundle, and what is wrong with its exemplars and routes.

    Args:
        settings: all of them.
        log: a log of decisions, to look at the traffic too.

    Raises:
        BundleError: the bundle cannot be used.
        EvaluationError: the log or a file of labelled queries has problems.
    """
    logged = None if log is None else read_traffic(log)
    stored = BundleStore(settings.index).load()
    patient = Patient(
        catalog=stored.catalog,
        exemplars=stored.exemplars,
        encodings=stored.encodings(),
        dimension=stored.manifest.dimension,
    )
    ruled = _evidence(settings, stored) if stored.catalog.rules.rules else None
    return stored, examine(patient, logged, ruled=ruled)


def _evidence(settings: Settings, stored: StoredBundle) -> Evidence:
    """What the rules make of exemplars, regression queries and labelled queries."""
    table = stored.exemplars
    routes = (table.routes[route] for route in table.route_ids)
    known = [*zip(routes, table.texts, strict=True), *stored.regression()]
    folder = settings.routes / "eval"
    if any(folder.glob("*.jsonl")):
        limit = stored.catalog.taxonomy.max_query_bytes
        labelled = read_labelled([folder], routes=None, max_text_bytes=limit)
        known += [(query.label, query.text) for query in labelled]
    stage = RuleStage(stored.catalog.rules, Re2Patterns)
    return Evidence(
        texts=[Sentence(route, text) for route, text in known],
        fired=[[rule.name for rule in stage.fired(Query(text=text))] for _, text in known],
        where=rule_lines(settings.routes),
    )
