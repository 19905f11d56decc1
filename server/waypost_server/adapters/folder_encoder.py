"""What encoders from a folder have in common: their manifest and their tokenizer."""

from collections.abc import Sequence

from waypost_server.adapters.encoder_manifest import EncoderManifest
from waypost_server.adapters.tokenizer_file import largest_id, read_tokenizer


class FolderEncoder:
    """The parts of core's Encoder that the manifest answers, and token ids of texts."""

    def __init__(self, manifest: EncoderManifest, tokenizer: bytes) -> None:
        self.manifest = manifest
        self._tokenizer = read_tokenizer(tokenizer)
        self._tokenizer.enable_truncation(max_length=manifest.max_tokens)
        self._tokenizer.no_padding()

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
        # As a batch even of one: `encode` would keep the interpreter's lock, for 50 ms at 32 kB.
        found = self._tokenizer.encode_batch_fast(
            [self.manifest.query_prefix + text for text in texts], add_special_tokens=special
        )
        return [encoding.ids for encoding in found]
