"""A router whose only model is the scripted one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.e2e.test_few_routes import BILLING, SHIPPING
from tests.folders import write_folder
from tests.llm_server import LlmServer

MODEL = "small"
FLEET = f"""\
models:
  {MODEL}:
    provider: openai
    model: {MODEL}
    base_url: {{base_url}}
"""
SPECIALIST = f"specialist: {{models: [{MODEL}]}}\n"


@contextmanager
def talking_server(folder: Path, llm: LlmServer, taxonomy: str = "") -> Iterator[ServerProcess]:
    """A server of the routes billing and shipping, each with a prompt of its own."""
    routes = write_folder(
        folder / "routes",
        {
            "billing/exemplars.txt": BILLING,
            "billing/route.yaml": SPECIALIST,
            "billing/specialist.md": "You know about bills.\n",
            "shipping/exemplars.txt": SHIPPING,
            "shipping/route.yaml": SPECIALIST,
            "shipping/specialist.md": "You know about parcels.\n",
            **({"taxonomy.yaml": taxonomy} if taxonomy else {}),
            "fleet.yaml": FLEET.format(base_url=llm.openai_url),
        },
    )
    built = waypost("build", "--routes", str(routes), "--index", str(folder / "index"))
    assert built.returncode == 0, built.stderr
    with running_server(folder / "index") as server:
        yield server
