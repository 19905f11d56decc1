"""The client's public API is exactly `__all__`."""

import inspect
from types import ModuleType

import pytest

import waypost_client


def test_all_is_sorted_and_is_what_is_public() -> None:
    public = {
        name
        for name, member in vars(waypost_client).items()
        if not name.startswith("_") and not isinstance(member, ModuleType)
    }
    assert waypost_client.__all__ == sorted(public)


@pytest.mark.parametrize("name", waypost_client.__all__)
def test_what_is_exported_says_what_it_is(name: str) -> None:
    member = getattr(waypost_client, name)
    own = vars(member).get("__doc__")
    assert own, f"{name} inherits its docstring"
    assert not own.startswith(f"{name}("), f"{name} has the docstring that dataclasses make up"


@pytest.mark.parametrize("name", waypost_client.__all__)
def test_what_is_exported_can_be_found_where_it_says_it_lives(name: str) -> None:
    member = getattr(waypost_client, name)
    module = inspect.getmodule(member)
    assert module is not None
    assert module.__name__.startswith("waypost_client._")
    assert getattr(module, name) is member


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    assert _methods(waypost_client.AsyncClient) == _methods(waypost_client.Client)


def _methods(client: type) -> dict[str, list[str]]:
    return {
        name: [str(p.replace(annotation=p.empty)) for p in _parameters(method)]
        for name, method in vars(client).items()
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__init__")
    }


def _parameters(method: object) -> list[inspect.Parameter]:
    assert callable(method)
    return list(inspect.signature(method).parameters.values())
