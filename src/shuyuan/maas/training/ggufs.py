"""A GGUF with some of its matrices replaced: what llama.cpp serves after adapters were folded in. Child processes only.

Everything else, vocabulary and chat template among it, is copied as it is; replaced matrices become 8-bit. Knows the
names of the Llama family; refuses others.
"""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ARCHITECTURES = ("llama",)
NAMES = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
}  # fmt: skip
_STORED = gguf.GGMLQuantizationType.Q8_0


def rewrite(source: Path, target: Path, replaced: Mapping[str, Floats]) -> bool:
    """Copy `source` with these matrices, by their Hugging Face names. False where its family is not known here."""
    reader = gguf.GGUFReader(source)
    family = str(reader.fields["general.architecture"].contents())
    if family not in ARCHITECTURES:
        return False
    heads = {
        kind: int(reader.fields[f"{family}.attention.head_count{suffix}"].contents())
        for kind, suffix in (("attn_q", ""), ("attn_k", "_kv"))
    }
    new = {_name(name): _permuted(weight, heads.get(_name(name).split(".")[2], 0)) for name, weight in replaced.items()}
    writer = gguf.GGUFWriter(target, family)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            sub = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub)
    for tensor in reader.tensors:
        if tensor.name in new:
            writer.add_tensor(tensor.name, gguf.quants.quantize(new[tensor.name], _STORED), raw_dtype=_STORED)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return True


def _name(name: str) -> str:
    """model.layers.3.self_attn.q_proj.weight → blk.3.attn_q.weight."""
    parts = name.split(".")
    return f"blk.{parts[parts.index('layers') + 1]}.{NAMES[parts[-2]]}.weight"


def _permuted(weight: Floats, heads: int) -> Floats:
    """Rows in the order llama.cpp turns them in: pairs side by side instead of halves apart. heads 0: as they are."""
    if not heads:
        return weight
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
