"""A routes folder as its files say it, before anything is checked across files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile
from waypost_server.adapters.yaml_file import YamlFile
from waypost_server.core.labelled import LabelledQuery


@dataclass(frozen=True)
class RouteSource:
    """One route's folder.

    Attributes:
        name: the folder's path below the routes folder, with "/".
        folder: the folder.
        file: route.yaml, empty where it is absent.
        section: its content.
        prompt: the content of specialist.md.
        exemplars: its exemplars; empty where the file is absent or wrong.
        negatives: its negatives, likewise.
        has_exemplar_file: whether there is a file of exemplars, right or wrong.
        regression: queries that must go to this route; empty where the file is absent or wrong.
    """

    name: str
    folder: Path
    file: YamlFile
    section: RouteFile
    prompt: str
    exemplars: tuple[str, ...]
    negatives: tuple[str, ...]
    has_exemplar_file: bool
    regression: tuple[LabelledQuery, ...] = ()


@dataclass(frozen=True)
class FolderSource:
    """The whole folder; `routes` are sorted by name.

    Attributes:
        folder: the folder.
        taxonomy_file: taxonomy.yaml, empty where it is absent or wrong.
        taxonomy: its content, all defaults where it is absent or wrong.
        taxonomy_known: whether that content may be relied on: it is not where the file is wrong.
        fleet_file: fleet.yaml, likewise.
        fleet: its content, likewise.
        fleet_known: likewise.
        shadow_prompts: the prompts that shadows name, by shadow.
        routes: the routes' folders.
        out_of_scope: examples of queries that belong to no route.
    """

    folder: Path
    taxonomy_file: YamlFile
    taxonomy: TaxonomyFile
    taxonomy_known: bool
    fleet_file: YamlFile
    fleet: FleetFile
    fleet_known: bool
    shadow_prompts: Mapping[str, str]
    routes: tuple[RouteSource, ...]
    out_of_scope: tuple[str, ...]

    @property
    def implicit_default(self) -> bool:
        """Whether the default route is the one that needs no folder."""
        return self.taxonomy.default_route == TaxonomyFile().default_route
