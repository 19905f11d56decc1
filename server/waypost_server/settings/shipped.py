"""Where the shipped encoders are: in a clone, or in the package `waypost-encoder`."""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "waypost_encoder"
MODELS = Path("models")


def found(folder: Path) -> Path:
    """The folder, or that of the package if a clone's `models/...` is named and not there."""
    if folder.parent != MODELS or folder.exists():
        return folder
    package = find_spec(PACKAGE)
    places = list(package.submodule_search_locations or ()) if package else []
    inside = [Path(place) / folder.name for place in places]
    return next((one for one in inside if one.is_dir()), folder)
