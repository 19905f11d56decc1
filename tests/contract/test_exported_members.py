"""The client's public API is exactly `__all__`."""

import inspect
from types import ModuleType

import pytest

import waypost_client
from waypost_client import dispatch

PACKAGES = (waypost_client, dispatch)
EXPORTED = [(package, name) for package in PACKAGES for name in package.__all__]


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_is_what_is_public(package: ModuleType) -> None:
    public = {
        name
        for name, member in vars(package).items()
        if not name.startswith("_") and not isinstance(member, ModuleType)
    }
    assert package.__all__ == sorted(public)


@pytest.mark.parametrize(("package", "name"), EXPORTED)
def test_what_is_exported_says_what_it_is(package: ModuleType, name: str) -> None:
    member = getattr(package, name)
    if not inspect.isclass(member):
        return  # an alias of types
    own = vars(member).get("__doc__")
    assert own, f"{name} inherits its docstring"
    assert not own.startswith(f"{name}("), f"{name} has the docstring that dataclasses make up"


@pytest.mark.parametrize(("package", "name"), EXPORTED)
def test_what_is_exported_can_be_found_where_it_says_it_lives(
    package: ModuleType, name: str
) -> None:
    member = getattr(package, name)
    if not inspect.isclass(member):
        return
    module = inspect.getmodule(member)
    assert module is not None
    assert module.__name__.startswith(f"{package.__name__}._")
    assert getattr(module, name) is member


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    assert _methods(waypost_client.AsyncClient) == _methods(waypost_client.Client)
    assert _methods(waypost_client.AsyncAdminClient) == _methods(waypost_client.AdminClient)


def test_both_dispatchers_have_the_same_methods_with_the_same_parameters() -> None:
    ours, theirs = _methods(dispatch.Dispatcher), _methods(dispatch.SyncDispatcher)
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"__init__"}:
        assert ours[name] == theirs[name]


def _methods(client: type) -> dict[str, list[str]]:
    return {
        name: [str(p.replace(annotation=p.empty)) for p in _parameters(method)]
        for name, method in vars(client).items()
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__init__")
    }


def _parameters(method: object) -> list[inspect.Parameter]:
    assert callable(method)
    return list(inspect.signature(method).parameters.values())
