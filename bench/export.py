"""The very model that we serve, as files that bare ONNX Runtime and every peer open too."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from shuyuan.maas.catalogue import puller
from shuyuan.maas.runners import bert


@dataclass(frozen=True)
class Model:
    """An ONNX file (input_ids, attention_mask → unit vectors) and its tokenizer."""

    onnx: Path
    tokenizer: Path


def minilm(folder: Path) -> Model:
    """all-MiniLM-L6-v2 in float32, pulled first where it is not on this machine."""
    weights = puller.Puller().pull("minilm")
    made = Model(folder / "minilm.onnx", folder / "tokenizer.json")
    made.onnx.write_bytes(bert.build_graph(weights))
    shutil.copyfile(weights.with_name("tokenizer.json"), made.tokenizer)
    return made
