"""int8 encoders."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

from waypost_server.lab.bert_graph import Array, BertGraph, BertWeights, Quantisation
from waypost_server.lab.onnx_export import ExportedModel

MIGRATION = 0.75
"""How much of an outlier moves into the weights: 0.7 to 0.8 are alike, 0.5 is worse than none."""

SMOOTHED = ("self.qkv", "intermediate.dense")
"""Linear layers whose inputs have channels ten times the rest; smoothing the context, too, gained
nothing."""

STEPS_PER_OCTAVE = 2
"""Scales are whole steps, so that another machine's last bits do not reach the file."""

RANGE_STEPS_PER_OCTAVE = 64
"""So are the ranges of inputs. They are those seen: leaving out the largest hundredth cost more."""

CALIBRATION_TEXTS = 200
"""Random word ids calibrate as well as real texts do (1 - cosine 0.00090 against 0.00088)."""


def quantise(exported: ExportedModel) -> bytes:
    """The model's graph in int8; the same model gives the same bytes."""
    config = exported.transformer.config
    if config.model_type != "bert" or config.hidden_act != "gelu":
        return _quantise_any(exported.model)
    parameters = exported.transformer.state_dict()
    weights = BertWeights(
        parameters={name: np.asarray(value, np.float32) for name, value in parameters.items()},
        layers=config.num_hidden_layers,
        inner_layer=exported.inner_layer,
        heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        pooling=exported.pooling,
    )
    model: bytes = BertGraph(weights, _calibrate(weights)).model().SerializeToString()
    return model


def _calibrate(weights: BertWeights) -> Mapping[str, Quantisation]:
    """How each linear layer is to read its input, from random texts through the fp32 graph."""
    return {
        name: _quantisation(name, low, high, weights)
        for name, (low, high) in _input_ranges(weights).items()
    }


def _quantisation(name: str, low: Array, high: Array, weights: BertWeights) -> Quantisation:
    smoothing = None
    if name.endswith(SMOOTHED):
        peak = np.maximum(np.maximum(-low, high), 1e-6)
        weight_peak = np.abs(weights.linear(name)[0]).max(axis=1).astype(np.float64)
        octaves = MIGRATION * np.log2(peak) - (1 - MIGRATION) * np.log2(weight_peak)
        smoothing = _whole_steps(np.exp2(octaves - octaves.mean()), STEPS_PER_OCTAVE)
        low, high = low / smoothing, high / smoothing
    return Quantisation(
        smoothing=smoothing,
        low=-float(_whole_steps(max(-low.min(), 1e-6), RANGE_STEPS_PER_OCTAVE)),
        high=float(_whole_steps(max(high.max(), 1e-6), RANGE_STEPS_PER_OCTAVE)),
    )


def _whole_steps(values: Any, per_octave: int) -> Array:  # noqa: ANN401  (a number or an array)
    steps = np.rint(per_octave * np.log2(values)) / per_octave
    return np.asarray(np.exp2(steps), dtype=np.float32)


def _input_ranges(weights: BertWeights) -> Mapping[str, tuple[Array, Array]]:
    """The least and the largest value of each input channel of each linear layer."""
    graph = BertGraph(weights, None)
    tensors = list(graph.inputs.values())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        graph.model(extra_outputs=tensors).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    lows, highs = dict.fromkeys(graph.inputs, 0.0), dict.fromkeys(graph.inputs, 0.0)
    for ids in _random_texts(len(weights.parameters["embeddings.word_embeddings.weight"])):
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        for name, found in zip(graph.inputs, session.run(tensors, feed), strict=True):
            values = np.asarray(found, dtype=np.float64)
            lows[name] = np.minimum(lows[name], values.min(axis=(0, 1)))
            highs[name] = np.maximum(highs[name], values.max(axis=(0, 1)))
    return {name: (np.asarray(lows[name]), np.asarray(highs[name])) for name in graph.inputs}


def _random_texts(vocabulary: int) -> list[Any]:
    """Word ids, common ones more often, between the ids of BERT's [CLS] and [SEP]."""
    random = np.random.RandomState(0)  # the one generator whose stream numpy has frozen
    low, high = np.log(min(1000, vocabulary // 4)), np.log(vocabulary * 0.95)
    texts = []
    for _ in range(CALIBRATION_TEXTS):
        words = np.exp(random.uniform(low, high, random.randint(3, 30))).astype(np.int64)
        texts.append(np.concatenate([[101], words, [102]])[np.newaxis])
    return texts


def _quantise_any(model: bytes) -> bytes:
    """The converter's int8, for architectures without a graph of their own here."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(model)
        quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
        return target.read_bytes()
