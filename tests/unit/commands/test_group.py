from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from tests.unit.commands.cli import waypost
from waypost_server.adapters.bundle_format import read_manifest
from waypost_server.adapters.bundle_store import BundleStore

COMMANDS = sorted(entry_points(group="waypost.commands").names)


def test_help_lists_every_command_with_a_sentence() -> None:
    shown = waypost("--help").stdout
    listed = shown[shown.index("Commands:") :].splitlines()[1:]
    assert [line.split()[0] for line in listed] == COMMANDS
    assert all(len(line.split()) >= 3 for line in listed)


def test_the_version_is_the_packages_with_what_the_settings_name(
    index_folder: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    said = waypost("--version", index=index_folder, encoder=encoder_folder).stdout
    live = BundleStore(index_folder).live_version()
    fingerprint = read_manifest(index_folder / str(live)).encoder_fingerprint
    assert said == (
        f"waypost {version('waypost')}\n"
        f"index {live}, built with encoder {fingerprint}\nencoder {fingerprint}\n"
    )
    absent = waypost("--version", index=tmp_path, encoder=tmp_path)
    assert absent.returncode == 0
    assert f"index none in {tmp_path}; build one with `waypost build`\n" in absent.stdout


@pytest.mark.parametrize(
    "arguments", [["biuld"], ["build", "--rotues", "x"], ["build", "extra"], ["config", "shwo"]]
)
def test_wrong_usage_ends_with_2_and_a_pointer_to_help(arguments: list[str]) -> None:
    ended = waypost(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--help' for help." in ended.stderr
