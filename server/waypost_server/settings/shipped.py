"""Where the shipped encoders are: in a clone, or in the package `waypost-encoder`."""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "waypost_encoder"
MODELS = Path("models")

_SERVER = Path(__file__).parents[2]
"""What holds this package; of a clone, the folder of that name."""


def found(folder: Path) -> Path:
    """The folder; where a clone's `models/...` is named and not there, the shipped one.

    That is the package's, or that of the clone that this code runs from: its commands work in any
    working directory.
    """
    if folder.parent != MODELS or folder.exists():
        return folder
    package = find_spec(PACKAGE)
    places = list(map(Path, package.submodule_search_locations or ())) if package else []
    if _SERVER.name == "server":
        places.append(_SERVER.parent / MODELS)
    inside = [place / folder.name for place in places]
    return next((one for one in inside if one.is_dir()), folder)
