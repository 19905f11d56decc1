"""The routes folder: read whole, checked whole, and refused whole with every problem named."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter

from waypost_server.adapters.exemplar_file import (
    find_example_file,
    read_examples,
    read_numbered,
)
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.hierarchy_schema import GroupFile
from waypost_server.adapters.marks_file import MARKS_FILE, read_marks
from waypost_server.adapters.route_catalog import catalog_of
from waypost_server.adapters.route_checks import check_folder
from waypost_server.adapters.route_schema import FleetFile, RouteFile, TaxonomyFile, WordsFile
from waypost_server.adapters.route_source import FolderSource, GroupSource, RouteSource
from waypost_server.adapters.route_twins import note_twins
from waypost_server.adapters.routes_tree import check_tree
from waypost_server.adapters.rules_catalog import RULES_FILE
from waypost_server.adapters.rules_schema import RulesFile
from waypost_server.adapters.section import validate
from waypost_server.adapters.shadow_prompts import read_shadow_prompts
from waypost_server.adapters.text_file import FileProblems, read_text
from waypost_server.adapters.yaml_file import YamlFile, read_yaml
from waypost_server.core.bundle import RouteSet
from waypost_server.core.catalog import Catalog, Hints
from waypost_server.core.errors import RoutesError
from waypost_server.core.labelled import LabelledQuery

TAXONOMY_FILE = "taxonomy.yaml"
FLEET_FILE = "fleet.yaml"
WORDS_FILE = "words.yaml"
ROUTE_FILE = "route.yaml"
GROUP_FILE = "group.yaml"
PROMPT_FILE = "specialist.md"
EVAL_FOLDER = "eval"
OUT_OF_SCOPE_FOLDER = "_out_of_scope"

_S = TypeVar("_S", bound=BaseModel)
_Texts = dict[str, tuple[str, ...]]


def read_routes(folder: Path) -> RouteSet:
    """Reads and checks a routes folder; raises RoutesError naming every problem."""
    if not folder.is_dir():
        raise RoutesError([f"{folder}:1: there is no such folder; give the path of your routes"])
    if strange := list(check_tree(folder, also=(OUT_OF_SCOPE_FOLDER,))):
        raise RoutesError(strange)
    reader = _Reader()
    source = reader.read(folder)
    problems = [*reader.problems, *check_folder(source)]
    if problems:
        raise RoutesError(problems)
    return _route_set(source)


class _Reader:
    """Reads what can be read and remembers what cannot."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, folder: Path) -> FolderSource:
        taxonomy_file, taxonomy = self._section(folder / TAXONOMY_FILE, TaxonomyFile)
        in_taxonomy = len(self.problems)
        fleet_file, fleet = self._section(folder / FLEET_FILE, FleetFile)
        in_fleet = len(self.problems) - in_taxonomy
        rules_file, rules = self._section(folder / RULES_FILE, RulesFile)
        before_words = len(self.problems)
        _, words = self._section(folder / WORDS_FILE, WordsFile)
        words_known = len(self.problems) == before_words
        shadow_prompts: Mapping[str, str] = {}
        with self._collecting():
            shadow_prompts = read_shadow_prompts(folder, fleet_file, fleet)
        routes = [
            self._route(path, path.relative_to(folder).as_posix(), taxonomy)
            for path in _subfolders(folder, skip=(EVAL_FOLDER,))
            if not _only_groups_others(path)
        ]
        for path in sorted((folder / EVAL_FOLDER).glob("exemplars.*")):
            self.problems.append(
                f"{path}:1: {EVAL_FOLDER}/ holds labelled queries and is no route; "
                "rename the folder"
            )
        routes.sort(key=lambda route: route.name)
        return FolderSource(
            folder=folder,
            taxonomy_file=taxonomy_file,
            taxonomy=taxonomy,
            taxonomy_known=not in_taxonomy,
            fleet_file=fleet_file,
            fleet=fleet,
            fleet_known=not in_fleet,
            shadow_prompts=shadow_prompts,
            routes=tuple(routes),
            out_of_scope=self._examples(
                folder / OUT_OF_SCOPE_FOLDER, "exemplars", taxonomy.limits.max_query_bytes
            ),
            rules_file=rules_file,
            rules=rules,
            groups=tuple(self._groups(folder)),
            words=words,
            words_known=words_known,
        )

    def _groups(self, folder: Path) -> Iterator[GroupSource]:
        for path in (folder, *_subfolders(folder, skip=(EVAL_FOLDER,))):
            if (path / GROUP_FILE).exists():
                with self._collecting():
                    file = read_yaml(path / GROUP_FILE)
                    section = validate(GroupFile, file)
                    yield GroupSource(path.relative_to(folder).as_posix(), file, section)

    def _route(self, folder: Path, name: str, taxonomy: TaxonomyFile) -> RouteSource:
        before = len(self.problems)
        max_bytes = taxonomy.limits.max_query_bytes
        exemplars = self._examples(folder, "exemplars", max_bytes)
        unreadable = len(self.problems) > before
        file, section = self._section(folder / ROUTE_FILE, RouteFile)
        return RouteSource(
            name=name,
            folder=folder,
            file=file,
            section=section,
            prompt=self._prompt(folder / PROMPT_FILE),
            exemplars=exemplars,
            negatives=self._examples(folder, "negatives", max_bytes),
            has_exemplar_file=bool(exemplars) or unreadable,
            regression=self._regression(folder, name, max_bytes),
            marks=self._marks(folder),
        )

    def _section(self, path: Path, schema: type[_S]) -> tuple[YamlFile, _S]:
        """The file and its content: all defaults where it is absent or wrong."""
        if path.exists():
            with self._collecting():
                file = read_yaml(path)
                return file, validate(schema, file)
        return YamlFile(path, {}, {}), schema()

    def _examples(self, folder: Path, stem: str, max_text_bytes: int) -> tuple[str, ...]:
        with self._collecting():
            if path := find_example_file(folder, stem):
                return read_examples(path, max_text_bytes=max_text_bytes)
        return ()

    def _regression(
        self, folder: Path, route: str, max_text_bytes: int
    ) -> tuple[LabelledQuery, ...]:
        with self._collecting():
            if path := find_example_file(folder, "regression"):
                return tuple(
                    LabelledQuery(text=text, label=route, source=f"{path}:{line}")
                    for line, text in read_numbered(path, max_text_bytes=max_text_bytes)
                )
        return ()

    def _marks(self, folder: Path) -> Mapping[str, tuple[int, Hints]]:
        with self._collecting():
            if (path := folder / MARKS_FILE).exists():
                return read_marks(path)
        return {}

    def _prompt(self, path: Path) -> str:
        with self._collecting():
            if path.exists():
                return read_text(path)
        return ""

    @contextmanager
    def _collecting(self) -> Iterator[None]:
        try:
            yield
        except FileProblems as error:
            self.problems.extend(error.problems)


