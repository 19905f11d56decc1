"""`make bench-dispatch`: what the dispatcher adds to the router and the model."""

import asyncio
import gc
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from tests.bench.dispatch.failures import failures_table
from tests.bench.pages import splice, table
from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import running_server
from tests.e2e.storm import AT_ONCE, storm, stormy_world
from tests.llm_server import Answer, LlmServer
from waypost_client import AsyncAdminClient, AsyncClient, Contract
from waypost_client.dispatch import Counts, Dialogue, Dispatcher, ModelRequest, Usage
from waypost_client.dispatch import Reply as ModelReply
from waypost_client.dispatch._case import case_of
from waypost_client.dispatch._providers._registry import Providers

REPO = Path(__file__).parents[3]
PAGE = REPO / "docs/benchmarks.md"
ROUNDS, CALLS = 40, 25
STORM = 1_000
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
    """Measures and writes the sections."""
    sections = {"dispatch": _measure, "dispatch-failures": _failures, "dispatch-storm": _storm}
    for name, measure in sections.items():
        with tempfile.TemporaryDirectory() as folder:
            text = asyncio.run(measure(Path(folder)))
        PAGE.write_text(splice(PAGE.read_text("utf-8"), name, text), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


async def _failures(folder: Path) -> str:
    click.echo("Letting one model fail in every way", err=True)
    return await failures_table(folder)


async def _storm(folder: Path) -> str:
    click.echo(f"Asking {STORM:,} queries while models fail", err=True)
    with LlmServer() as llm:
        async with (
            stormy_world(folder, llm) as server,
            AsyncAdminClient(server.admin_address, timeout_s=20) as router,
            Dispatcher(server.address) as dispatcher,
        ):
            came = await storm(dispatcher, STORM)
            decided = sum(len(end.contracts) for end in came.ends)
            await llm.until(lambda: dispatcher.counts.reports_sent >= decided, within_s=30)
            heard = sum(
                each.accepted + each.rejected + each.failed + each.not_called
                for each in (await router.status()).route_outcomes
            )
            kinds = Counter(end.kind for end in came.ends)
            calls = Counter(end.calls for end in came.ends)
            rows = [
                ["queries, at a time", f"{STORM:,}, {AT_ONCE}"],
                ["ended as", ", ".join(f"{kind}: {n}" for kind, n in kinds.most_common())],
                ["calls for a query", ", ".join(f"{n}: {calls[n]}" for n in sorted(calls))],
                ["calls of the dead model in all", str(len(llm.calls_of("dead")))],
                [
                    "latest end after the deadline of 3 s, ms",
                    _ms(max(e.overrun_s for e in came.ends)),
                ],
                ["the event loop was late at worst, ms", _ms(came.lag_s)],
                ["decisions made; reports that the router heard", f"{decided}; {heard}"],
                ["retries; reroutings; fallbacks", _moves(dispatcher.counts)],
                ["took, s", f"{came.took_s:.1f}"],
            ]
    return table(["", ""], rows)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def _moves(counts: Counts) -> str:
    return f"{counts.retries}; {counts.reroutes}; {counts.fallbacks}"


async def _measure(folder: Path) -> str:
    with LlmServer() as llm:
        llm.always("hosted", Answer(TEXT))
        routes = routes_folder(
            folder / "routes",
            llm,
            models={"own": "retries: 1", "hosted": "retries: 1"},
            specialists=POLICIES,
        )
        build(routes, folder / "index")
        with running_server(folder / "index") as server:
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
