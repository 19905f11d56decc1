"""What encoders from a folder have in common: their manifest and their tokenizer."""

from collections.abc import Sequence

from waypost_server.adapters.encoder_manifest import EncoderManifest
from waypost_server.adapters.tokenizer_file import is_panic, largest_id, read_tokenizer
from waypost_server.core.errors import EncoderError


class FolderEncoder:
    """The parts of core's Encoder that the manifest answers, and token ids of texts."""

    def __init__(self, manifest: EncoderManifest, tokenizer: bytes) -> None:
        self.manifest = manifest
        self._tokenizer = read_tokenizer(tokenizer)
        (around,) = self._token_ids([""], special=True)
        if len(around) >= manifest.max_tokens:
            raise ValueError(
                f"max_tokens is {manifest.max_tokens}, and special tokens and query_prefix are "
                f"{len(around)} already, so that nothing would be left of a text"
            )
        self._tokenizer.enable_truncation(max_length=manifest.max_tokens)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def fingerprint(self) -> str:
        """Hex hash of all that vectors depend on."""
        return self.manifest.fingerprint

    @property
    def dimension(self) -> int:
        """Length of the unit vector."""
        return self.manifest.dimension

    @property
    def width(self) -> int:
        """Length of an encoding."""
        return self.manifest.dimension + self.manifest.inner_dimension

    @property
    def token_count(self) -> int:
        """Size of the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def largest_id(self) -> int:
        """Of all tokens: what the encoder must have a vector for."""
        return largest_id(self._tokenizer)

    def _token_ids(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """Ids of each text's tokens, with the special ones around them or without."""
        return self._ids([self.manifest.query_prefix + text for text in texts], special=special)

    def _ids(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """The same without the prefix; raises EncoderError where the library panics."""
        try:
            # As a batch even of one: `encode` would keep the interpreter's lock, 50 ms at 32 kB.
            found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=special)
        except BaseException as error:
            if is_panic(error):
                raise EncoderError(
                    "the library tokenizers panicked at a text; take an encoder with another "
                    "tokenizer"
                ) from None
            raise
        return [encoding.ids for encoding in found]
