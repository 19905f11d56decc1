import sys

import pytest

from tests.supply.bundled import LICENCES, bundled
from tests.supply.licences import BY_HAND, LESSER, identifiers, is_known, licence_of
from tests.supply.lock import packages_of, read_lock
from tests.supply.sbom import EXTRAS, ROOT


@pytest.mark.parametrize("extra", ["", *EXTRAS, "dev"])
def test_no_package_has_a_licence_that_nobody_looked_at(extra: str) -> None:
    extras = [extra] if extra else []
    found = {name: licence_of(name) for name in packages_of(ROOT / "pyproject.toml", extras)}
    strange = {name: licence for name, licence in found.items() if not is_known(licence)}
    assert strange.keys() == LESSER.keys() & found.keys(), strange


def test_packages_of_other_systems_have_one_too() -> None:
    pins = {pin.name for pin in read_lock(ROOT / "requirements.lock")}
    assert {name: licence_of(name) for name in pins if not is_known(licence_of(name))} == {}
    assert set(BY_HAND) <= pins  # nothing stays there that is not pinned any more


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("GPL-3.0-only", False),
        ("MIT AND (GPL-2.0-or-later)", False),
        ("MIT OR AGPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("", False),
    ],
)
def test_copyleft_that_reaches_beyond_its_own_files_is_not_allowed(
    expression: str, allowed: bool
) -> None:
    assert is_known(expression) is allowed
    assert "AND" not in identifiers(expression)


def test_the_libraries_that_wheels_bring_along_are_known() -> None:
    found = bundled(packages_of(ROOT / "pyproject.toml", EXTRAS))
    assert found <= LICENCES.keys()
    if sys.platform == "linux":
        assert "libquadmath" in found  # of numpy and FAISS: it is looked for where it is
