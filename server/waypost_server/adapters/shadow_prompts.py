"""The prompts of shadow candidates, which stand in files beside fleet.yaml."""

import os
from collections.abc import Mapping
from pathlib import Path

from waypost_server.adapters.route_schema import FleetFile
from waypost_server.adapters.text_file import FileProblems, read_text
from waypost_server.adapters.yaml_file import YamlFile


def read_shadow_prompts(folder: Path, file: YamlFile, fleet: FleetFile) -> Mapping[str, str]:
    """The prompts by shadow, of those that name one; raises FileProblems naming all problems.

    Args:
        folder: the routes folder.
        file: fleet.yaml in it.
        fleet: its content.
    """
    prompts: dict[str, str] = {}
    problems: list[str] = []
    for name, shadow in fleet.shadows.items():
        if not shadow.prompt:
            continue
        try:
            prompts[name] = _read(folder.resolve(), shadow.prompt)
        except _Refused as refusal:
            where = ("shadows", name, "prompt")
            problems.append(
                file.problem(where, f"{'.'.join(where)} is {shadow.prompt[:80]!r}, {refusal}")
            )
        except FileProblems as error:
            problems.extend(error.problems)
    if problems:
        raise FileProblems(problems)
    return prompts


class _Refused(Exception):  # noqa: N818  (never leaves this module)
    """Why a file is no prompt."""


def _read(root: Path, name: str) -> str:
    path = root / name
    if not os.path.isfile(path):  # which, unlike pathlib, takes any name for an answer
        raise _Refused("but there is no such file beside fleet.yaml; write it or name another")
    if Path(name).is_absolute() or path.resolve() != path:
        raise _Refused(
            "which is a link or leads out of the routes folder; put the file itself beside "
            "fleet.yaml"
        )
    prompt = read_text(path)
    if not prompt.strip():
        raise _Refused("which is empty; write the prompt into it, or remove the line")
    return prompt
