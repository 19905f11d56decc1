"""Where metrics find what is not told to observers."""

import functools

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.service.parts import Parts
from waypost_server.service.sources import BundleFacts, Sources
from waypost_server.settings import Settings
from waypost_server.wiring.budgeting import Budgeting
from waypost_server.wiring.guarding import Guards
from waypost_server.wiring.hot_reload import HotReload


def sources_of(
    settings: Settings, parts: Parts, *, bundles: HotReload, guards: Guards, budgeting: Budgeting
) -> Sources:
    """All of them, of a server's parts."""
    live, workers, shared, journal = parts.live, parts.workers, parts.shared, parts.journal
    written_at = functools.cache(BundleStore(settings.index).written_at)

    def bundle() -> BundleFacts:
        engine = live.served.engine
        return BundleFacts(
            version=engine.index_version,
            encoder_fingerprint=engine.encoder.fingerprint,
            route_count=len(engine.router.catalog.routes),
            exemplar_count=len(engine.router.exemplars.texts),
            built_at=written_at(engine.index_version),
        )

    return Sources(
        queue_depth=lambda: workers.queue_depth,
        running=lambda: workers.running,
        concurrency_limit=lambda: workers.admission.limit,
        refused=lambda: parts.refusals.counts,
        degraded=lambda: workers.admission.is_degraded,
        left_out=parts.outcomes.breakers.left_out,
        switched_off=lambda: [(each.kind.value, each.name) for each in shared.switches.off],
        log_written=lambda: journal.written if journal else 0,
        log_dropped=lambda: journal.dropped if journal else 0,
        log_waiting=lambda: journal.waiting if journal else 0,
        log_bytes=lambda: journal.size_bytes if journal else 0,
        database_lost=lambda: bool(shared.problem),
        bundle=bundle,
        models_left_out=lambda: budgeting.choosing.left_out,
        budgets=budgeting.choosing.budgets.standing,
        budgets_alone=lambda: bool(budgeting.exchange and budgeting.exchange.problem),
        bundle_refused=lambda: bool(bundles.swap.refused),
        certificate_expires_at=lambda: (
            guards.tls.certificate_expires_at.timestamp() if guards.tls else 0.0
        ),
    )
