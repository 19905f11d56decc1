"""One real LLM, and one router that hands queries to it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.e2e.processes import ServerProcess, running_server
from tests.folders import write_folder
from tests.indexing import build_index
from tests.llm.llama import CONTEXT_TOKENS, MODEL_ID, Llama, running_llama
from waypost_client import Client
from waypost_server.settings import Settings

if "LLM_MODEL" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

CALL_SECONDS = 120
"""More than any call here takes on a busy machine."""

BIG = "big"
"""A model of the fleet that tests stand in for with a function."""

CLAIMED_TOKENS = 8 * CONTEXT_TOKENS
"""More than the LLM has room for: a fleet may be wrong, and then the dispatcher must see it."""

FLEET = f"""\
models:
  smol:
    provider: openai
    base_url: {{base_url}}
    model: {MODEL_ID}
    api_key_env: ""
    context_window: {CLAIMED_TOKENS}
    features: [logprobs]
  {BIG}:
    provider: openai
    model: {BIG}
    context_window: 100000
    usd_per_mtok_in: 1
    usd_per_mtok_out: 1
"""
SPECIALIST = f"""\
specialist:
  models: [smol, {BIG}]
  temperature: 0
  max_output_tokens: 40
"""
CASCADE = f"""\
{SPECIALIST}\
  pattern: cascade
  checks: {{json_schema: {{type: object, required: [sql]}}}}
"""
ROUTES = {
    "testing/exemplars.txt": """\
what is a unit test
how do I test a function that reads a file
should every bug get a regression test
when do I use a mock instead of the real thing
my tests are slow, how do I speed them up
in which language are tests best written
""",
    "testing/specialist.md": "You know all about tests. You answer with one short paragraph.\n",
    "testing/route.yaml": SPECIALIST,
    "databases/exemplars.txt": """\
why is this join slow
which column should I index
how do I add a column to a large table without locking it
explain the isolation level read committed
how large may a table become
""",
    "databases/specialist.md": "You know databases. You answer with one short paragraph.\n",
    "databases/route.yaml": SPECIALIST,
    "queries/exemplars.txt": """\
write a query that counts orders per customer
give me the SQL for the ten newest users
select all products without a price
SQL statement for the sum of payments in May
query the names of employees by department
""",
    "queries/specialist.md": "You write SQL.\n",
    "queries/route.yaml": CASCADE,
}


@pytest.fixture(scope="session")
def llama() -> Iterator[Llama]:
    """The LLM."""
    python, model = (Path(os.environ[name]) for name in ("LLM_PYTHON", "LLM_MODEL"))
    with running_llama(python.absolute(), model.absolute()) as running:
        yield running


@pytest.fixture
def openai(llama: Llama) -> Iterator[OpenAI]:
    """The official SDK, which tries everything once.

    A new one for each test: a stream that fails in the server takes its connection with it.
    """
    with OpenAI(
        base_url=llama.base_url, api_key="none", max_retries=0, timeout=CALL_SECONDS
    ) as connected:
        yield connected


@pytest.fixture(scope="session")
def server(
    llama: Llama, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A router whose fleet is the LLM."""
    folder = tmp_path_factory.mktemp("llm")
    fleet = {"fleet.yaml": FLEET.format(base_url=llama.base_url)}
    settings = Settings.load(
        routes=write_folder(folder / "routes", ROUTES | fleet),
        index=folder / "index",
        encoder=encoder_folder,
    )
    build_index(settings)
    with running_server(folder / "index") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.address, timeout_s=20) as connected:
        yield connected
