"""Small bundles."""

from collections.abc import Mapping, Sequence

from tests.fakes import HashEncoder
from waypost_server.core.bundle import Bundle, RouteSet, build_bundle
from waypost_server.core.catalog import (
    Catalog,
    Hints,
    Model,
    ReasoningEffort,
    Route,
    Specialist,
    Taxonomy,
)
from waypost_server.core.ports import Encodings

CATALOG = Catalog(
    taxonomy=Taxonomy(default_route="support", margin=0.02, language="de"),
    routes={
        "billing": Route(
            name="billing",
            description="Rechnungen — € und ¢",
            threshold=0.1,
            fallback_route="support",
            specialist=Specialist(
                prompt="Line one\nline two\n",
                models=("small",),
                temperature=0.1,
                stop=("\n\n",),
                seed=7,
                timeout_ms=100,
            ),
            params_schema={"type": "object", "properties": {"id": {"enum": [1, 2.5, None, "x"]}}},
            hints=Hints(needs_retrieval=False, reasoning_effort=ReasoningEffort.LOW),
        ),
        "support": Route(name="support"),
    },
    models={
        "small": Model(
            name="small", provider="openai", model_id="x", usd_per_mtok_in=0.3, tags=("a",)
        )
    },
)

TEXTS = {
    "billing": ["my card was charged twice", "a\u2028b\x85c\\n\x1f", 'quote " and \t tab'],
    "support": ["it will not start", "héllo wörld 🚀"],
}


def small_bundle(
    texts: Mapping[str, Sequence[str]] = TEXTS,
    *,
    encoder: HashEncoder | None = None,
    known: Mapping[str, Encodings] | None = None,
    out_of_scope: Sequence[str] = (),
) -> Bundle:
    """A bundle of two routes, by default of texts that are hard to write down."""
    routes = RouteSet(
        catalog=CATALOG,
        exemplars=texts,
        negatives={"billing": ["no"]},
        out_of_scope=out_of_scope,
        sha256="5" * 64,
    )
    return build_bundle(
        routes, encoder or HashEncoder(), known=known or {}, progress=lambda done, total: None
    )
