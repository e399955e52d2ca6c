"""Classes from texts: n-grams, the sentence vector of a starter, and the small Transformer with its teacher."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

from safetensors.torch import save_file
from tests.maas.training.tasks import trying

from shuyuan.maas.training import starters, task, tasks, vectors

COLUMNS = (task.Column("text", "text", "feature"), task.Column("label", "category", "label"))
SMALL = {"buckets": 512, "length": 32, "rate": 0.05, "epochs": 8}


def sentences(rows: int, seed: int) -> task.Table:
    rng = np.random.default_rng(seed)
    words = {"数学": ["三角形的面积", "方程的根", "质数与因数"], "音乐": ["和弦与节奏", "钢琴的琴键", "合唱的声部"]}
    labels = [rng.choice(list(words)) for _ in range(rows)]
    return {"text": [f"{rng.choice(words[one])}{rng.integers(90)}" for one in labels], "label": labels}


def test_ngrams_tell_subjects_apart_in_texts_they_have_not_seen() -> None:
    tried = trying.trained("text_classification", SMALL, COLUMNS, sentences(60, 0))
    assert tried.figures(sentences(40, 1))["accuracy"] == 1.0


def test_a_batch_is_cut_to_its_longest_text_without_changing_what_the_net_says() -> None:
    import torch

    tried = trying.trained("text_classification", {**SMALL, "length": 128}, COLUMNS, sentences(20, 0))
    arrays = {name: torch.from_numpy(array) for name, array in tried.work.arrays(sentences(4, 1)).items()}
    cut = tried.work.batch(arrays, torch.arange(4), np.random.default_rng(0))
    assert cut["text"].shape[1] < 128
    with torch.no_grad():
        torch.testing.assert_close(tried.trainer.net(cut["text"]), tried.trainer.net(arrays["text"]))


def test_rare_ngrams_weigh_more_than_common_ones_and_padding_nothing() -> None:
    columns, table = COLUMNS, {"text": ["aab", "aac", "aad", "aae"], "label": ["x", "y", "x", "y"]}
    found = tasks.load("text_classification")
    work = found.prepare(
        trying.config("text_classification", shortest=1, longest=1, buckets=4096, length=8), columns, table
    )
    net = work.net()
    ids = work.arrays(table)["text"]
    idf = net.get_buffer("idf")[0]
    assert idf[0] == 0
    assert idf[ids[0, 2]] > idf[ids[0, 0]] > 0  # b before a


def test_several_texts_and_numbers_are_read_together() -> None:
    table = sentences(40, 0)
    more = {**table, "second": ["又"] * 40, "marks": np.arange(40.0)}
    columns = (*COLUMNS, task.Column("second", "text", "feature"), task.Column("marks", "number", "feature"))
    assert trying.trained("text_classification", SMALL, columns, more).figures(more)["accuracy"] == 1.0


def test_what_cannot_be_read_is_refused_with_the_fix() -> None:
    found = tasks.load("text_classification")
    columns = trying.numbers("x", label="label")
    with pytest.raises(task.BadTraining, match="no text column"):
        found.prepare(trying.config("text_classification"), columns, {"x": np.zeros(2), "label": ["a", "b"]})
    with pytest.raises(task.BadTraining, match="from 3 to 2"):
        found.prepare(trying.config("text_classification", shortest=3, longest=2), COLUMNS, sentences(4, 0))
    with pytest.raises(task.BadTraining, match="divide"):
        found.prepare(
            trying.config("text_classification", net="transformer", width=10, heads=4), COLUMNS, sentences(4, 0)
        ).net()


def test_the_transformer_goes_on_from_what_a_language_model_of_the_same_texts_has_learned(tmp_path: Path) -> None:
    shape = {"width": 16, "layers": 1, "heads": 2, "buckets": 256, "length": 32}
    text = (COLUMNS[0],)
    language = trying.trained("language_model", {**shape, "epochs": 1}, text, {"text": sentences(20, 0)["text"]})
    weights = language.trainer.net.state_dict()
    save_file({name: one.contiguous() for name, one in weights.items()}, tmp_path / "weights.safetensors")
    init = task.Init(tmp_path / "weights.safetensors", {"features": language.work.features()})
    config = {**shape, "net": "transformer", "epochs": 1, "rate": 1e-9}
    tried = trying.trained("text_classification", config, COLUMNS, sentences(20, 0), init=init)
    found = tried.trainer.net.state_dict()
    assert (found["trunk.tokens.weight"] - weights["trunk.tokens.weight"]).abs().max() < 1e-6
    fresh = trying.trained("text_classification", config, COLUMNS, sentences(20, 0)).trainer.net.state_dict()
    assert (fresh["trunk.tokens.weight"] - weights["trunk.tokens.weight"]).abs().max() > 1e-3


def test_the_vector_of_a_starter_joins_the_ngrams_and_is_kept_in_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _starter("embed")
    monkeypatch.setattr(vectors, "run_folder", lambda: tmp_path)
    config = {**SMALL, "embedding": "embed", "rate": 0.02}
    tried = trying.trained("text_classification", config, COLUMNS, sentences(12, 0))
    assert tried.work.INPUTS == ("text", "vector")
    assert tried.work.spec()["vectors"][0]["model"] == "embed"
    kept = (tmp_path / "vectors-embed.bin").read_bytes()
    monkeypatch.setattr(vectors, "_reader", lambda model: pytest.fail("everything is known"))
    again = tried.work.arrays(sentences(12, 0))["vector"]
    assert np.allclose(np.linalg.norm(again, axis=1), 1, atol=1e-5)
    assert (tmp_path / "vectors-embed.bin").read_bytes() == kept


def _starter(name: str) -> None:
    try:
        starters.path(name)
    except task.BadTraining as missing:
        pytest.skip(f"{missing.message}; {missing.fix}")
