"""A routes folder with models and fallbacks of its own, as tests may change it."""

from pathlib import Path

from tests.e2e.processes import waypost
from tests.folders import write_folder

TOPICS = {
    "banking": ("invoice", "bank transfer", "refund", "credit card"),
    "cooking": ("soup", "roast chicken", "chocolate cake", "salad dressing"),
    "music": ("song", "album", "playlist", "singer"),
    "travel": ("flight", "train ticket", "hotel room", "visa"),
    "weather": ("rain", "snow", "sunshine", "storm"),
}
WORDINGS = (
    "tell me about the {}",
    "i need help with my {}",
    "is there a good {} today",
    "what about the next {}",
    "{} please",
    "find me another {}",
)
CLEAR = {
    "music": "find me another album please",
    "travel": "book a hotel room in Lyon",
    "weather": "will the storm reach us",
}
"""Queries that go to a route and to no other."""

DEFAULT = "anything"
MODELS = ("cheap", "strong", "idle")
FLEET = "models:\n" + "".join(
    f"  {name}: {{provider: openai, model: x, base_url: http://127.0.0.1:9/v1, api_key_env: '', "
    f"enabled: {str(name != 'idle').lower()}}}\n"
    for name in MODELS
)
ROUTE_YAML = {
    "music": "fallback_route: travel\nspecialist: {models: [cheap, strong, idle]}\n",
    "travel": "fallback_route: weather\nspecialist: {models: [strong]}\n",
    "weather": "specialist: {models: [idle]}\n",
}


def topics(folder: Path) -> Path:
    """The routes folder, written below `folder`."""
    files = {
        f"{topic}/exemplars.txt": "\n".join(
            wording.format(thing) for thing in things for wording in WORDINGS
        )
        for topic, things in TOPICS.items()
    }
    files |= {f"{route}/route.yaml": content for route, content in ROUTE_YAML.items()}
    files["taxonomy.yaml"] = f"default_route: {DEFAULT}\n"
    files["fleet.yaml"] = FLEET
    files[f"{DEFAULT}/exemplars.txt"] = "hello\nhow are you\ntell me something\nthank you\n"
    return write_folder(folder / "routes", files)


def build(routes: Path, index: Path) -> None:
    """Builds a bundle, which goes live."""
    built = waypost("build", "--routes", str(routes), "--index", str(index))
    assert built.returncode == 0, built.stderr
