"""A bundle's first stage as files: the static index, what was fitted, and the gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.scoring_files import CALIBRATION, HEAD, read_scoring, write_scoring
from waypost_server.core.errors import BundleError
from waypost_server.core.first_stage import FittedFirstStage, Gate
from waypost_server.core.scoring import Scoring

PREFIX = "static_"
INDEX = PREFIX + "exemplars.faiss"
STAGE = PREFIX + "stage.json"
FILES = (INDEX, STAGE, PREFIX + HEAD, PREFIX + CALIBRATION)


class _StageFile(BaseModel):
    """The content of `static_stage.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: Annotated[float, Field(ge=0, le=1)]
    lead: FiniteFloat
    encoder_name: str
    encoder_fingerprint: str


@dataclass(frozen=True)
class StoredFirstStage:
    """A first stage as loaded."""

    index: FaissIndex
    scoring: Scoring
    gate: Gate
    encoder_name: str
    encoder_fingerprint: str


def write_stage(stage: FittedFirstStage) -> dict[str, bytes]:
    """The files by name."""
    about = _StageFile(
        confidence=stage.gate.confidence,
        lead=stage.gate.lead,
        encoder_name=stage.encoder_name,
        encoder_fingerprint=stage.encoder_fingerprint,
    )
    return {
        INDEX: FaissIndex.build(stage.encodings).to_bytes(),
        STAGE: about.model_dump_json(indent=1).encode(),
        **write_scoring(stage.scoring, PREFIX),
    }


def read_stage(files: Mapping[str, bytes], *, routes: int, exemplars: int) -> StoredFirstStage:
    """What `write_stage` wrote; raises BundleError or pydantic's error."""
    about = _StageFile.model_validate_json(files[STAGE])
    index = FaissIndex.from_bytes(files[INDEX])
    if index.size != exemplars:
        raise BundleError(
            f"{INDEX} holds {index.size} vectors, but there are {exemplars} exemplars; build again"
        )
    return StoredFirstStage(
        index=index,
        scoring=read_scoring(files[PREFIX + HEAD], files[PREFIX + CALIBRATION], routes=routes),
        gate=Gate(about.confidence, about.lead),
        encoder_name=about.encoder_name,
        encoder_fingerprint=about.encoder_fingerprint,
    )
