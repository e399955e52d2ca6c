"""BERT-like encoders as Hugging Face writes them: config.json, safetensors, tokenizer.json. Child process only."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from shuyuan.maas.conversion import interface
from shuyuan.maas.runners import bert

_TAKEN = ("BertModel", "BertForMaskedLM")  # post-norm, GELU, learned absolute positions: what `runners.bert` builds
_MOST_CONFIG_BYTES = 1 << 20


def to_onnx(source: Path, target: Path) -> dict[str, Any]:  # Any: JSON
    """Write the sentence encoder of a folder; its tokenizer goes along as metadata. Returns its spec.

    Raises RefusedModel naming what the config says and this encoder is not.
    """
    told = _config(source)
    architectures = [str(one) for one in told.get("architectures") or []]
    if "auto_map" in told:
        raise interface.RefusedModel("config.json names code of its own (auto_map)", fix="use a model without own code")
    known = not architectures or any(one in _TAKEN for one in architectures)
    if told.get("model_type") != "bert" or not known:
        raise interface.RefusedModel(
            f"architecture {', '.join(architectures) or told.get('model_type')} is not converted here",
            fix=f"bring {', '.join(_TAKEN)}; export others to ONNX with optimum, or language models to GGUF",
        )
    if told.get("hidden_act", "gelu") != "gelu" or told.get("position_embedding_type", "absolute") != "absolute":
        raise interface.RefusedModel(
            f"hidden_act {told.get('hidden_act')!r} and positions {told.get('position_embedding_type')!r}",
            fix="bring an encoder with gelu and absolute positions",
        )
    weights = sorted(source.glob("*.safetensors"))
    tokenizer = source / "tokenizer.json"
    if len(weights) != 1 or not tokenizer.is_file():
        raise interface.RefusedModel(
            f"{len(weights)} files of weights, {'no' if not tokenizer.is_file() else 'one'} tokenizer.json",
            fix="save it with one model.safetensors and a fast tokenizer",
        )
    try:
        graph = bert.build_graph(weights[0])
    except Exception as wrong:  # safetensors, numpy and our own, each in its class
        raise interface.RefusedModel(
            f"its weights are not those of the config: {wrong}"[:300], fix="save it again"
        ) from wrong
    model = onnx.load_from_string(graph)
    for key, value in {"tokenizer.json": tokenizer.read_text("utf-8"), "pooling": "mean"}.items():
        model.metadata_props.add(key=key, value=value)
    target.write_bytes(model.SerializeToString())
    return {"output": "embeddings", "inputs_are": "token ids; the tokenizer is in the file's metadata"}


def _config(source: Path) -> dict[str, Any]:
    path = source / "config.json"
    if path.stat().st_size > _MOST_CONFIG_BYTES:
        raise interface.RefusedModel(f"config.json has {path.stat().st_size} bytes", fix="save the model again")
    try:
        told = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as wrong:
        raise interface.RefusedModel(f"config.json is not JSON: {wrong}"[:300], fix="save the model again") from wrong
    if not isinstance(told, dict):
        raise interface.RefusedModel("config.json is no JSON object", fix="save the model again")
    return told


def sample(rows: int = 2, tokens: int = 5) -> dict[str, "np.ndarray[Any, Any]"]:
    """Ids that every vocabulary has."""
    shape = (rows, tokens)
    return {"input_ids": np.full(shape, 5, np.int64), "attention_mask": np.ones(shape, np.int64)}
