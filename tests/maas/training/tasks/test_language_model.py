"""Language models: LoRA on a folder in the manner of Hugging Face, and a tiny one from nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")
pytest.importorskip("transformers", reason="transformers is not installed: run `make train`")
pytest.importorskip("peft", reason="peft is not installed: run `make train`")

import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.maas import training_folders
from tests.maas.training.tasks import trying

from shuyuan.maas.training import lora, task, tasks

TEXT = (task.Column("text", "text", "feature"),)
LORA = {"base": "folder", "folder": "small", "length": 24, "rank": 4, "rate": 0.02, "epochs": 6, "batch": 8}


def lines(rows: int, start: int = 0) -> task.Table:
    return {"text": [f"the angle of a triangle number {n % 10} is small" for n in range(start, start + rows)]}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one model folder: two small Llama layers with random weights, and a tokenizer of words."""
    folder = tmp_path / "cache" / "small"
    folder.mkdir(parents=True)
    words = {
        word: n
        for n, word in enumerate(["<end>", "<other>", *sorted({w for t in lines(10)["text"] for w in t.split()})])
    }
    reader = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<other>"))
    reader.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    reader.save(str(folder / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>", "unk_token": "<other>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=0, tie_word_embeddings=True,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    config.architectures = ["LlamaForCausalLM"]
    (folder / "config.json").write_text(config.to_json_string())
    weights = {name: one for name, one in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    monkeypatch.setenv("SHUYUAN_CACHE", str(tmp_path / "cache"))
    return folder


def test_adapters_alone_lower_the_perplexity_of_held_out_text(cache: Path, tmp_path: Path) -> None:
    tried = trying.trained("language_model", LORA, TEXT, lines(40))
    figures = tried.figures(lines(10, 100))
    assert figures["perplexity"] < 0.7 * figures["perplexity_before"]
    assert figures["perplexity_ratio"] == pytest.approx(figures["perplexity"] / figures["perplexity_before"])
    whole = sum(tensor.numel() for tensor in load_file(cache / "model.safetensors").values())
    assert sum(tensor.numel() for tensor in tried.trainer.net.state_dict().values()) < whole / 5
    assert len(tried.predictions(lines(10)).prediction) == 10


def test_the_merged_model_says_what_the_model_with_adapters_says(cache: Path, tmp_path: Path) -> None:
    tried = trying.trained("language_model", LORA, TEXT, lines(40))
    tokens = torch.from_numpy(tried.work.arrays(lines(4))["tokens"])[:, :8]
    net: Any = tried.trainer.net
    with torch.no_grad():
        wanted = net.model(input_ids=tokens).logits
        before = load_file(cache / "model.safetensors")
    out = tmp_path / "out"
    out.mkdir()
    said = tried.work.export(net, tried.work.arrays(lines(4)), out)
    assert said["size_bytes"]["adapter_model.safetensors"] == (out / "adapter_model.safetensors").stat().st_size
    assert set(load_file(out / "weights.safetensors")) == set(net.state_dict())
    again = transformers.LlamaForCausalLM(
        transformers.LlamaConfig.from_dict(json.loads((out / "config.json").read_text()))
    )
    merged = load_file(out / "merged.safetensors")
    assert set(merged) == set(before)
    again.load_state_dict({name: one.float() for name, one in merged.items()}, strict=False)
    again.tie_weights()
    again.train(False)
    with torch.no_grad():
        torch.testing.assert_close(again(input_ids=tokens).logits, wanted, rtol=0.02, atol=0.02)


def test_a_run_of_adapters_writes_files_that_hold_no_pickle(cache: Path, tmp_path: Path) -> None:
    folder = training_folders.write(
        tmp_path / "run", "language_model", rows=8, config={**LORA, "epochs": 1, "buckets": 128, "width": 32}
    )
    assert training_folders.finish(folder) == 0, training_folders.error(folder)
    files = training_folders.result(folder)["files"]
    assert {"adapter_model.safetensors", "adapter_config.json", "merged.safetensors", "tokenizer.json"} <= files.keys()
    assert not [name for name in files if Path(name).suffix in (".bin", ".pt", ".pkl")]
    assert json.loads((folder / "out/adapter_config.json").read_text())["r"] == 4


def test_a_folder_that_holds_a_pickle_or_nothing_is_refused(cache: Path) -> None:
    found = tasks.load("language_model")
    with pytest.raises(task.BadTraining, match="'elsewhere'"):
        found.prepare(trying.config("language_model", base="folder", folder="elsewhere"), TEXT, lines(4))
    (cache / "model.safetensors").rename(cache / "pytorch_model.bin")
    with pytest.raises(task.BadTraining, match="is a pickle"):
        found.prepare(trying.config("language_model", base="folder", folder="small"), TEXT, lines(4))
    with pytest.raises(ValueError, match="folder"):
        trying.config("language_model", base="folder", folder="../elsewhere")
    with pytest.raises(task.BadTraining, match="no folder"):
        found.prepare(trying.config("language_model", base="folder"), TEXT, lines(4))


def test_layers_that_are_not_there_are_named_with_those_that_are(cache: Path) -> None:
    with pytest.raises(task.BadTraining, match="no layer is called nose_proj") as wrong:
        lora.load(lora.source("small"), rank=2, alpha=4, dropout=0, targets=["nose_proj"])
    assert "q_proj" in wrong.value.fix


def test_long_texts_become_pieces_and_each_knows_its_row(cache: Path) -> None:
    found = tasks.load("language_model")
    work = found.prepare(trying.config("language_model", **{**LORA, "length": 8}), TEXT, lines(2))
    arrays = work.arrays({"text": [" ".join(["angle"] * 20), "", "small"]})
    assert arrays["*row"].tolist() == [0, 0, 0, 2]
    assert (arrays["tokens"][:2] >= 0).all()
    assert (arrays["tokens"][2] >= 0).sum() == 5  # four words and the end


def test_a_tiny_model_from_nothing_learns_what_comes_next() -> None:
    config = {"length": 48, "width": 32, "buckets": 128, "rate": 0.01, "epochs": 10}
    tried = trying.trained("language_model", config, TEXT, lines(40))
    assert tried.figures(lines(10, 100))["perplexity"] < 2
    assert tried.figures({"text": ["zzzz qqqq"] * 2})["perplexity"] > 10
