"""What a fleet needs besides Waypost: an S3 server, Milvus, a proxy."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.topics import build, topics

if find_spec("milvus") is None:  # `make test-fleet` has an environment of its own
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def topics_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder with one bundle of a few routes; not to be changed."""
    folder = tmp_path_factory.mktemp("fleet")
    build(topics(folder), folder / "index")
    return folder / "index"
