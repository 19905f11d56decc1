"""Specialists as the dispatcher knows them."""

from tests.scripted_router import scripted_router, specialist
from waypost_client import AsyncClient
from waypost_client.dispatch._specialists import Specialists


async def test_a_prompt_that_is_known_is_not_sent_again_and_there_all_the_same() -> None:
    async with (
        scripted_router({"code": specialist(prompt="You review.")}) as router,
        AsyncClient(router.address) as client,
    ):
        specialists = Specialists(client)
        first = await specialists.specialist("code")
        second = await specialists.specialist("code")
        assert first == second
        assert first.prompt == "You review."
        assert [request.known_prompt_sha256 for request in router.fetched] == [
            "",
            first.ref.prompt_sha256,
        ]
        router.specialists["code"] = specialist(prompt="You review kindly.")
        assert (await specialists.specialist("code")).prompt == "You review kindly."
        router.specialists["code"] = specialist(prompt="")
        assert (await specialists.specialist("code")).prompt == ""
