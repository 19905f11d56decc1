"""Which provider calls a model."""

import contextlib
from collections.abc import Mapping

from waypost_client import Model
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._callable import CallableProvider, ModelFunction
from waypost_client.dispatch._providers._lazy import LazyProvider, lazy_providers
from waypost_client.dispatch._providers._provider import Provider


class Providers:
    """The providers of one dispatcher. For one event loop."""

    def __init__(self, callables: Mapping[str, ModelFunction]) -> None:
        """`callables` stand in for models, by their names in the fleet."""
        self._by_model = {name: CallableProvider(function) for name, function in callables.items()}
        self._by_protocol: Mapping[str, LazyProvider] = lazy_providers()

    async def load(self, model: Model) -> None:
        """Loads the SDK that a call of `model` needs, so that its time does not begin before."""
        if model.name not in self._by_model and model.provider in self._by_protocol:
            with contextlib.suppress(ModelError):  # the call will say it
                await self._by_protocol[model.provider].load(model)

    def of(self, model: Model) -> Provider:
        """Who calls `model`; raises ModelError when nobody can."""
        provider = self._by_model.get(model.name) or self._by_protocol.get(model.provider)
        if provider is None:
            raise ModelError(
                FailureKind.BAD_REQUEST,
                f"its provider is {model.provider!r}, and this client speaks "
                f"{', '.join(sorted(self._by_protocol))}",
            )
        return provider

    async def close(self) -> None:
        """Ends all connections."""
        every: list[Provider] = [*self._by_model.values(), *self._by_protocol.values()]
        for provider in every:
            await provider.close()
