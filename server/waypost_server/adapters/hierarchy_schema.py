"""What YAML may say of groups of routes: `hierarchy` of taxonomy.yaml, and group.yaml."""

from typing import Annotated

from pydantic import Field

from waypost_server.adapters.section import Section


class HierarchySection(Section):
    """`hierarchy` of taxonomy.yaml."""

    beams: Annotated[int, Field(ge=1, le=100, strict=True)] = 3


class GroupFile(Section):
    """group.yaml."""

    default_route: Annotated[str, Field(min_length=1)]
