"""Models of a few random weights, as sentence-transformers saves them."""

import string
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as models
from transformers import (  # type: ignore[import-not-found]  # comes with the extra `export`
    BertConfig,
    BertModel,
    BertTokenizerFast,
)

CHARACTERS = string.digits + string.ascii_lowercase + string.punctuation
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *CHARACTERS,
    *(f"##{character}" for character in CHARACTERS),
]


def save_tiny_model(
    folder: Path, *, pooling: str, prompts: dict[str, str] | None = None, dense: bool = False
) -> Path:
    """Saves a BERT of two layers that reads letter by letter; returns its folder."""
    folder.mkdir(parents=True)
    words = folder / "vocab.txt"
    words.write_text("\n".join(VOCABULARY))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    bert = folder / "bert"
    BertModel(config).save_pretrained(bert)
    BertTokenizerFast(str(words)).save_pretrained(bert)
    modules = [
        models.Transformer(str(bert), max_seq_length=48),
        models.Pooling(64, pooling_mode=pooling),
    ]
    if dense:
        modules.append(models.Dense(64, 32))
    model = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"
