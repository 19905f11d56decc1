"""Routes as a router that is ready to be asked."""

from collections.abc import Mapping, Sequence

from tests.fakes import ExactIndex
from tests.quality.conftest import Encode
from waypost_server.core.bundle import RouteSet, build_bundle
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.decision import Decision
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router


class World:
    """A router for `exemplars`, and its decisions."""

    def __init__(
        self,
        exemplars: Mapping[str, Sequence[str]],
        encoder: Encoder,
        encode: Encode,
        *,
        out_of_scope: Sequence[str] = (),
    ) -> None:
        names = sorted({*exemplars, "default"})
        routes = RouteSet(
            catalog=Catalog(taxonomy=Taxonomy(), routes={name: Route(name=name) for name in names}),
            exemplars=exemplars,
            negatives={},
            out_of_scope=out_of_scope,
            sha256="0" * 64,
        )
        texts = [*(text for own in exemplars.values() for text in own), *out_of_scope]
        known: dict[str, Encodings] = dict(zip(texts, encode(texts), strict=True))
        bundle = build_bundle(routes, encoder, known=known, progress=lambda done, total: None)
        index = ExactIndex(bundle.encodings[:, : bundle.dimension])
        self._router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
        self._encode = encode

    def decide(self, texts: Sequence[str]) -> list[Decision]:
        """A decision a text."""
        return [
            self._router.decide(encoding, self._router.search(encoding), Query(text=text))
            for text, encoding in zip(texts, self._encode(texts), strict=True)
        ]
