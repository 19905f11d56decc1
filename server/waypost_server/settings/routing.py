"""What decides: bundles, routes, encoders."""

from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from waypost_server.settings.fields import OptionalPlace, names_in
from waypost_server.settings.shipped import found

EncoderFolder = Annotated[Path, AfterValidator(found), Field(validate_default=True)]
"""Of a shipped encoder, which need not be in the working directory."""


class Routing(BaseModel):
    """What decides, and what it keeps."""

    index: Path = Field(Path("index"), description="Folder of the built bundles.")
    routes: Path = Field(Path("routes"), description="Folder of the routes, read by `build`.")
    encoder: EncoderFolder = Field(
        Path("models/all-MiniLM-L6-v2"), description="Folder of the encoder."
    )
    two_stage: bool = Field(
        True,
        description="Whether a static encoder decides what it is sure of, before the transformer.",
    )
    static_encoder: EncoderFolder = Field(
        Path("models/all-MiniLM-L6-v2-static"), description="Folder of that static encoder."
    )
    cache_entries: NonNegativeInt = Field(
        10_000,
        description=(
            "Encodings of queries to keep in each process, 3 kB each, without the queries; "
            "0 for none."
        ),
    )
    uncached_tenants: str = Field(
        "", description="Tenants whose queries leave no encoding behind, separated by commas."
    )
    keep_bundles: PositiveInt = Field(
        5,
        description=(
            "How many built bundles stay, the newest; the live one, the one before it and those "
            "that a server of this machine has loaded stay in any case."
        ),
    )
    watch: bool = Field(
        False,
        description="Whether each process takes up a new bundle while it serves, once it is live.",
    )
    milvus_uri: str = Field(
        "",
        description=(
            "Where the exemplars' vectors are, `http://[USER:PASSWORD@]HOST:PORT[/DATABASE]` of a "
            "Milvus, into which a bundle's go when it is first loaded; empty for this machine."
        ),
        json_schema_extra={"secret": True},
    )
    milvus_timeout_seconds: PositiveFloat = Field(
        1.0, description="How long an answer of Milvus may take."
    )
    milvus_versions: PositiveInt = Field(
        5, description="Bundles whose vectors stay in Milvus, the newest."
    )
    bundles_url: OptionalPlace = Field(
        "",
        description=(
            "Where a fleet shares its bundles, `file:///FOLDER`, `s3://BUCKET/PREFIX` or another "
            "URL of fsspec: the one that is live there is fetched at the start, and with "
            "`WAYPOST_WATCH` whenever another one is; empty for none."
        ),
        json_schema_extra={"secret": True},
    )
    bundles_poll_seconds: PositiveFloat = Field(
        10.0, description="How often it is asked there which bundle is live."
    )
    max_bundle_mb: PositiveInt = Field(
        8192, description="Largest bundle to fetch from there, in megabytes of 2^20 bytes."
    )

    @property
    def tenants_without_cache(self) -> frozenset[str]:
        """The names in `uncached_tenants`."""
        return names_in(self.uncached_tenants)
