"""A real router whose fleet is the scripted server's, and what a specialist's files may say."""

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.processes import waypost
from tests.folders import write_folder
from tests.llm_server import LlmServer

ROUTES = {
    "billing": ("invoice", "refund", "credit card", "bank transfer"),
    "cooking": ("soup", "roast chicken", "chocolate cake", "salad dressing"),
    "travel": ("flight", "train ticket", "hotel room", "visa"),
}
WORDINGS = (
    "tell me about the {}",
    "i need help with my {}",
    "is there a good {} today",
    "what about the next {}",
    "{} please",
    "find me another {}",
)
QUERIES = {
    "billing": "please send the refund to my credit card",
    "cooking": "how long does a roast chicken take",
    "travel": "book a hotel room in Lyon",
}
"""A query that goes to each route, and to no other."""

DEFAULT = "general"


def routes_folder(
    folder: Path,
    llm: LlmServer,
    *,
    models: Mapping[str, str],
    specialists: Mapping[str, str],
) -> Path:
    """Writes a routes folder.

    Args:
        folder: where.
        llm: behind every model.
        models: further keys of each model in fleet.yaml, by its name.
        specialists: the `specialist` section of each route, as inline YAML.
    """
    files = {
        f"{route}/exemplars.txt": "\n".join(
            wording.format(thing) for thing in things for wording in WORDINGS
        )
        for route, things in ROUTES.items()
    }
    files[f"{DEFAULT}/exemplars.txt"] = "hello\nhow are you\nthank you\ntell me something\n"
    for route in (*ROUTES, DEFAULT):
        files[f"{route}/specialist.md"] = f"You are {route}.\n"
        files[f"{route}/route.yaml"] = f"specialist: {specialists.get(route, '{}')}\n"
    files["taxonomy.yaml"] = f"default_route: {DEFAULT}\n"
    files["fleet.yaml"] = "models:\n" + "".join(
        f"  {name}: {{provider: openai, model: {name}, base_url: '{llm.openai_url}', {keys}}}\n"
        for name, keys in models.items()
    )
    return write_folder(folder, files)


def build(routes: Path, index: Path) -> None:
    """Builds a bundle, which goes live."""
    built = waypost("build", "--routes", str(routes), "--index", str(index))
    assert built.returncode == 0, built.stderr
