"""Asks models behind endpoints that speak OpenAI's chat completions, with OpenAI's SDK."""

import asyncio
import importlib
import importlib.util
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from waypost_server.adapters.bounded_http import RedirectedElsewhereError, guard
from waypost_server.adapters.json_answer import answer_in
from waypost_server.adapters.openai_request import PUBLIC_URL, is_public, request_of
from waypost_server.core.catalog import Model
from waypost_server.core.errors import (
    MalformedAnswerError,
    ModelError,
    ModelRefusedError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from waypost_server.core.language_model import Prompt, Said

NOT_INSTALLED = "OpenAI's SDK is not installed: pip install 'waypost[consult]'"

SDK = "openai"

NO_KEY = "none"
"""What is sent where no key is needed: the SDK insists on one."""

_UNSEEN_TOKENS = 1024
"""That a server may put around the messages of a request, or write beyond what it was asked for."""


class OpenAIModel:
    """Implements LanguageModel; the SDK is loaded when it is first needed, beside the loop."""

    def __init__(self, key_in: Callable[[str], str], *, sdk: str = SDK) -> None:
        """Loads nothing.

        Args:
            key_in: gives what an environment variable holds, or "".
            sdk: name of its module.
        """
        self._key_in = key_in
        self._name = sdk
        self._loading: asyncio.Future[_Sdk] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def is_installed(self) -> bool:
        """Whether there is an SDK to load."""
        return importlib.util.find_spec(self._name) is not None

    async def load(self) -> None:
        """Loads the SDK, which takes seconds; raises ModelRefusedError where there is none."""
        await self._sdk()

    async def ask(
        self,
        model: Model,
        prompt: Prompt,
        schema: Mapping[str, Any],
        *,
        max_tokens: int,
        timeout_seconds: float,
    ) -> Said:
        """The answer, which fits the schema; see LanguageModel."""
        where = _shown(model)
        try:
            async with asyncio.timeout(timeout_seconds):
                sdk = await self._sdk()
                client = self._client(sdk, model)
                request = request_of(model, prompt, schema, max_tokens=max_tokens)
                completion = await client.chat.completions.create(
                    **request, timeout=timeout_seconds
                )
            answer = answer_in(completion, schema, where)
            return Said(answer, *_tokens(completion, _most_tokens(request)))
        except TimeoutError:
            raise _late(where, timeout_seconds) from None
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  (not "from error": its text may quote the query)
            raise _translated(error, where, timeout_seconds) from None

    async def close(self) -> None:
        """Ends the connections."""
        if self._loading and self._loading.done() and not self._loading.exception():
            await self._loading.result().http.aclose()

    async def _sdk(self) -> "_Sdk":
        if self._loading is None:
            # In a thread, because the import would stop the loop and with it all deadlines.
            self._loading = asyncio.get_running_loop().run_in_executor(None, _Sdk, self._name)
        try:
            # A caller whose time is up must not take it from the others.
            return await asyncio.shield(self._loading)
        except ImportError:
            raise ModelRefusedError(NOT_INSTALLED) from None

    def _client(self, sdk: "_Sdk", model: Model) -> Any:  # noqa: ANN401  (lazily imported)
        """The client of an endpoint, with its key as it is now."""
        key = self._key_in(model.api_key_env) if model.api_key_env else NO_KEY
        if not key:
            raise ModelRefusedError(
                f"its key is to be in {model.api_key_env}, which is unset in the server's "
                "environment"
            )
        name = (model.base_url, model.api_key_env)
        if name not in self._clients:
            self._clients[name] = sdk.connect(model)
        client = self._clients[name]
        client.api_key = key
        return client


class _Sdk:
    """The SDK, loaded."""

    def __init__(self, name: str) -> None:
        self._openai = importlib.import_module(name)
        for talker in (name, "httpx", "httpx2", "httpcore", "httpcore2"):
            logging.getLogger(talker).setLevel(logging.WARNING)  # below, they log what is asked
        self.http = self._openai.DefaultAsyncHttpxClient()
        guard(self.http)
        # What would else be loaded at the first call and its answer, and stop the loop meanwhile.
        importlib.import_module("jsonschema")
        anyio = importlib.import_module("anyio")
        anyio.run(anyio.sleep, 0)
        client = self._openai.AsyncOpenAI(api_key=NO_KEY, http_client=self.http)
        client.chat.completions.create  # noqa: B018  (it is loaded when it is named)
        types = importlib.import_module(f"{name}.types.chat")
        types.ChatCompletion.model_rebuild()

    def connect(self, model: Model) -> Any:  # noqa: ANN401  (lazily imported)
        client = self._openai.AsyncOpenAI(
            base_url=model.base_url or PUBLIC_URL,
            api_key=NO_KEY,
            max_retries=0,
            http_client=self.http,
        )
        if not is_public(model):
            # The SDK takes them from the environment; they are nobody else's business.
            client.organization = client.project = None
            client._custom_headers = {}
        return client


def _most_tokens(request: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens that a model may read and write for a request; a token has a byte at least."""
    read = len(json.dumps(request, ensure_ascii=False).encode())
    written: int = request.get("max_tokens") or request["max_completion_tokens"]
    return read + _UNSEEN_TOKENS, written + _UNSEEN_TOKENS


def _tokens(completion: Any, most: tuple[int, int]) -> tuple[int, ...]:  # noqa: ANN401  (any JSON)
    """Tokens that were read and written, as the endpoint says; 0 for what it does not say.

    No more than can be: its word is what a tenant's budget pays for.
    """
    usage = getattr(completion, "usage", None)
    said = (getattr(usage, name, 0) for name in ("prompt_tokens", "completion_tokens"))
    return tuple(
        min(count, limit) if isinstance(count, int) and count > 0 else 0
        for count, limit in zip(said, most, strict=True)
    )


def _translated(error: Exception, where: str, timeout_seconds: float) -> ModelError:
    """What an exception of the SDK or of reading its answer means; by name, as it may be absent."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status_code", None)
    if isinstance(error, RedirectedElsewhereError):
        return ModelRefusedError(f"{where} sends its callers to another host or port")
    if "APITimeoutError" in kinds:
        return _late(where, timeout_seconds)
    if "APIStatusError" in kinds and isinstance(status, int):
        kind = ModelUnreachableError if status >= 500 else ModelRefusedError
        return kind(f"HTTP {status} from {where}")
    if "APIConnectionError" in kinds:
        return ModelUnreachableError(f"nobody answers at {where}, or not to the end")
    return MalformedAnswerError(f"what {where} sends is no chat completion")


def _late(where: str, seconds: float) -> ModelTimeoutError:
    return ModelTimeoutError(f"no answer from {where} in {seconds:.3g} s")


def _shown(model: Model) -> str:
    """The address without the name, the password and the query that it may carry."""
    parts = urlsplit(model.base_url or PUBLIC_URL)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