def _subfolders(folder: Path, skip: tuple[str, ...] = ()) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        # A link may lead outside, or back to where it stands and so on for ever.
        if path.is_symlink() or path.name.startswith(("_", ".")) or path.name in skip:
            continue
        if path.is_dir():
            yield path
            yield from _subfolders(path)


def _only_groups_others(folder: Path) -> bool:
    """Whether the folder holds routes, or should, but says nothing of a route of its own."""
    stems = {path.stem for path in folder.iterdir() if path.is_file()}
    own = {"route", "exemplars", "negatives", "regression"}
    is_group = (folder / GROUP_FILE).exists() or any(_subfolders(folder))
    return not stems & own and is_group


def _route_set(source: FolderSource) -> RouteSet:
    catalog = catalog_of(source)
    exemplars = {route.name: route.exemplars for route in source.routes}
    negatives = {route.name: route.negatives for route in source.routes}
    # What the folder says, not how: a comment more or less makes no other bundle.
    content = TypeAdapter(tuple[Catalog, _Texts, _Texts, tuple[str, ...]])
    said = content.dump_json((catalog, exemplars, negatives, source.out_of_scope))
    regression = tuple(query for route in source.routes for query in route.regression)
    if regression:
        said += TypeAdapter(_Texts).dump_json(_by_label(regression))
    return RouteSet(
        catalog=catalog,
        exemplars=exemplars,
        negatives=negatives,
        out_of_scope=source.out_of_scope,
        sha256=sha256_hex(said),
        regression=regression,
        notes=note_twins(source.routes),
    )


def _by_label(queries: Sequence[LabelledQuery]) -> _Texts:
    texts: _Texts = {}
    for query in queries:
        texts[query.label] = (*texts.get(query.label, ()), query.text)
    return texts
