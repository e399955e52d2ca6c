"""ROUGE, BLEU, chrF and macro F1 on cases counted by hand."""

import doctest
import importlib
import math

import pytest

from shuyuan.science import metrics


@pytest.mark.parametrize("name", ["classes", "rouge", "translation"])
def test_examples_in_the_docs_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"shuyuan.science.metrics.{name}")).failed == 0


def words(text: str) -> list[str]:
    return text.split()


def test_rouge_counts_words_pairs_and_the_common_subsequence() -> None:
    said, reference = ["police", "killed", "the", "gunman"], ["police", "kill", "the", "gunman"]  # Lin (2004), 3.1
    assert metrics.rouge(said, reference) == pytest.approx((0.75, 1 / 3, 0.75))
    assert metrics.rouge(["the", "gunman", "kill", "police"], reference) == pytest.approx((1.0, 1 / 3, 0.5))
    assert metrics.rouge([], reference) == (0, 0, 0)
    assert metrics.best_rouge(said, [["nothing"], reference]).one == 0.75
    assert metrics.mean_rouge([metrics.Rouge(0, 0, 0), metrics.Rouge(1, 1, 1)]) == (0.5, 0.5, 0.5)


def test_bleu_takes_the_nearest_length_and_every_reference() -> None:
    said = words("it is a guide to action which ensures that the military always obeys the commands of the party")
    references = [  # Papineni et al. (2002), example 1
        words("it is a guide to action that ensures that the military will forever heed party commands"),
        words(
            "it is the guiding principle which guarantees the military forces always being under the command of the "
            "party"
        ),
        words("it is the practical guide for the army always to heed the directions of the party"),
    ]
    expected = 100 * math.exp(sum(math.log(p) for p in (17 / 18, 10 / 17, 7 / 16, 4 / 15)) / 4)
    assert metrics.bleu([said], [references]) == pytest.approx(expected)
    assert metrics.bleu([said[:4]], [[said]]) == pytest.approx(100 * math.exp(1 - 18 / 4))
    assert metrics.bleu([["a"]], [[["b"]]]) == 0


def test_chrf_weighs_recall_and_leaves_spaces_out() -> None:
    assert metrics.chrf(["ab cd"], [["abcd"]]) == pytest.approx(100)
    precision, recall = (2 / 2 + 1 / 1) / 2, (2 / 3 + 1 / 2) / 2  # orders 1 and 2 of "ab" against "abc"
    expected = 100 * 5 * precision * recall / (4 * precision + recall)
    assert metrics.chrf(["ab"], [["abc"]]) == pytest.approx(expected)
    assert metrics.chrf(["abcdef"], [["zzz", "abcdef"]]) == pytest.approx(100)


def test_a_label_that_is_rare_counts_as_much_as_a_common_one() -> None:
    assert metrics.macro_f1(["a"] * 9 + ["b"], ["a"] * 10) == pytest.approx(18 / 19 / 2)


@pytest.mark.parametrize("bad", [([], []), ([["a"]], []), ([["a"]], [[]])])
def test_empty_or_unequal_sets_are_refused(bad: tuple[list[list[str]], list[list[list[str]]]]) -> None:
    with pytest.raises(ValueError, match="needs at least one"):
        metrics.bleu(*bad)
