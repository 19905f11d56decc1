"""Which provider calls a model; an SDK is loaded with the first model that needs it."""

from collections.abc import Callable, Mapping

from waypost_client import Model
from waypost_client.dispatch._callable import CallableProvider, ModelFunction
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._provider import Provider


def _openai() -> Provider:
    from waypost_client.dispatch._openai import OpenAIProvider

    return OpenAIProvider()


def _anthropic() -> Provider:
    from waypost_client.dispatch._anthropic import AnthropicProvider

    return AnthropicProvider()


BUILT_IN: Mapping[str, Callable[[], Provider]] = {"openai": _openai, "anthropic": _anthropic}
"""By the contract's word for the wire protocol."""


class Providers:
    """The providers of one dispatcher. For one event loop."""

    def __init__(
        self,
        callables: Mapping[str, ModelFunction],
        *,
        built_in: Mapping[str, Callable[[], Provider]] = BUILT_IN,
    ) -> None:
        """`callables` stand in for models, by their names in the fleet."""
        self._by_model: dict[str, Provider] = {
            name: CallableProvider(function) for name, function in callables.items()
        }
        self._built_in = built_in
        self._by_protocol: dict[str, Provider] = {}

    def of(self, model: Model) -> Provider:
        """Who calls `model`; raises ModelError when nobody can."""
        if model.name in self._by_model:
            return self._by_model[model.name]
        provider = self._by_protocol.get(model.provider)
        if provider is None:
            if model.provider not in self._built_in:
                known = ", ".join(sorted(self._built_in))
                raise ModelError(
                    FailureKind.BAD_REQUEST,
                    f"its provider is {model.provider!r}, and this client speaks {known}",
                )
            provider = self._by_protocol[model.provider] = self._built_in[model.provider]()
        return provider

    async def close(self) -> None:
        """Ends all connections."""
        for provider in (*self._by_model.values(), *self._by_protocol.values()):
            await provider.close()
