"""What is made once and shared by all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` does, before numpy is loaded

from tests.e2e.topics import build, topics
from tests.indexing import build_index
from tests.llm_server import LlmServer
from tests.postgres_server import PostgresServer, running_postgres
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.settings import Settings

# A machine that is busy with something else is no failure.
settings.register_profile("waypost", deadline=None)
settings.load_profile("waypost")


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the repository."""
    return Path(__file__).parents[1]


@pytest.fixture
def llm() -> Iterator[LlmServer]:
    """A server that speaks the wire formats of LLM providers and does as it is told."""
    with LlmServer() as server:
        yield server


@pytest.fixture(scope="session")
def encoder_folder(repo: Path) -> Path:
    """The folder of the shipped encoder."""
    return repo / "models/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> OnnxEncoder:
    """The shipped encoder."""
    return OnnxEncoder.load(encoder_folder)


@pytest.fixture(scope="session")
def index_folder(
    repo: Path, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Bundles of the shipped routes, one of them live; not to be changed."""
    folder = tmp_path_factory.mktemp("bundles") / "index"
    settings = Settings.load(
        routes=repo / "routes",
        index=folder,
        encoder=encoder_folder,
        static_encoder=repo / "models/all-MiniLM-L6-v2-static",
    )
    build_index(settings)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests that take a new database of it and do not stop it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind that there is, in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/waypost.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
def topics_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Routes that have a first stage, and below `index` one bundle of them; not to be changed."""
    folder = tmp_path_factory.mktemp("topics")
    build(topics(folder), folder / "index")
    return folder


@pytest.fixture(scope="session")
def topics_index(topics_folder: Path) -> Path:
    """That index; not to be changed."""
    return topics_folder / "index"
