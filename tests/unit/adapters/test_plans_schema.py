"""What taxonomy.yaml may say of plans."""

from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.route_folder import read_routes
from waypost_server.adapters.text_file import FileProblems
from waypost_server.core.errors import RoutesError
from waypost_server.core.plans import Plans


def plans_in(folder: Path, text: str) -> Plans | None:
    taxonomy = f"default_route: general\n{text}\n"
    write_folder(folder, {**SOUND, "taxonomy.yaml": taxonomy})
    return read_routes(folder).catalog.taxonomy.plans


def test_there_are_no_plans_unless_they_are_asked_for(tmp_path: Path) -> None:
    assert plans_in(tmp_path, "") is None
    assert plans_in(tmp_path, "plans:") is None


def test_plans_are_as_they_are_asked_for(tmp_path: Path) -> None:
    assert plans_in(tmp_path, "plans: {}") == Plans()
    assert plans_in(
        tmp_path, "plans: {max_steps: 2, min_similarity: 0.6, connectives: [Und dann, danach]}"
    ) == Plans(max_steps=2, min_similarity=0.6, connectives=("und dann", "danach"))


@pytest.mark.parametrize(
    ("plans", "problem"),
    [
        ("{max_steps: 1}", "plans.max_steps is 1: input should be greater than or equal to 2"),
        ("{max_steps: 7}", "plans.max_steps is 7: input should be less than or equal to 6"),
        (
            "{min_similarity: 2}",
            "plans.min_similarity is 2: input should be less than or equal to 1",
        ),
        (
            "{connectives: ['&']}",
            "plans.connectives has '&'; write words, which begin and end with a letter",
        ),
        (
            "{connectives: ['']}",
            "plans.connectives has ''; write words, which begin and end with a letter",
        ),
        (
            "{steps: 3}",
            "plans.steps is an unknown key; did you mean 'max_steps'? It may be one of "
            "connectives, max_steps, min_similarity",
        ),
        ("true", "plans is True: input should be a valid dictionary or instance of PlansSection"),
    ],
)
def test_what_no_plan_can_be_made_with_is_named_with_its_line(
    tmp_path: Path, plans: str, problem: str
) -> None:
    with pytest.raises((FileProblems, RoutesError)) as error:
        plans_in(tmp_path, f"plans: {plans}")
    assert f"taxonomy.yaml:2: {problem}" in str(error.value)
