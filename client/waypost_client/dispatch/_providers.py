"""Which provider calls a model; an SDK is loaded with the first model that needs it."""

import asyncio
from collections.abc import Callable, Mapping

from waypost_client import Model
from waypost_client.dispatch._callable import CallableProvider, ModelFunction
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._provider import Provider


def _openai() -> type[Provider]:
    from waypost_client.dispatch._openai import OpenAIProvider

    return OpenAIProvider


def _anthropic() -> type[Provider]:
    from waypost_client.dispatch._anthropic import AnthropicProvider

    return AnthropicProvider


BUILT_IN: Mapping[str, Callable[[], type[Provider]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
}
"""By the contract's word for the wire protocol. Loading an SDK takes seconds."""


class Providers:
    """The providers of one dispatcher. For one event loop."""

    def __init__(self, callables: Mapping[str, ModelFunction]) -> None:
        """`callables` stand in for models, by their names in the fleet."""
        self._by_model: dict[str, Provider] = {
            name: CallableProvider(function) for name, function in callables.items()
        }
        self._by_protocol: dict[str, Provider] = {}

    async def load(self, model: Model) -> None:
        """Makes sure that `of` need not load an SDK, which would hold up the event loop."""
        protocol = model.provider
        if protocol in self._by_protocol or model.name in self._by_model:
            return
        if protocol in BUILT_IN:
            provider = await asyncio.to_thread(BUILT_IN[protocol])
            self._by_protocol.setdefault(protocol, provider())

    def of(self, model: Model) -> Provider:
        """Who calls a model that `load` was told of; raises ModelError when nobody can."""
        provider = self._by_model.get(model.name) or self._by_protocol.get(model.provider)
        if provider is None:
            raise ModelError(
                FailureKind.BAD_REQUEST,
                f"its provider is {model.provider!r}, and this client speaks "
                f"{', '.join(sorted(BUILT_IN))}",
            )
        return provider

    async def close(self) -> None:
        """Ends all connections."""
        for provider in (*self._by_model.values(), *self._by_protocol.values()):
            await provider.close()
