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
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.policy import (
    Breaker,
    Checks,
    Guard,
    GuardAction,
    Judge,
    Parallel,
    Pattern,
    Pick,
    Policy,
    Shadow,
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
                policy=Policy(
                    pattern=Pattern.PARALLEL,
                    max_calls=3,
                    idempotent=False,
                    speculative=True,
                    parallel=Parallel(width=3, pick=Pick.JUDGE, grace_ms=250),
                    checks=Checks(
                        json_schema='{"type":"object"}',
                        regex=r"^\d+ €$",
                        min_confidence=0.6,
                        judge=Judge(model="wise", min_score=0.7, instructions="Kurz — und gut."),
                    ),
                    guard=Guard(
                        secrets=GuardAction.REDACT,
                        personal_data=GuardAction.FLAG,
                        prompt_leak=GuardAction.BLOCK,
                    ),
                ),
            ),
            params_schema={"type": "object", "properties": {"id": {"enum": [1, 2.5, None, "x"]}}},
            hints=Hints(needs_retrieval=False, reasoning_effort=ReasoningEffort.LOW),
        ),
        "support": Route(name="support"),
    },
    models={
        "small": Model(
            name="small", provider="openai", model_id="x", usd_per_mtok_in=0.3, tags=("a",)
        ),
        "wise": Model(
            name="wise",
            provider="anthropic",
            model_id="y",
            features=("tools", "logprobs"),
            retries=0,
            breaker=Breaker(failures=2, open_ms=1_500),
            warm_up_after_ms=60_000,
        ),
    },
    shadows={
        "other": Shadow(
            name="other",
            share=0.25,
            routes=("billing",),
            models=("wise",),
            prompt="Zeile eins\n",
            router="[::1]:50052",
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
    regression: Sequence[tuple[str, str]] = (),
) -> Bundle:
    """A bundle of two routes, by default of texts that are hard to write down."""
    routes = RouteSet(
        catalog=CATALOG,
        exemplars=texts,
        negatives={"billing": ["no"]},
        out_of_scope=out_of_scope,
        sha256="5" * 64,
        regression=[
            LabelledQuery(text=text, label=route, source="regression.txt:1")
            for route, text in regression
        ],
    )
    return build_bundle(
        routes, encoder or HashEncoder(), known=known or {}, progress=lambda done, total: None
    )
