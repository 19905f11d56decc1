"""What a call cost: by the fleet's prices, or by a list that comes with a package; no network."""

import asyncio
import functools
import importlib
import ipaddress
from types import ModuleType
from urllib.parse import urlsplit

from waypost_client import Model
from waypost_client.dispatch._providers._provider import Usage

_MILLION = 1e6

_LONGEST = 200
"""Characters of a model's name in the list, and some more; longer ones are not looked up and so
not remembered."""


def cost_usd(model: Model, usage: Usage | None) -> float:
    """US dollars; 0 for free or unknown.

    With a price in the fleet, cached tokens cost what others do; the list knows better. Loads the
    list when it is first needed, which takes a second: `load_prices` does it beforehand.
    """
    if usage is None:
        return 0.0
    if model.usd_per_mtok_in or model.usd_per_mtok_out:
        paid_in = usage.input_tokens * model.usd_per_mtok_in
        return (paid_in + usage.output_tokens * model.usd_per_mtok_out) / _MILLION
    if not _needs_list(model) or not _is_listed(model.model_id, model.provider, model.base_url):
        return 0.0
    return _listed(model.model_id, model.provider, model.base_url, usage)


async def load_prices(model: Model) -> None:
    """Loads the list if the model's price is to be looked up there, beside the loop."""
    if _needs_list(model) and not _loaded():
        await asyncio.to_thread(_is_listed, model.model_id, model.provider, model.base_url)


def _needs_list(model: Model) -> bool:
    has_price = model.usd_per_mtok_in or model.usd_per_mtok_out
    return not has_price and len(model.model_id) <= _LONGEST and not _is_local(model.base_url)


@functools.lru_cache(maxsize=1024)
def _is_local(base_url: str) -> bool:
    """Whether it is a machine of one's own, which sends no bill."""
    if not base_url:
        return False
    name = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name


@functools.cache
def _list() -> ModuleType:
    return importlib.import_module("genai_prices")


def _loaded() -> bool:
    return _list.cache_info().currsize > 0


@functools.lru_cache(maxsize=1024)
def _is_listed(model_id: str, provider: str, base_url: str) -> bool:
    try:
        _listed(model_id, provider, base_url, Usage(input_tokens=1, output_tokens=1))
    except LookupError:
        return False
    return True


def _listed(model_id: str, provider: str, base_url: str, usage: Usage) -> float:
    prices = _list()
    priced = prices.calc_price(
        prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_input_tokens, usage.input_tokens),
        ),
        model_id,
        # Without an address it is the public endpoint of the protocol's own provider.
        **({"provider_api_url": base_url} if base_url else {"provider_id": provider}),
    )
    return float(priced.total_price)
