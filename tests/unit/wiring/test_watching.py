"""The guard's heads, as they are found beside their encoders."""

from dataclasses import replace
from pathlib import Path

import pytest

from waypost_server.adapters.guard_file import LETTERS_FILE, read_guard_head
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.errors import EncoderError
from waypost_server.settings import Settings
from waypost_server.wiring.watching import _letters


def test_the_shipped_heads_were_trained_together_and_others_are_refused(
    repo: Path,
) -> None:
    folders = [repo / "models" / name for name in ("all-MiniLM-L6-v2-static", "all-MiniLM-L6-v2")]
    first, second = (folder / LETTERS_FILE for folder in folders)
    assert first.read_bytes() == second.read_bytes()
    static = StaticEncoder.load(folders[0])
    head = read_guard_head(folders[0], fingerprint=static.fingerprint, width=static.width)
    assert head is not None
    settings = Settings.load(static_encoder=folders[0])
    assert _letters(head, head, settings) is head.letters
    assert _letters(None, head, settings) is head.letters
    assert _letters(None, None, settings) is None
    assert head.letters is not None
    letters = replace(head.letters, weights=-head.letters.weights)
    for other in (replace(head, letters=None), replace(head, letters=letters)):
        with pytest.raises(EncoderError, match="were not trained together; train both again"):
            _letters(other, head, settings)
