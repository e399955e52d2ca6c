"""A GGUF whose matrices were replaced is still the model, and says what the new matrices say."""

import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gguf", reason="gguf is not installed: run `make train`")

import gguf
from tests.maas import starter_files

from shuyuan.maas.training import ggufs, starters

NAME = "model.layers.{}.self_attn.{}.weight"


def as_hugging_face(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of llama.cpp in the order of Hugging Face, the other way round than `ggufs` goes."""
    if not heads:
        return rows
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, rows.shape[1])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def small(path: Path, family: str = "llama") -> Path:
    """One layer of four heads that share two keys, no vocabulary."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, family)
    writer.add_uint32(f"{family}.attention.head_count", 4)
    writer.add_uint32(f"{family}.attention.head_count_kv", 2)
    writer.add_array("tokenizer.ggml.tokens", ["a", "字"])
    for name, rows in (("attn_q", 32), ("attn_k", 16), ("attn_v", 16), ("ffn_up", 64)):
        writer.add_tensor(f"blk.0.{name}.weight", rng.normal(size=(rows, 32)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_replaced_matrices_stand_where_the_old_ones_stood_and_the_rest_is_the_same(tmp_path: Path) -> None:
    source = small(tmp_path / "source.gguf")
    old = {one.name: one for one in gguf.GGUFReader(source).tensors}
    told, wanted = {}, {}
    for kind, short, heads in (("q_proj", "attn_q", 4), ("k_proj", "attn_k", 2), ("v_proj", "attn_v", 0)):
        wanted[f"blk.0.{short}.weight"] = old[f"blk.0.{short}.weight"].data
        told[NAME.format(0, kind)] = as_hugging_face(np.array(wanted[f"blk.0.{short}.weight"]), heads)
    assert ggufs.rewrite(source, tmp_path / "model.gguf", told)
    made = gguf.GGUFReader(tmp_path / "model.gguf")
    new = {one.name: one for one in made.tensors}
    assert made.fields["tokenizer.ggml.tokens"].contents() == ["a", "字"]
    assert new.keys() == old.keys()
    for name, one in new.items():
        if name in wanted:
            found = gguf.quants.dequantize(one.data, one.tensor_type)
            assert np.abs(found - wanted[name]).max() < 0.01 * np.abs(wanted[name]).max()
        else:
            assert one.tensor_type == old[name].tensor_type
            assert one.data.tobytes() == old[name].data.tobytes()


def test_a_family_whose_names_are_not_known_is_left_alone(tmp_path: Path) -> None:
    assert not ggufs.rewrite(small(tmp_path / "other.gguf", "other"), tmp_path / "model.gguf", {})
    assert not (tmp_path / "model.gguf").exists()


@pytest.mark.timeout(600)  # reading a vocabulary in Python takes seconds, on a busy machine minutes
def test_the_written_file_is_served_by_the_runner_of_llama_cpp(tmp_path: Path) -> None:
    llama = pytest.importorskip("shuyuan.maas.runners.llama", reason="xllamacpp is not installed")
    starter_files.require("tiny")
    source = starters.path("tiny")
    assert ggufs.rewrite(source, tmp_path / "model.gguf", {})
    answers = []
    for path in (source, tmp_path / "model.gguf"):
        runner = llama.LlamaRunner()
        runner.load(path, context_tokens=256)
        payload = {"prompt": "The capital of France is", "max_tokens": 6, "temperature": 0.0}
        answers.append("".join(chunk.text for chunk in runner.submit("complete", payload, threading.Event())))
        runner.close()
    assert answers[0] == answers[1]
    assert answers[0].strip()
