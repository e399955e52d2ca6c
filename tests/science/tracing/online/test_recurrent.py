"""The served step of the recurrent tracer says what its net says."""

import numpy as np
import pytest
import safetensors.numpy
from tests.science.tracing import school

from shuyuan.science.tracing.interactions import NO_ITEM, Answer, Interactions
from shuyuan.science.tracing.online import recurrent, weights

pytest.importorskip("torch", reason="the net needs torch: make train")

from shuyuan.science.tracing.neural import correcting, training
from shuyuan.science.tracing.neural import recurrent as trained

SCHOOL = school.simulate(24, 20, points=5, items=25, seed=3).table


@pytest.fixture(scope="module")
def fitted() -> correcting.Fitted:
    recipe = training.Recipe(epochs=3, rate=1e-2, updates=10)
    return trained.fit(SCHOOL, seed=1, recipe=recipe)


@pytest.fixture(scope="module")
def net(fitted: correcting.Fitted) -> weights.Net:
    raw = safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in fitted.to_arrays().items()})
    return weights.Net.from_arrays(safetensors.numpy.load(raw))


def walked(net: weights.Net, table: Interactions) -> np.ndarray:
    """Every answer through the step, one by one."""
    learners: dict[int, recurrent.LearnerMemory] = {}
    points: dict[tuple[int, str], recurrent.PointMemory] = {}
    items: dict[tuple[int, str | None], recurrent.ItemMemory] = {}
    p = np.empty(len(table))
    for row in range(len(table)):
        who = int(table.learner[row])
        item_id = None if table.item[row] == NO_ITEM else table.item_ids[table.item[row]]
        keys = [table.point_ids[place] for place in table.point[table.starts[row] : table.starts[row + 1]]]
        known = [points.get((who, key), recurrent.new_point_memory(net)) for key in keys]
        learner = learners.get(who, recurrent.new_memory(net))
        item = items.get((who, item_id), recurrent.UNSEEN_ITEM)
        asked = (net, learner, known, item, item_id, keys)
        moved = recurrent.update(*asked, bool(table.correct[row]), float(table.at_s[row]))
        assert recurrent.predict(*asked, float(table.at_s[row])) == moved.p_before
        learners[who], items[who, item_id], p[row] = moved.learner, moved.item, moved.p_before
        points.update({(who, key): point for key, point in zip(keys, moved.points, strict=True)})
    return p


def test_the_step_says_what_the_net_says(fitted: correcting.Fitted, net: weights.Net) -> None:
    np.testing.assert_allclose(walked(net, SCHOOL), fitted.predict(SCHOOL), rtol=0, atol=2e-5)


def test_strange_items_points_and_answers_without_either_are_the_same_to_both(
    fitted: correcting.Fitted, net: weights.Net
) -> None:
    table = Interactions.of(
        [
            Answer("ann", "i3", ["p3", "nowhere"], True, 50.0),
            Answer("ann", None, [], False, 90_000.0),
            Answer("ann", "i3", ["p3"], False, 400_000.0),
            Answer("bo", "i9999", ["p1"], True, 10.0),
            Answer("ann", "never", ["nowhere"], True, 5.0),
            Answer("ann", "never", ["nowhere"], True, 4.0),
        ]
    )
    np.testing.assert_allclose(walked(net, table), fitted.predict(table), rtol=0, atol=2e-5)


def test_a_learner_is_a_fixed_number_of_floats(net: weights.Net) -> None:
    memory = recurrent.new_memory(net)
    for turn in range(50):
        moved = recurrent.update(net, memory, [], recurrent.UNSEEN_ITEM, "i1", [], turn % 2 == 0, 0.0)
        memory = moved.learner
    assert memory.hidden.shape == (net.width,)
    assert memory.hidden.dtype == np.float32
    assert np.abs(memory.hidden).max() <= 1.0


def test_arrays_of_another_format_are_refused(fitted: correcting.Fitted) -> None:
    with pytest.raises(ValueError, match="format 9 is not supported"):
        weights.Net.from_arrays({**fitted.to_arrays(), "format": np.asarray([9])})
