"""int8 encoders."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

from waypost_server.lab.bert_graph import Array, BertGraph, BertWeights
from waypost_server.lab.onnx_export import ExportedModel

MIGRATION = 0.75
"""How much of an outlier moves into the weights: 0.7 to 0.8 are alike, 0.5 is worse than none."""

STEPS_PER_OCTAVE = 2
"""Scales are whole steps, so that another machine's last bits do not reach the file."""

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
    model: bytes = BertGraph(weights, _smoothing_scales(weights)).model().SerializeToString()
    return model


def _smoothing_scales(weights: BertWeights) -> Mapping[str, Array]:
    """Per-channel scales of the inputs of QKV and FFN-up (SmoothQuant, Xiao et al. 2023)."""
    scales = {}
    for name, peak in _input_peaks(weights).items():
        weight_peak = np.abs(weights.linear(name)[0]).max(axis=1).astype(np.float64)
        octaves = MIGRATION * np.log2(peak) - (1 - MIGRATION) * np.log2(weight_peak)
        steps = np.rint(STEPS_PER_OCTAVE * (octaves - octaves.mean()))
        scales[name] = np.exp2(steps / STEPS_PER_OCTAVE).astype(np.float32)
    return scales


def _input_peaks(weights: BertWeights) -> Mapping[str, Array]:
    """The largest magnitude of each input channel, over random texts through the fp32 graph."""
    graph = BertGraph(weights, None)
    tensors = list(graph.smoothed.values())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        graph.model(extra_outputs=tensors).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    peaks = {name: np.zeros(weights.hidden) for name in graph.smoothed}
    for ids in _random_texts(len(weights.parameters["embeddings.word_embeddings.weight"])):
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        for name, tensor in zip(graph.smoothed, session.run(tensors, feed), strict=True):
            peaks[name] = np.maximum(peaks[name], np.abs(np.asarray(tensor)).max(axis=(0, 1)))
    return peaks


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
