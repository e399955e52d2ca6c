"""The model that every peer serves: tokenise, run ONNX Runtime on one thread.

Runs in a peer's own environment. MODEL and TOKENIZER name the files; BATCH the largest batch the peer may make.
"""

import base64
import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BATCH = int(os.environ.get("BATCH", "1"))
PORT = int(os.environ.get("PORT", "0"))
_MAX_TOKENS = 256


class Sentences:
    """Texts in, unit vectors out: float32 (texts, 384)."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(os.environ["TOKENIZER"])
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.enable_padding()

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        encoded = self._tokenizer.encode_batch(list(texts))
        ids = np.array([text.ids for text in encoded], dtype=np.int64)
        mask = np.array([text.attention_mask for text in encoded], dtype=np.int64)
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return vectors


def pack(row: np.ndarray) -> str:
    """A vector as base64 of little-endian float32."""
    return base64.b64encode(row.astype("<f4").tobytes()).decode()
