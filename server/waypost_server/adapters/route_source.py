"""A routes folder as its files say it, before anything is checked across files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from waypost_server.adapters.hierarchy_schema import GroupFile
from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile, WordsFile
from waypost_server.adapters.rules_schema import RulesFile
from waypost_server.adapters.yaml_file import YamlFile
from waypost_server.core.catalog import Hints
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
        marks: line in hints.jsonl, and hints, by text; empty where the file is absent or wrong.
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
    marks: Mapping[str, tuple[int, Hints]] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupSource:
    """What a folder of routes says of itself.

    Attributes:
        name: the folder's path below the routes folder, with "/".
        file: group.yaml.
        section: its content.
    """

    name: str
    file: YamlFile
    section: GroupFile


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
        rules_file: rules.yaml, empty where it is absent or wrong.
        rules: its content, none where it is absent or wrong.
        groups: folders with a group.yaml that can be read, by name.
        words: the content of words.yaml, empty where it is absent or wrong.
        words_known: whether that content may be relied on.
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
    rules_file: YamlFile
    rules: RulesFile
    groups: tuple[GroupSource, ...] = ()
    words: WordsFile = field(default_factory=WordsFile)
    words_known: bool = True

    @property
    def implicit_default(self) -> bool:
        """Whether the default route is the one that needs no folder."""
        return self.taxonomy.default_route == TaxonomyFile().default_route
