"""The encoder built from safetensors agrees with a second implementation and with itself in any batch."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tests.maas import starter_files
from tests.maas.runners import numpy_bert

from shuyuan.maas.runners import bert, embed, interface

TEXTS = [
    "Photosynthesis turns light into chemical energy.",
    "Plants make sugar out of sunlight.",
    "The train to London leaves at noon.",
    "a",
    "",
    "To find the slope of a line, divide the change in y by the change in x; " * 3,
]


@pytest.fixture(scope="module")
def path() -> Path:
    return starter_files.require("minilm").locate("minilm").path


@pytest.fixture(scope="module")
def runner(path: Path) -> Iterator[embed.EmbedRunner]:
    made = embed.EmbedRunner()
    made.load(path, context_tokens=256, threads=1)
    yield made
    made.close()


def test_it_agrees_with_the_numpy_reference(path: Path) -> None:
    encoder = bert.BertEncoder(path, threads=1)
    first, last = encoder.marks
    tokens = [[first, *text, last] for text in encoder.tokens(TEXTS)]
    reference = numpy_bert.Bert(path, heads=12)
    for ids, row in zip(tokens, encoder.vectors(tokens), strict=True):
        assert row @ reference.unit_mean(ids) > 0.9999


def test_a_text_has_one_vector_whoever_shares_its_pass(runner: embed.EmbedRunner) -> None:
    items = runner.split("embed", {"texts": TEXTS})
    together = runner.run(items)
    for item, row in zip(items, together, strict=True):
        (alone,) = runner.run([item])
        np.testing.assert_allclose(np.array(row), np.array(alone), atol=1e-5)


def test_near_meanings_lie_near_and_no_prefix_is_added(runner: embed.EmbedRunner) -> None:
    vectors = {
        kind: interface.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32)
        for kind in ("query", "passage")
        for chunk in runner.submit("embed", {"texts": TEXTS, "kind": kind}, threading.Event())
    }
    np.testing.assert_array_equal(vectors["query"], vectors["passage"])
    light, sugar, train = vectors["query"][:3]
    assert light @ sugar > light @ train + 0.3
    np.testing.assert_allclose(np.linalg.norm(vectors["query"], axis=1), 1, atol=1e-5)


def test_a_text_longer_than_the_window_counts_to_its_end(runner: embed.EmbedRunner) -> None:
    filler = "water flows over stones. " * 60
    payload = {"texts": [filler, filler + "solving algebraic equations. " * 60]}
    (chunk,) = runner.submit("embed", payload, threading.Event())
    plain, ending = interface.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32)
    assert plain @ ending < 0.99


def test_the_graph_can_be_given_to_others(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "minilm.onnx"
    file.write_bytes(bert.build_graph(path))
    session = onnxruntime.InferenceSession(file)
    encoder = bert.BertEncoder(path, threads=1)
    ids, mask = bert.padded(encoder.tokens(TEXTS[:3]))
    (rows,) = session.run(["embeddings"], {"input_ids": ids, "attention_mask": mask})
    np.testing.assert_allclose(rows, encoder.vectors(encoder.tokens(TEXTS[:3])), atol=1e-6)


def test_a_damaged_folder_is_refused_in_words(path: Path, tmp_path: Path) -> None:
    here = tmp_path / path.name
    shutil.copy(path, here)
    with pytest.raises(interface.BadModelFile):
        embed.EmbedRunner().load(here, context_tokens=256)  # no tokenizer beside it
    shutil.copy(path.with_name("tokenizer.json"), tmp_path)
    here.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(interface.BadModelFile):
        embed.EmbedRunner().load(here, context_tokens=256)
