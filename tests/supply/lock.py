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
    said = tomllib.loads(project.read_text("utf-8"))["project"]
    waiting = [Requirement(line) for line in said["dependencies"]]
    for extra in extras:
        waiting += map(Requirement, said["optional-dependencies"][extra])
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *sorted(requirement.extras)):
            name = str(canonicalize_name(requirement.name))
            if name == "waypost":
                waiting += map(Requirement, said["optional-dependencies"].get(extra, []))
            elif (name, extra) not in seen:
                seen.add((name, extra))
                waiting += _wanted(name, extra)
    return {name for name, _ in seen}


def _wanted(name: str, extra: str) -> list[Requirement]:
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:  # of another system
        return []
    here = {name: str(value) for name, value in default_environment().items()} | {"extra": extra}
    wanted = map(Requirement, lines)
    return [one for one in wanted if one.marker is None or one.marker.evaluate(here)]
