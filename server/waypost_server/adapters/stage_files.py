"""A bundle's first stage as files: the static index, what was fitted, and the gate."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from waypost_server.adapters.bundle_files import BundleFiles
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.index_files import read_index, write_index
from waypost_server.adapters.scoring_files import CALIBRATION, HEAD, read_scoring, write_scoring
from waypost_server.core.first_stage import FittedFirstStage, Gate
from waypost_server.core.scoring import Scoring

PREFIX = "static_"
STAGE = PREFIX + "stage.json"


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
        **write_index(stage.encodings, PREFIX)[1],
        STAGE: about.model_dump_json(indent=1).encode(),
        **write_scoring(stage.scoring, PREFIX),
    }


def read_stage(files: BundleFiles, *, routes: int, exemplars: int) -> StoredFirstStage | None:
    """What `write_stage` wrote, if it wrote any; raises BundleError or pydantic's error."""
    if STAGE not in files.names:
        return None
    about = _StageFile.model_validate_json(files.content(STAGE))
    head, calibration = files.content(PREFIX + HEAD), files.content(PREFIX + CALIBRATION)
    return StoredFirstStage(
        index=read_index(files, exemplars, PREFIX),
        scoring=read_scoring(head, calibration, routes=routes),
        gate=Gate(about.confidence, about.lead),
        encoder_name=about.encoder_name,
        encoder_fingerprint=about.encoder_fingerprint,
    )
