"""What a server says at its start of a model that it cannot ask."""

import logging
from pathlib import Path

import pytest

from tests.unit.service.models import FakeModel, free
from waypost_server.adapters.openai_model import NOT_INSTALLED, OpenAIModel
from waypost_server.core.catalog import Catalog, Model, Route, Taxonomy
from waypost_server.core.escalation import Escalation
from waypost_server.service.completing import Completing
from waypost_server.service.consulting import Consulting
from waypost_server.service.escalating import Escalating
from waypost_server.settings import Settings
from waypost_server.wiring.consulting import Advice

SAYS = "taxonomy.yaml has model small decide what the encoder is not sure of, but "


ABSENT = OpenAIModel(lambda variable: "", sdk="no_such_sdk")


def catalog(escalation: Escalation | None, *, key: str = "") -> Catalog:
    return Catalog(
        taxonomy=Taxonomy(escalation=escalation),
        routes={"default": Route(name="default")},
        models={"small": Model(name="small", provider="openai", model_id="x", api_key_env=key)},
    )


def advice(models: OpenAIModel) -> Advice:
    consulting = Consulting(FakeModel(), paying=free())
    return Advice(models, consulting, Escalating(consulting), Completing(consulting), None)


async def test_without_the_sdk_it_says_what_to_install_and_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await advice(ABSENT).prepare(catalog(Escalation(model="small")))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"{SAYS}nobody is asked: {NOT_INSTALLED}"
    assert "waypost[consult]" in NOT_INSTALLED


async def test_without_its_key_it_names_the_variable(caplog: pytest.LogCaptureFixture) -> None:
    asking = advice(OpenAIModel(lambda variable: ""))
    await asking.prepare(catalog(Escalation(model="small"), key="NO_SUCH_KEY"))
    await asking.close()
    assert caplog.messages == [f"{SAYS}its key is to be in NO_SUCH_KEY, which is unset"]


async def test_what_asks_nobody_loads_nothing_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asking = advice(ABSENT)
    await asking.prepare(catalog(None))
    await asking.close()
    assert caplog.messages == []


async def test_a_full_file_of_examples_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.unit.adapters.test_review_file import example
    from waypost_server.adapters.review_file import ReviewFile
    from waypost_server.service.reviewing import Reviewing
    from waypost_server.wiring.consulting import adding_to

    path = tmp_path / "review.jsonl"
    path.write_bytes(b"\n" * (2**20 - 10))
    reviewing = Reviewing(adding_to(ReviewFile(path, max_bytes=2**20), path))
    for text in ("one", "two"):
        reviewing.keep(example(text))
    reviewing.close()
    assert caplog.messages == [
        f"an example for review is lost: {path} is full; `waypost review` makes room, or a larger "
        "WAYPOST_REVIEW_MB"
    ]


def test_nothing_is_kept_for_review_unless_a_file_is_named(tmp_path: Path) -> None:
    assert Settings.load().review_file is None
    assert Settings.load(review_file=tmp_path / "x").review_file == tmp_path / "x"
