"""Costs, against figures worked out by hand."""

import pytest

from tests.unit.client.dispatch.calls import a_model
from waypost_client import Model
from waypost_client.dispatch._providers._prices import cost_usd, load_prices
from waypost_client.dispatch._providers._provider import Usage

USAGE = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_input_tokens=200_000)
GPT = {"name": "gpt-4o-mini"}
CLAUDE = {"name": "claude-3-haiku-20240307", "provider": "anthropic"}
# gpt-4o-mini: 0.15 in, 0.075 cached, 0.60 out; claude-3-haiku: 0.25 in, 0.03 cached, 1.25 out.
GPT_COST = 0.8 * 0.15 + 0.2 * 0.075 + 0.1 * 0.60
CLAUDE_COST = 0.8 * 0.25 + 0.2 * 0.03 + 0.1 * 1.25


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        (a_model(usd_per_mtok_in=2.0, usd_per_mtok_out=10.0), 2.0 + 1.0),
        (a_model(usd_per_mtok_out=10.0, **GPT), 1.0),
        (a_model("http://10.0.0.7:8000/v1", usd_per_mtok_in=2.0), 2.0),
        (a_model(**GPT), GPT_COST),
        (a_model("https://api.openai.com/v1", **GPT), GPT_COST),
        (a_model(**CLAUDE), CLAUDE_COST),
        (a_model("https://api.anthropic.com", **CLAUDE), CLAUDE_COST),
        (a_model("http://127.0.0.1:8000/v1", **GPT), 0.0),
        (a_model("http://localhost:8000/v1", **GPT), 0.0),
        (a_model("http://vllm:8000/v1", **GPT), 0.0),
        (a_model("http://10.0.0.7:8000/v1", **GPT), 0.0),
        (a_model("https://llm.example.com/v1", **GPT), 0.0),
        (a_model(name="no-such-model"), 0.0),
    ],
)
async def test_a_call_costs_what_it_says_on_the_list(model: Model, cost: float) -> None:
    await load_prices(model)
    assert cost_usd(model, USAGE) == pytest.approx(cost)


def test_what_is_unknown_costs_nothing() -> None:
    assert cost_usd(a_model(usd_per_mtok_in=2.0), None) == 0.0


def test_a_server_that_counts_more_cached_tokens_than_tokens_is_no_trouble() -> None:
    odd = Usage(input_tokens=1_000_000, output_tokens=0, cached_input_tokens=2_000_000)
    assert cost_usd(a_model(**GPT), odd) == pytest.approx(0.075)
