"""`make bench-dispatch`: what the dispatcher adds to the router and the model."""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from tests.bench.pages import splice, table
from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import running_server
from tests.llm_server import Answer, LlmServer
from waypost_client import AsyncClient, Contract
from waypost_client.dispatch import Dialogue, Dispatcher, ModelRequest, Usage
from waypost_client.dispatch import Reply as ModelReply
from waypost_client.dispatch._case import case_of
from waypost_client.dispatch._providers import Providers

REPO = Path(__file__).parents[3]
PAGE = REPO / "docs/benchmarks.md"
ROUNDS, CALLS = 40, 25
POLICIES = {
    DEFAULT: "{models: [hosted]}",
    "billing": "{models: [own]}",
    "cooking": "{models: [own], guard: {secrets: redact, personal_data: redact, "
    "prompt_leak: block}, checks: {regex: 'answer'}}",
    "travel": "{models: [hosted]}",
}
_Ask = Callable[[], Awaitable[object]]
TEXT = "This is the answer, in about as many words as a model gives for a short question. " * 10


def main() -> None:
    """Measures and writes the section."""
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "dispatch", asyncio.run(_measure())), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


async def _measure() -> str:
    with tempfile.TemporaryDirectory() as folder, LlmServer() as llm:
        llm.always("hosted", Answer(TEXT))
        routes = routes_folder(
            Path(folder) / "routes",
            llm,
            models={"own": "retries: 1", "hosted": "retries: 1"},
            specialists=POLICIES,
        )
        build(routes, Path(folder) / "index")
        with running_server(Path(folder) / "index") as server:
            return await _compare(server.address)


async def _compare(address: str) -> str:
    reply = ModelReply(text=TEXT, usage=Usage(input_tokens=100, output_tokens=180))

    async def own(request: ModelRequest) -> ModelReply:
        return reply

    async with AsyncClient(address) as router, Dispatcher(address, callables={"own": own}) as d:
        bare = _Bare(router, await router.route(QUERIES["travel"]))
        await bare.load()
        pairs: dict[str, tuple[_Ask, _Ask]] = {
            "a function, no policy": (bare.route, lambda: d.answer(QUERIES["billing"])),
            "a function, guard and a check": (bare.route, lambda: d.answer(QUERIES["cooking"])),
            "an endpoint, OpenAI's SDK": (bare.call, lambda: d.answer(QUERIES["travel"])),
            "an endpoint, streamed in 180 pieces": (bare.stream, lambda: _streamed(d)),
        }
        rows = []
        for title, (without, with_dispatcher) in pairs.items():
            click.echo(f"Asking {ROUNDS} x {CALLS} queries both ways: {title}", err=True)
            rows.append([title, *await _both(without, with_dispatcher)])
        await bare.providers.close()
    header = ["the model is", "without, p50 ms", "with, p50 ms", "added, p50 ms", "added, p90 ms"]
    return table(header, rows)


class _Bare:
    """The router and a model's endpoint, with nothing between them."""

    def __init__(self, router: AsyncClient, contract: Contract) -> None:
        self.providers = Providers({})
        self._router = router
        case = case_of(
            QUERIES["travel"],
            Dialogue(),
            route="travel",
            ref=contract.specialist,
            system="You are travel.\n",
            contract=contract,
        )
        self._request = case.request(contract.specialist.models[0])

    async def load(self) -> None:
        """Loads the SDK."""
        await self.providers.load(self._request.model)
        self._provider = self.providers.of(self._request.model)

    async def route(self) -> None:
        """Asks the router."""
        await self._router.route(QUERIES["travel"])

    async def call(self) -> None:
        """Asks the router, then the model."""
        await self.route()
        await self._provider.complete(self._request)

    async def stream(self) -> None:
        """Asks the router, then the model, piece by piece."""
        await self.route()
        async for _ in self._provider.stream(self._request):
            pass


async def _streamed(dispatcher: Dispatcher) -> None:
    async with dispatcher.stream(QUERIES["travel"]) as pieces:
        async for _ in pieces:
            pass


async def _both(without: _Ask, with_dispatcher: _Ask) -> list[str]:
    """Medians of both, and of the differences between calls that followed each other."""
    for _ in range(CALLS):
        await without()
        await with_dispatcher()
    gc.collect()
    first: list[float] = []
    second: list[float] = []
    for round_ in range(ROUNDS * CALLS):
        # Which comes first changes, so that neither always finds the caches warm.
        for which in ((0, 1), (1, 0))[round_ % 2]:
            began = time.perf_counter()
            await (with_dispatcher if which else without)()
            (second if which else first).append(1000 * (time.perf_counter() - began))
    added = sorted(b - a for a, b in zip(first, second, strict=True))
    return [
        f"{statistics.median(first):.2f}",
        f"{statistics.median(second):.2f}",
        f"{statistics.median(added):.2f}",
        f"{added[int(0.9 * len(added))]:.2f}",
    ]


if __name__ == "__main__":
    main()
