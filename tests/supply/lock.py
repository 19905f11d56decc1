"""What `requirements.lock` pins, and which of it an extra takes."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? ?\\?$"
)
OURSELVES = "waypost"
HASH = re.compile(r"^    --hash=sha256:([0-9a-f]{64})(?: \\)?$")


@dataclass(frozen=True, order=True)
class Pin:
    """One version of one package.

    Attributes:
        name: in small letters.
        version: its version.
        marker: where it is installed; empty for everywhere.
        sha256: hashes of its files, sorted.
    """

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]


def read_lock(path: Path) -> tuple[Pin, ...]:
    """The pins of a lock, by name and version; raises ValueError for a line that is no pin."""
    found: list[tuple[re.Match[str], list[str]]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if pin := PIN.match(line):
            found.append((pin, []))
        elif (sha256 := HASH.match(line)) and found:
            found[-1][1].append(sha256[1])
        else:
            raise ValueError(f"{path}:{number}: this is neither a pin nor its hash")
    if bare := [pin["name"] for pin, hashes in found if not hashes]:
        raise ValueError(f"{path}: without a hash: {', '.join(bare)}")
    return tuple(
        sorted(
            Pin(
                canonicalize_name(pin["name"]),
                pin["version"],
                pin["marker"] or "",
                tuple(sorted(sha256)),
            )
            for pin, sha256 in found
        )
    )


def packages_of(project: Path, extras: Collection[str]) -> set[str]:
    """Names of all that Waypost with these extras installs here, by the installed metadata."""
    return needs_of(project, extras).keys() - {OURSELVES}


def needs_of(project: Path, extras: Collection[str]) -> dict[str, set[str]]:
    """For Waypost with these extras, and for each package that it installs here, what it needs."""
    said = tomllib.loads(project.read_text("utf-8"))["project"]
    waiting = [(OURSELVES, Requirement(line)) for line in said["dependencies"]]
    for extra in extras:
        waiting += [(OURSELVES, Requirement(line)) for line in said["optional-dependencies"][extra]]
    seen: set[tuple[str, str]] = set()
    needs: dict[str, set[str]] = {OURSELVES: set()}
    while waiting:
        whose, requirement = waiting.pop()
        name = str(canonicalize_name(requirement.name))
        if name == OURSELVES:
            more = said["optional-dependencies"]
            waiting += [(name, Requirement(one)) for key in requirement.extras for one in more[key]]
            continue
        needs[whose].add(name)
        needs.setdefault(name, set())
        for extra in {"", *requirement.extras} - {known for each, known in seen if each == name}:
            seen.add((name, extra))
            waiting += [(name, each) for each in _wanted(name, extra)]
    return needs


def _wanted(name: str, extra: str) -> list[Requirement]:
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:  # of another system
        return []
    here = {name: str(value) for name, value in default_environment().items()} | {"extra": extra}
    wanted = map(Requirement, lines)
    return [one for one in wanted if one.marker is None or one.marker.evaluate(here)]
