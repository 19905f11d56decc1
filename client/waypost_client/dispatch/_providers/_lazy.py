"""Loads a provider's SDK with the first call of a model that speaks its protocol."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator

from waypost_client import Model
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._prices import load_prices
from waypost_client.dispatch._providers._provider import ModelRequest, Provider, Reply

_PROVIDERS = {
    "openai": ("waypost_client.dispatch._providers._openai", "OpenAIProvider"),
    "anthropic": ("waypost_client.dispatch._providers._anthropic", "AnthropicProvider"),
}


def lazy_providers() -> dict[str, "LazyProvider"]:
    """A provider for each protocol that a fleet can name; none is loaded yet."""
    return {name: LazyProvider(*place) for name, place in _PROVIDERS.items()}


class LazyProvider:
    """Implements Provider by another that is imported and made when it is first needed.

    Args:
        module: where its class is.
        name: the class, which is made without arguments.

    Attributes:
        made: the other one, once it is there: calls need no way through here any more.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name
        self._loading: asyncio.Future[Provider] | None = None
        self.made: Provider | None = None

    async def load(self, model: Model) -> Provider:
        """The provider; waits for its SDK, 2 to 4 seconds for the first time.

        Args:
            model: whose price shall be at hand too.
        """
        if self._loading is None:
            # A thread, because the import would stop the loop and with it all deadlines.
            # Not asyncio.to_thread: it would take this task's context there, and with it anyio's
            # word that a loop is running.
            self._loading = asyncio.get_running_loop().run_in_executor(None, self._make)
        # A caller who is cancelled must not take the SDK from the others.
        try:
            self.made = await asyncio.shield(self._loading)
        except ImportError:
            message = f"{self._name} needs its SDK: pip install 'waypost[dispatch]'"
            raise ModelError(FailureKind.BROKEN, message) from None
        await load_prices(model)
        return self.made

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""
        return await (await self.load(request.model)).complete(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""
        provider = await self.load(request.model)
        async with contextlib.aclosing(provider.stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Ends the connections."""
        if self._loading is not None:
            with contextlib.suppress(ImportError):
                await (await self._loading).close()

    def _make(self) -> Provider:
        made: Provider = getattr(importlib.import_module(self._module), self._name)()
        # What the SDKs run on loads another 0.1 s of modules when a loop first uses it.
        anyio = importlib.import_module("anyio")
        anyio.run(anyio.sleep, 0)
        return made
