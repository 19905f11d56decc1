import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import HashEncoder
from tests.unit.service.engines import NotFiniteEncoder, ask, engine_of
from waypost_server.core.errors import EncoderError
from waypost_server.core.query import Query
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.engine import Engine


@given(
    texts=st.lists(st.sampled_from(["", "a", "b", "A", "a ", "ä", "c"]), max_size=40),
    entries=st.integers(1, 4),
)
def test_it_keeps_what_was_asked_last_and_no_more(texts: list[str], entries: int) -> None:
    cache, model = EmbeddingCache(entries), OrderedDict[str, int]()
    for number, text in enumerate(texts):
        known = cache.get(text)
        assert (None if known is None else int(known[0])) == model.get(text)
        if text not in model:
            cache.put(text, np.array([number], dtype=np.float32))
        model[text] = model.get(text, number)
        model.move_to_end(text)
        while len(model) > entries:
            model.popitem(last=False)
        assert len(cache) == len(model)


def test_threads_may_share_it() -> None:
    cache = EmbeddingCache(8)

    def work(own: int) -> None:
        for i in range(2000):
            text = str((own * i) % 20)
            known = cache.get(text)
            assert known is None or str(int(known[0])) == text
            cache.put(text, np.array([int(text)], dtype=np.float32))

    threads = [threading.Thread(target=work, args=(own,)) for own in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 8


def cached(encoder: HashEncoder, folder: Path, *uncached: str) -> Engine:
    plain = engine_of(encoder, folder)
    return Engine(
        encoder,
        plain.router,
        plain.index_version,
        cache=EmbeddingCache(10),
        uncached_tenants=uncached,
    )


def test_a_text_asked_twice_is_encoded_once_and_decided_alike(tmp_path: Path) -> None:
    encoder = HashEncoder()
    engine = cached(encoder, tmp_path)
    encoder.encoded.clear()
    first, second = (ask(engine, Query(text="a ripe plum")) for _ in range(2))
    assert encoder.encoded == ["a ripe plum"]
    assert first.decision == second.decision
    ask(engine, Query(text="a ripe plum "))
    assert encoder.encoded == ["a ripe plum", "a ripe plum "]  # to the byte


def test_a_tenant_that_asked_for_it_leaves_nothing_and_takes_nothing(tmp_path: Path) -> None:
    encoder = HashEncoder()
    engine = cached(encoder, tmp_path, "acme")
    encoder.encoded.clear()
    for tenant in ("acme", "other", "acme", "other"):
        ask(engine, Query(text="a ripe plum", tenant=tenant))
    assert encoder.encoded == ["a ripe plum"] * 3


def test_what_is_not_finite_is_not_kept(tmp_path: Path) -> None:
    engine = cached(NotFiniteEncoder(), tmp_path)
    for _ in range(2):
        with pytest.raises(EncoderError, match="not finite"):
            ask(engine, Query(text="boom"))
