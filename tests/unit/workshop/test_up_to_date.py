"""When a build is spared, and when it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.building import BuildPhase, BuildStep
from waypost_server.settings import Settings
from waypost_server.workshop.publishing import publish_index
from waypost_server.workshop.up_to_date import publish_if_changed


class Phases:
    """What a build went through."""

    def __init__(self) -> None:
        self.seen: set[BuildPhase] = set()

    def __call__(self, step: BuildStep) -> None:
        self.seen.add(step.phase)


@pytest.fixture
def settings(tmp_path: Path, encoder_folder: Path) -> Settings:
    """Of two routes, built once."""
    routes = {
        "billing/exemplars.txt": "my card was charged twice\nrefund my payment\n",
        "cooking/exemplars.txt": "how do i bake bread\na recipe for soup\n",
        "eval/all.jsonl": '{"text": "refund my payment please", "label": "billing"}\n',
    }
    settings = Settings.load(
        routes=write_folder(tmp_path / "routes", routes),
        index=tmp_path / "index",
        encoder=encoder_folder,
        two_stage=False,
    )
    assert publish_if_changed(settings, Phases())[1] is False
    return settings


def test_where_nothing_changed_nothing_is_done_and_the_live_bundle_told(settings: Settings) -> None:
    phases = Phases()
    published, unchanged = publish_if_changed(settings, phases)
    assert (unchanged, published.is_live, published.encoded, phases.seen) == (True, True, 0, set())
    assert published.stored.version == published.live_version
    again, unchanged = publish_if_changed(settings, phases, force=True)
    assert (unchanged, again.stored.version) == (False, published.stored.version)
    assert BuildPhase.CHECKING in phases.seen


@pytest.mark.parametrize("file", ["cooking/exemplars.txt", "eval/all.jsonl", "gate.yaml"])
def test_a_change_of_routes_or_of_what_the_gate_reads_is_looked_at(
    settings: Settings, file: str
) -> None:
    content = {
        "cooking/exemplars.txt": "how do i bake bread\nfry an egg\n",
        "eval/all.jsonl": '{"text": "a soup of bread", "label": "cooking"}\n',
        "gate.yaml": "accuracy: 0.1\n",
    }
    write_folder(settings.routes, {file: content[file]})
    assert publish_if_changed(settings, Phases())[1] is False
    assert publish_if_changed(settings, Phases())[1] is True


def _damage(settings: Settings) -> None:
    folder = settings.index / (BundleStore(settings.index).live_version() or "")
    (folder / "head.npz").write_bytes(b"")


def _another_is_live(settings: Settings) -> None:
    exemplars = settings.routes / "cooking/exemplars.txt"
    was = exemplars.read_text()
    exemplars.write_text("fry an egg\n")
    # Not by way of a stamp: as `waypost tune` and `waypost index activate` do.
    publish_index(settings, Phases())
    exemplars.write_text(was)


@pytest.mark.parametrize("change", [_damage, _another_is_live])
def test_what_is_not_live_or_not_sound_is_built(
    settings: Settings, change: Callable[[Settings], None]
) -> None:
    was = BundleStore(settings.index).live_version()
    change(settings)
    published, unchanged = publish_if_changed(settings, Phases())
    assert (unchanged, published.stored.version) == (False, was)
    assert BundleStore(settings.index).load().version == was


def test_what_the_gate_refused_or_noted_is_told_again(settings: Settings) -> None:
    write_folder(settings.routes, {"gate.yaml": "accuracy: 1.5\n"})
    for _ in range(2):
        published, unchanged = publish_if_changed(settings, Phases())
        assert published.verdict.problems
        assert not unchanged
    (settings.routes / "gate.yaml").unlink()
    write_folder(settings.routes, {"eval/more.jsonl": '{"text": "hi", "label": "greetings"}\n'})
    for _ in range(2):
        published, unchanged = publish_if_changed(settings, Phases())
        assert "'greetings', which is no route" in published.verdict.notes[0]
        assert not unchanged


def test_what_should_be_mended_in_the_routes_builds_nothing_again_and_is_told_again(
    settings: Settings,
) -> None:
    write_folder(settings.routes, {"cooking/exemplars.txt": "bake bread\nrefund my payment\n"})
    built, unchanged = publish_if_changed(settings, Phases())
    assert not unchanged
    assert "exemplars.txt:2 are one sentence in two routes" in built.notes[0]
    phases = Phases()
    again, unchanged = publish_if_changed(settings, phases)
    assert (unchanged, phases.seen, again.notes) == (True, set(), built.notes)

    write_folder(settings.routes, {"eval/more.jsonl": '{"text": "hi", "label": "greetings"}\n'})
    for _ in range(2):
        published, unchanged = publish_if_changed(settings, Phases())
        assert (unchanged, len(published.verdict.notes)) == (False, 1)


def test_another_encoder_or_one_stage_less_is_a_change(
    settings: Settings, encoder_folder: Path
) -> None:
    static = encoder_folder.with_name(f"{encoder_folder.name}-static")
    both = settings.model_copy(update={"two_stage": True, "static_encoder": static})
    assert publish_if_changed(both, Phases())[1] is False
    assert publish_if_changed(both, Phases())[1] is True
    assert publish_if_changed(settings, Phases())[1] is False
