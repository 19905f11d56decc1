"""The text of an answer, from pieces that may be cut anywhere and never end."""

from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._output._text import well_formed

MAX_CHARACTERS = 4 << 20
"""Of one answer: ten times what the longest-winded models write, and 16 MiB of memory at most."""


class Pieces:
    """Text that is put together and given on.

    Args:
        where: who writes it, fit to be shown.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._pieces: list[str] = []
        self._half = ""
        self._left = MAX_CHARACTERS

    @property
    def text(self) -> str:
        """All that was given on."""
        return "".join(self._pieces)

    def count(self, characters: int) -> None:
        """Counts what is kept besides the text.

        Raises:
            ModelError: MALFORMED: it is more than MAX_CHARACTERS with the text.
        """
        self._left -= characters
        if self._left < 0:
            raise ModelError(
                FailureKind.MALFORMED,
                f"malformed: over {MAX_CHARACTERS:,} characters from {self._where}",
            )

    def take(self, piece: str) -> str:
        """Takes a piece; gives what may be shown, in well-formed text, which may be nothing.

        Raises:
            ModelError: MALFORMED: the text is longer than MAX_CHARACTERS.
        """
        self.count(len(piece))
        piece, self._half = self._half + piece, ""
        # The other half of a surrogate pair may be in the next piece.
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return self._give(piece)

    def end(self) -> str:
        """Ends the text; gives the rest of it."""
        rest, self._half = self._half, ""
        return self._give(rest)

    def _give(self, piece: str) -> str:
        piece = well_formed(piece)
        if piece:
            self._pieces.append(piece)
        return piece
