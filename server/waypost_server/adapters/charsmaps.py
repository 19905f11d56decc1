"""SentencePiece's tables of characters and what they become, each known by its SHA-256.

Another table could put a book in the place of a letter. Of these, which follow Unicode's NFKC, no
entry has more than 18 characters. Each release of `sentencepiece` writes its own into a model that
it trains; the rule `identity` has none.
"""

import base64
import binascii
from collections.abc import Collection

from waypost_server.adapters.files import sha256_hex

CHARSMAPS: Collection[str] = frozenset(
    {
        # 0.1.0 to 0.1.3: nmt_nfkc; nmt_nfkc_cf and nfkc_cf, which are one there
        "cab969cc39d743f8402e6fd752a0916e71839bcb27171ca72191336b7f71b4bc",
        "cac41c416a242d43a64c45ae33131708e981c74f739c824358481c6ed8ea126e",
        # 0.1.83 to 0.1.95: nmt_nfkc, nfkc (since 0.1.0), nmt_nfkc_cf, nfkc_cf
        "0942789e0111452f1cc446f70036e26d24458c3c7858c53cc12ca4d87531279b",
        "97331fbb9d795a02f869fd748de6fb2ee3a6ebdcac1c22cb2199cdac365ec769",
        "b69e3e8b5f89a6875ca64d03131897d7e66488dc305c6d279f3c5032954af995",
        "ccd62357d9f1e0a697a77f4f1e84d109e757ae14005b3c36c0794835b653ec71",
        # 0.1.96 to 0.2.0
        "51d3684747b35ef99cd4802f37cc1ee0c6bec4d060814f774efb1066d3c167f2",
        "557b5397b1133d8abb62f7923e5b53ee496d3e36b9f63fd42625077c33688a14",
        "6cec34e8016fd0d0a2da28b60b00e36b19a275df83786bf6b494bd033c708f83",
        "b30e4085ba1fad56d2401f4612419b6b3b42c5adc1e04f3aa1806399895d6bdd",
        # 0.2.1
        "79372c41389c2b9b29bc171017ab5400e352debd686b02670a42bec709015074",
        "52f11028ff8a7df3e009d94a8b6a54d4a8a17132efb4ccc1c9a0a41e432bd91e",
        "22c292c76f503795f30c85d79d30a7f572fff4f49e00392d2d60f4f93e941a1e",
        "60833ec11201446659c3549c183b18f024c4007628cc6b3a4e91ae007697b826",
        # 0.2.2
        "5febaab28312e9dbddb42be695c9e4380367f7ebe65121cdf894fb5d59d37eed",
        "7e46d9e08af4b6a37991b04fb8388644c1595a0abcd0f26d6a5d575e2a3663ea",
        "2df05162904a1bca9784913964d2a863d656676479f7c8bb11be49c980ea5f77",
        "d8dfef3d6db0eef0742f8b55a73aee7fce6c1e21d26a09b8d3d4b52c42a791cb",
        # 0.2.3, whose nfkc and nfkc_cf are those of 0.2.2
        "1e2c7b43d3ee9755ceaa2ac335e253d8703604e0249ee1e81156c92b46423844",
        "2c03512e62f9ed965ec90d85314211b63b5b8aa0395311ea2147eec9ff738907",
    }
)


def is_charsmap(said: object, known: Collection[str]) -> bool:
    """Whether a table as `tokenizer.json` has it, in base64, is one of those known."""
    if not isinstance(said, str):
        return False
    try:
        return sha256_hex(base64.b64decode(said, validate=True)) in known
    except (binascii.Error, ValueError):
        return False
