from importlib.metadata import entry_points, version

import pytest

from tests.unit.commands.cli import waypost

COMMANDS = sorted(entry_points(group="waypost.commands").names)


def test_help_lists_every_command_with_a_sentence() -> None:
    shown = waypost("--help").stdout
    listed = shown[shown.index("Commands:") :].splitlines()[1:]
    assert [line.split()[0] for line in listed] == COMMANDS
    assert all(len(line.split()) >= 3 for line in listed)


def test_the_version_is_the_packages() -> None:
    assert waypost("--version").stdout == f"waypost {version('waypost')}\n"


@pytest.mark.parametrize(
    "arguments", [["biuld"], ["build", "--rotues", "x"], ["build", "extra"], ["config", "shwo"]]
)
def test_wrong_usage_ends_with_2_and_a_pointer_to_help(arguments: list[str]) -> None:
    ended = waypost(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--help' for help." in ended.stderr
