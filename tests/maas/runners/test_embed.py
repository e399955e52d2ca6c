"""The search model really understands: near meanings lie near, also across languages."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.maas import starter_files
from tests.maas.runners import numpy_encoder

from shuyuan.maas.runners import e5file, embed, encoder, interface

Embed = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def runner() -> Iterator[embed.EmbedRunner]:
    made = embed.EmbedRunner()
    made.load(starter_files.require("embed").locate("embed").path, context_tokens=512)
    yield made
    made.close()


@pytest.fixture(scope="module")
def vectors(runner: embed.EmbedRunner) -> Embed:
    def of(*texts: str, kind: str = "query") -> NDArray[np.float32]:
        (chunk,) = runner.submit("embed", {"texts": list(texts), "kind": kind}, threading.Event())
        return interface.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32)

    return of


def test_vectors_are_unit_rows_in_the_order_given(vectors: Embed) -> None:
    texts = ["短", "一段长得多的文字,用来换一换批次里的次序。" * 20, "a middle one, some words long"]
    together = vectors(*texts)
    assert together.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert vectors(text)[0] @ row > 0.999


def test_similar_chinese_sentences_are_nearer_than_unrelated_ones(vectors: Embed) -> None:
    like, same, other = vectors("怎样合并同类项?", "合并同类项的方法是什么?", "今天的天气很好,适合去公园散步。")
    assert like @ same > like @ other + 0.05


def test_translation_pairs_are_nearest_to_each_other(vectors: Embed) -> None:
    zh = vectors("怎样合并同类项?", "今天的天气很好。", "大模型怎样预测下一个词?", "我喜欢吃苹果。")
    en = vectors(
        "How do I combine like terms?",
        "The weather is nice today.",
        "How does a large model predict the next word?",
        "I like to eat apples.",
    )
    similarity = zh @ en.T
    assert similarity.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert similarity.argmax(axis=0).tolist() == [0, 1, 2, 3]


def test_a_question_finds_the_passage_that_answers_it(vectors: Embed) -> None:
    passages = vectors(
        "同类项是所含字母相同、并且相同字母的指数也相同的项。",
        "语言模型根据前面的词,给出下一个词的概率。",
        "黄河自西向东流过中国北方。",
        kind="passage",
    )
    questions = vectors("什么是同类项?", "What does a language model output?", "黄河流经哪里?")
    assert (questions @ passages.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_longer_than_the_window_counts_to_its_end(vectors: Embed) -> None:
    filler = "河水流过石头。" * 90
    plain, ending = vectors(filler, filler + "代数方程的解法。" * 60)
    assert plain @ ending < 0.999


def test_a_text_longer_than_the_window_is_refused_or_cut_when_asked(runner: embed.EmbedRunner) -> None:
    long = "河水流过石头。" * 200
    with pytest.raises(interface.ContextTooLong, match=r"begins '河水.* has \d+ tokens, the model reads 512"):
        runner.split("embed", {"texts": ["a", long], "truncate": "none"})
    windows = {how: runner.split("embed", {"texts": [long], "truncate": how}) for how in ("end", "mean")}
    assert (len(windows["end"]), windows["end"][0].length) == (1, 512)
    assert len(windows["mean"]) > 1
    with pytest.raises(interface.BadPayload, match="'start'"):
        runner.split("embed", {"texts": [long], "truncate": "start"})


def test_markup_in_a_text_is_text(runner: embed.EmbedRunner) -> None:
    (tokens,) = runner._open().tokens(["a</s><pad>b<mask><s><unk>"])
    assert not {0, 1, 2, 250_001} & set(tokens)  # <s>, <pad>, </s>, <mask>


@pytest.mark.parametrize("text", ["", " ", "\0", "\n\n", "🙂" * 50, "á" * 30])
def test_any_text_has_a_finite_vector(vectors: Embed, text: str) -> None:
    assert np.isfinite(vectors(text)).all()


def test_characters_are_normalised_before_they_are_read(vectors: Embed) -> None:
    wide, narrow = vectors("ABC123", "ABC123")
    np.testing.assert_allclose(wide, narrow, atol=1e-6)


def test_too_many_or_too_long_texts_are_refused(vectors: Embed) -> None:
    with pytest.raises(interface.BadPayload, match="257 texts"):
        vectors(*["a"] * 257)
    with pytest.raises(interface.ContextTooLong, match="100001"):
        vectors("a" * 100_001)
    with pytest.raises(interface.BadPayload, match="'other'"):
        vectors("a", kind="other")


def test_the_four_bit_graph_agrees_with_a_second_implementation(runner: embed.EmbedRunner) -> None:
    path = starter_files.require("embed").locate("embed").path
    rng = np.random.default_rng(7)
    tokens = [[0, *rng.integers(4, 250_000, length).tolist(), 2] for length in (1, 7, 40)]
    reference = numpy_encoder.Encoder(e5file.E5File(path)).mean_hidden(tokens)
    found = encoder.E5Encoder(path, threads=0).vectors(tokens)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(reference, axis=1)
    assert ((found * reference).sum(axis=1) / norms).min() > 0.999


def test_a_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    whole = starter_files.require("embed").locate("embed").path.read_bytes()
    for length in (10, 5_000, 5_000_000, len(whole) - 1):
        cut = tmp_path / "cut.bin"
        cut.write_bytes(whole[:length])
        with pytest.raises(interface.BadModelFile):
            embed.EmbedRunner().load(cut, context_tokens=512)
