"""Fine-tuning a sentence encoder on exemplars with a cosine classifier.

The classifier's weights begin as the routes' mean vectors and are thrown away in the end: what
stays is an encoder in which exemplars of a route lie closer together (the loss is that of Wang et
al. 2018, "CosFace", without its margin). The layers up to the inner vector's are frozen, so that
the inner vector stays what it was.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from waypost_server.core.errors import EncoderError
from waypost_server.core.ports import Encodings
from waypost_server.core.softmax import Labels
from waypost_server.lab.onnx_export import ExportModule, load_source, middle_layer, modules_of

SCALE = 10.0
"""Logits that a cosine of 1 is worth; with 20 the loss is nearly 0 before anything is learned."""

LEARNING_RATE = 1e-4
CLASSIFIER_RATE = 1e-3
WEIGHT_DECAY = 0.01
WARM_UP = 0.1
"""Share of the steps in which the rate rises; then it falls to 0."""

BATCH = 32
ENCODE_BATCH = 64
LARGEST_GRADIENT = 1.0
SEED = 20_260


class FineTuning:
    """An encoder that is being fine-tuned; implements `adaptation.Learner`."""

    def __init__(
        self, source: Path, texts: Sequence[str], labels: Labels, *, epochs: int, prefix: str
    ) -> None:
        """Begins with the model in the folder `source`.

        Args:
            source: a sentence-transformers model.
            texts: exemplars, at least one of each class.
            labels: their classes, from 0 on without gaps, shape (len(texts),).
            epochs: over how many the learning rate falls to nothing.
            prefix: put before every text.
        """
        torch.manual_seed(SEED)
        self._random = np.random.default_rng(SEED)
        self._loaded = load_source(source)
        transformer, pooling = modules_of(source, self._loaded)
        network = transformer.auto_model
        layer = middle_layer(network)
        self._module = ExportModule(network, pooling, layer)
        self._frozen = _freeze(network, layer)
        self._prefix = prefix
        self._labels = torch.as_tensor(labels, dtype=torch.long)
        self._ids = self._tokenise(texts)
        self.dimension = int(network.config.hidden_size)
        vectors = self.encode(texts)[:, : self.dimension]
        means = np.stack([vectors[labels == i].mean(axis=0) for i in range(labels.max() + 1)])
        self._classifier = nn.Parameter(torch.as_tensor(means))
        self._trained = [p for p in network.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(
            [
                {"params": self._trained, "lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
                {"params": [self._classifier], "lr": CLASSIFIER_RATE, "weight_decay": 0.0},
            ]
        )
        steps = epochs * -(-len(texts) // BATCH)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser,
            lambda step: min(1.0, (step + 1) / (WARM_UP * steps)) * max(0.0, 1 - step / steps),
        )

    def train_epoch(self) -> None:
        """Goes once through all exemplars."""
        self._module.train()
        for frozen in self._frozen:
            frozen.eval()  # no dropout where nothing can be learned
        order = self._random.permutation(len(self._ids))
        for start in range(0, len(order), BATCH):
            self._step(order[start : start + BATCH])

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), 2 * hidden size) as they are now."""
        self._module.eval()
        ids = self._tokenise(texts)
        order = np.argsort([len(one) for one in ids], kind="stable")
        found: list[Any] = [None] * len(texts)
        with torch.no_grad():
            for start in range(0, len(order), ENCODE_BATCH):
                rows = order[start : start + ENCODE_BATCH]
                encoded = torch.cat(self._module(*_padded([ids[row] for row in rows])), dim=1)
                for row, encoding in zip(rows, encoded.numpy(), strict=True):
                    found[row] = encoding
        return np.stack(found)

    def save(self, folder: Path) -> None:
        """Writes the model as it is now as sentence-transformers does."""
        self._module.eval()
        self._loaded.save(str(folder), create_model_card=False)

    def _step(self, rows: np.ndarray[Any, Any]) -> None:
        vectors, _ = self._module(*_padded([self._ids[row] for row in rows]))
        logits = SCALE * vectors @ nn.functional.normalize(self._classifier, dim=1).T
        loss = nn.functional.cross_entropy(logits, self._labels[torch.as_tensor(rows)])
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._trained, LARGEST_GRADIENT)
        self._optimiser.step()
        self._schedule.step()

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._loaded.tokenizer(
            [self._prefix + text for text in texts],
            truncation=True,
            max_length=int(self._loaded.max_seq_length),
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids


def _freeze(network: nn.Module, layers: int) -> list[nn.Module]:
    """Freezes all but the last layers; returns what is frozen and may be asked for eval mode."""
    total = int(network.config.num_hidden_layers)
    stack = next(
        (m for m in network.modules() if isinstance(m, nn.ModuleList) and len(m) == total), None
    )
    if stack is None:
        raise EncoderError(
            f"the model has no list of its {total} layers: a {type(network).__name__} cannot be "
            "adapted"
        )
    learning = {id(p) for layer in stack[layers:] for p in layer.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    kept = {id(module) for layer in stack[layers:] for module in layer.modules()}
    holders = {id(network), id(stack)} | {
        id(module) for module in network.modules() if any(m is stack for m in module.modules())
    }
    return [m for m in network.modules() if id(m) not in kept | holders]


def _padded(ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, each of shape (len(ids), longest)."""
    longest = max(map(len, ids))
    padded = torch.zeros((len(ids), longest), dtype=torch.long)
    mask = torch.zeros_like(padded)
    for row, one in enumerate(ids):
        padded[row, : len(one)] = torch.as_tensor(one)
        mask[row, : len(one)] = 1
    return padded, mask
