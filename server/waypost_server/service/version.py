"""One version of the routes, with all that is made of it once, and which version is live."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from waypost_server.core.outcome import Stage
from waypost_server.service.contract_schema import contract_schema
from waypost_server.service.convert import ContractWriter, StageFacts
from waypost_server.service.engine import Engine


@dataclass(frozen=True, slots=True)
class Served:
    """What a call takes once, at its start, and keeps to its end.

    Attributes:
        engine: decides.
        writer: writes contracts.
        schema: JSON Schema of those contracts.
    """

    engine: Engine
    writer: ContractWriter
    schema: str

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Makes what contracts take; of thousands of routes, that is a second's work."""
        facts = {
            stage: StageFacts(router.calibration, encoder.fingerprint)
            for stage, (encoder, router) in engine.stages.items()
        }
        catalog = engine.router.catalog
        writer = ContractWriter(
            catalog,
            index_version=engine.index_version,
            stages=dict.fromkeys(Stage, facts[Stage.ENCODER]) | facts,
        )
        return cls(engine, writer, contract_schema(tuple(catalog.routes)))


class Live:
    """The version that new calls take; not thread-safe."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._known = set(served.engine.router.catalog.routes)

    @property
    def served(self) -> Served:
        """The live version."""
        return self._served

    @property
    def known_routes(self) -> Collection[str]:
        """The routes of this version and of those before: reports may come late."""
        return self._known

    def replace(self, served: Served) -> None:
        """Makes a version live; calls that began with another one end with that one."""
        self._served = served
        self._known.update(served.engine.router.catalog.routes)
