"""From a query to the words of the specialist that the router named."""

import pytest
from openai import OpenAI

from tests.llm.conftest import ROUTES
from tests.llm.llama import MODEL_ID, Llama
from waypost_client import Client


@pytest.mark.parametrize(
    ("query", "route", "word"),
    [
        ("what is a unit test?", "testing", "test"),
        ("which column of this table should I index?", "databases", "column"),
    ],
)
def test_the_model_of_the_contract_answers_with_the_prompt_of_the_route(
    client: Client, llama: Llama, query: str, route: str, word: str
) -> None:
    contract = client.route(query)
    assert contract.route == route
    specialist = client.specialist(route)
    assert specialist.prompt == ROUTES[f"{route}/specialist.md"]
    model = contract.specialist.models[0]
    assert (model.base_url, model.model_id) == (llama.base_url, MODEL_ID)
    sampling = contract.specialist.sampling
    with OpenAI(base_url=model.base_url, api_key="none", max_retries=0) as openai:
        answer = openai.chat.completions.create(
            model=model.model_id,
            messages=[
                {"role": "system", "content": specialist.prompt},
                {"role": "user", "content": query},
            ],
            temperature=sampling.temperature,
            max_tokens=sampling.max_output_tokens,
        )
    assert word in (answer.choices[0].message.content or "")
