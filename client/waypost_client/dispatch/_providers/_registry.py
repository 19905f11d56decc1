"""Which provider calls a model."""

import contextlib
from collections.abc import Collection, Mapping

from waypost_client import Model
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._callable import CallableProvider, ModelFunction
from waypost_client.dispatch._providers._endpoint import api_key, check_address
from waypost_client.dispatch._providers._lazy import LazyProvider, lazy_providers
from waypost_client.dispatch._providers._provider import Provider

KEY_SUFFIX = "API_KEY"
"""How variables end whose values may be sent to the endpoints that a contract names."""


class Providers:
    """The providers of one dispatcher. For one event loop."""

    def __init__(
        self, callables: Mapping[str, ModelFunction], *, key_names: Collection[str] = ()
    ) -> None:
        """Loads nothing yet.

        Args:
            callables: functions that stand in for models, by the models' names in the fleet.
            key_names: variables whose values models may be sent, beside those ending in API_KEY.
        """
        self._key_names = frozenset(key_names)
        self._by_model = {name: CallableProvider(function) for name, function in callables.items()}
        self._by_protocol: Mapping[str, LazyProvider] = lazy_providers()

    async def load(self, model: Model) -> None:
        """Loads the SDK that a call of `model` needs, so that its time does not begin before."""
        if model.name not in self._by_model and model.provider in self._by_protocol:
            with contextlib.suppress(ModelError):  # the call will say it
                check_address(model.base_url)
                await self._by_protocol[model.provider].load(model)

    def of(self, model: Model) -> Provider:
        """Who calls `model`; raises ModelError when nobody can or may."""
        if model.name in self._by_model:
            return self._by_model[model.name]
        check_address(model.base_url)
        # The contract names a variable and an address: not every secret is for every router.
        name = model.api_key_env
        if name and not name.endswith(KEY_SUFFIX) and name not in self._key_names:
            raise ModelError(
                FailureKind.NOT_AUTHORISED,
                f"its key is in {name}, which does not end in {KEY_SUFFIX}; allow it with "
                f"Dispatcher(key_names=[{name!r}])",
            )
        api_key(model)  # one that is missing must cost no call
        provider = self._by_protocol.get(model.provider)
        if provider is None:
            raise ModelError(
                FailureKind.BAD_REQUEST,
                f"its provider is {model.provider!r}, and this client speaks "
                f"{', '.join(sorted(self._by_protocol))}",
            )
        return provider.made or provider

    async def close(self) -> None:
        """Ends all connections."""
        every: list[Provider] = [*self._by_model.values(), *self._by_protocol.values()]
        for provider in every:
            await provider.close()
