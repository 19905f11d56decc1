"""A sentence-transformers model as one ONNX graph from token ids to unit vector, in fp32."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Vectors

OPSET = 17

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A model ready to be written down.

    Attributes:
        model: the ONNX graph, fp32.
        tokenizer: the content of tokenizer.json.
        pooling: how token vectors become one.
        query_prefix: put before every text.
        max_tokens: longest input, special tokens included.
        dimension: length of the unit vector, and of the inner one.
        inner_layer: the layer, from 1, whose mean is the inner vector.
        transformer: the transformer itself, for quantisation that reads its weights.
    """

    model: bytes
    tokenizer: bytes
    pooling: Pooling
    query_prefix: str
    max_tokens: int
    dimension: int
    inner_layer: int
    transformer: Any


def export_model(source: Path, *, query_prefix: str | None = None) -> ExportedModel:
    """Exports the sentence-transformers model in the folder `source`.

    Args:
        source: a local folder; nothing is downloaded.
        query_prefix: put before every text; None for the model's own "query" prompt, if it has one.

    Raises:
        EncoderError: the folder holds no such model, or one whose modules are of other kinds.
    """
    loaded = load_source(source)
    transformer, pooling = modules_of(source, loaded)
    network = transformer.auto_model.eval()
    inner_layer = middle_layer(network)
    prefix = str(loaded.prompts.get("query", "")) if query_prefix is None else query_prefix
    return ExportedModel(
        model=_trace(ExportModule(network, pooling, inner_layer)),
        tokenizer=_tokenizer(source, loaded),
        pooling=pooling,
        query_prefix=prefix,
        max_tokens=int(loaded.max_seq_length),
        dimension=int(network.config.hidden_size),
        inner_layer=inner_layer,
        transformer=network,
    )


def middle_layer(network: Any) -> int:  # noqa: ANN401  (a transformer of any kind)
    """The layer of the inner vector, from 1.

    On validation the middle is the best partner of the last layer, and its neighbours are close.
    """
    return max(1, int(network.config.num_hidden_layers) // 2)


def model_prefix(source: Path) -> str:
    """What the model wants before every query: its "query" prompt, if it has one."""
    return str(load_source(source).prompts.get("query", ""))


def reference_vectors(source: Path, texts: Sequence[str], *, query_prefix: str) -> Vectors:
    """What sentence-transformers itself makes of `texts`, as unit vectors, shape (n, dimension)."""
    vectors = load_source(source).encode(
        [query_prefix + text for text in texts],
        batch_size=1,
        normalize_embeddings=True,
        show_progress_bar=False,
        prompt="",
    )
    return np.asarray(vectors, dtype=np.float32)


class ExportModule(nn.Module):  # type: ignore[misc]  # torch is not in the lock
    """Transformer, pooling and L2 normalisation in one: from token ids to both unit vectors."""

    def __init__(self, transformer: nn.Module, pooling: Pooling, inner_layer: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling
        self.inner_layer = inner_layer

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The vector and the inner vector of each text, both of shape (n, hidden size)."""
        output = self.transformer(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        weights = attention_mask.unsqueeze(-1).float()
        # Sums will do: dividing by the count of tokens cancels in the unit vector.
        inner = (output.hidden_states[self.inner_layer] * weights).sum(dim=1)
        tokens = output.last_hidden_state
        pooled = tokens[:, 0] if self.pooling == "cls" else (tokens * weights).sum(dim=1)
        return nn.functional.normalize(pooled, dim=1), nn.functional.normalize(inner, dim=1)


def load_source(source: Path) -> SentenceTransformer:
    """The sentence-transformers model in a folder; raises EncoderError."""
    if not (source / "modules.json").is_file():
        raise EncoderError(
            f"{source}: there is no modules.json; give the folder of a sentence-transformers model"
        )
    try:
        return SentenceTransformer(
            str(source),
            device="cpu",
            local_files_only=True,
            # The fused attention kernels cannot be traced.
            model_kwargs={"attn_implementation": "eager", "dtype": "float32"},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{source}: sentence-transformers cannot load it: {error}") from error


def modules_of(source: Path, loaded: SentenceTransformer) -> tuple[Any, Pooling]:
    """Its transformer and how token vectors become one; raises EncoderError for other kinds."""
    kinds = [type(module).__name__ for module in loaded]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise EncoderError(
            f"{source}: its modules are {', '.join(kinds)}; "
            "only Transformer, Pooling and Normalize can be exported"
        )
    mode = loaded[1].pooling_mode
    if mode not in get_args(Pooling):
        raise EncoderError(f"{source}: its pooling is {mode!r}; only mean and cls can be exported")
    return loaded[0], cast(Pooling, mode)


def _tokenizer(source: Path, loaded: SentenceTransformer) -> bytes:
    """The published file where there is one, so that its hash is the published one."""
    # Without its files a tokenizer is loaded all the same, and every word is unknown to it.
    known, wanted = len(loaded.tokenizer), loaded[0].auto_model.config.vocab_size
    if known < wanted / 2:
        raise EncoderError(
            f"{source}: its tokenizer knows {known} words, but the model {wanted}; "
            "add the model's tokenizer.json"
        )
    published = source / "tokenizer.json"
    if published.is_file():
        return published.read_bytes()
    return str(loaded.tokenizer.backend_tokenizer.to_str()).encode()


def _trace(module: nn.Module) -> bytes:
    """The graph by TorchScript's exporter; ONNX Runtime refuses those of its successor."""
    ids = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 0]])  # any words of any vocabulary
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            module,
            (ids, (ids > 0).long()),
            cast(Any, buffer),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["vector", "inner"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "sequence"},
                "attention_mask": {0: "batch", 1: "sequence"},
                "vector": {0: "batch"},
                "inner": {0: "batch"},
            },
        )
    return buffer.getvalue()
