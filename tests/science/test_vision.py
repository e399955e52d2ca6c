"""Boxes: overlap, choice and average precision agree with figures worked out by hand."""

import numpy as np

from shuyuan.science import vision


def boxes(*rows: tuple[float, float, float, float], classes: list[int], scores: list[float]) -> vision.Boxes:
    return vision.Boxes(
        np.array(rows, np.float32).reshape(-1, 4), np.array(classes, np.int64), np.array(scores, np.float32)
    )


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([[0, 0, 4, 4]], np.float32)
    b = np.array([[0, 0, 4, 4], [2, 0, 6, 4], [4, 4, 8, 8], [1, 1, 1, 1]], np.float32)
    np.testing.assert_allclose(vision.overlap(a, b), [[1, 1 / 3, 0, 0]], atol=1e-6)


def test_the_best_of_overlapping_boxes_is_kept_and_other_classes_stay() -> None:
    cells = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [30, 30, 40, 40], [60, 60, 70, 70]], np.float32)
    scores = np.array([[0.7, 0], [0.9, 0], [0, 0.6], [0.8, 0], [0.01, 0]], np.float32)
    found = vision.select(cells, scores)
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.6], rtol=1e-6)
    assert found.classes.tolist() == [0, 0, 1]


def test_nothing_found_is_no_box() -> None:
    found = vision.select(np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32))
    assert len(found.boxes) == 0


def test_average_precision_agrees_with_a_case_by_hand() -> None:
    truth = [boxes((0, 0, 10, 10), (20, 20, 30, 30), classes=[0, 0], scores=[1, 1])]
    found = [
        boxes((0, 0, 10, 10), (50, 50, 60, 60), (20, 20, 30, 30), classes=[0, 0, 0], scores=[0.9, 0.8, 0.7])
    ]  # right, wrong, right: precision 1 up to half the recall, then 2/3
    np.testing.assert_allclose(vision.mean_average_precision(found, truth), 0.5 + 0.5 * 2 / 3)
    assert vision.mean_average_precision(truth, truth) == 1
    nothing = [boxes(classes=[], scores=[])]
    assert vision.mean_average_precision(nothing, truth) == 0


def test_a_thing_found_twice_counts_once() -> None:
    truth = [boxes((0, 0, 10, 10), classes=[0], scores=[1])]
    twice = [boxes((0, 0, 10, 9), (0, 0, 10, 10), classes=[0, 0], scores=[0.9, 0.8])]
    assert vision.mean_average_precision(twice, truth) == 1
    unsure = [boxes((50, 0, 60, 10), (0, 0, 10, 10), classes=[0, 0], scores=[0.9, 0.8])]
    assert vision.mean_average_precision(unsure, truth) == 0.5


def test_scenes_hold_digits_where_they_say_and_none_touch() -> None:
    digits, labels = np.ones((5, 8, 8), np.float32), np.arange(5)
    rng = np.random.default_rng(1)
    for _ in range(50):
        scene, truth = vision.compose(digits, labels, rng)
        assert scene.shape == (1, 48, 48)
        shared = vision.overlap(truth.boxes, truth.boxes) - np.eye(len(truth.boxes))
        assert np.abs(shared).max() < 1e-6
        inside = np.zeros((48, 48), bool)
        for x1, y1, x2, y2 in truth.boxes.astype(int):
            inside[y1:y2, x1:x2] = True
        assert scene[0][inside].min() > 0.99
        assert scene[0][~inside].max() <= 0.15
