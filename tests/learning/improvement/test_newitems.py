"""Questions nobody has answered are guessed by their wording, where that was seen to help."""

from dataclasses import replace

import numpy as np
import pytest
from tests.science.tracing import school as simulated
from tests.science.tracing.serving import nets

from shuyuan.learning.courses.interface import Worded
from shuyuan.learning.improvement import candidates, dataset
from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.serving import newitems

ITEMS, NEW = 80, 5
SCHOOL = simulated.simulate(60, 60, points=4, items=ITEMS, seed=5)


@pytest.fixture(scope="module")
def data() -> dataset.DataSet:
    """The last NEW items were never answered."""
    new = {f"i{number}" for number in range(ITEMS - NEW, ITEMS)}
    rows = [one for one in SCHOOL.answers if one.item_id not in new]
    held = {one.learner for one in rows if int(str(one.learner)) % 4 == 0}
    parts = [[one for one in rows if (one.learner in held) is out] for out in (False, True)]
    fit, held_out = (online.Interactions.of(part) for part in parts)
    return dataset.DataSet(fit, held_out, parts[0], 60, len(rows), len(held), b"")


def worded(telling: float) -> Worded:
    """telling: how far the wording tells what the item is like; the rest is noise."""
    ids = sorted(SCHOOL.difficulty)
    points = {one.item_id: one.point_ids for one in SCHOOL.answers}
    noise = np.random.default_rng(1).normal(size=len(ids))
    said = [telling * SCHOOL.difficulty[key] + (1 - telling) * one for key, one in zip(ids, noise, strict=True)]
    return Worded(newitems.Worded(ids, [points[key] for key in ids], np.asarray(said)[:, None]), by_meaning=True)


def test_a_wording_that_tells_is_served_for_what_nobody_answered(data: dataset.DataSet) -> None:
    made = candidates.refitted(data, serving.PRIOR, worded(1.0), online.fit)
    new = [f"i{number}" for number in range(ITEMS - NEW, ITEMS)]
    assert made.figures["new_item_guessed"] == NEW
    assert made.figures["new_item_helps"] == 1.0
    assert made.figures["new_item_chosen_high"] < 0.0
    assert made.figures["new_item_log_loss"] < made.figures["new_item_average_log_loss"]
    served = serving.read(made.weights).params
    told = [served.items[key] for key in new]
    assert np.corrcoef(told, [SCHOOL.difficulty[key] for key in new])[0, 1] > 0.8
    fitted = online.fit(data.fit, seed=candidates.SEED)
    assert all(served.items[key] == value for key, value in fitted.items.items())  # answers tell more than words


def test_a_wording_that_tells_nothing_changes_no_number(data: dataset.DataSet) -> None:
    made = candidates.refitted(data, serving.PRIOR, worded(0.0), online.fit)
    assert made.figures["new_item_guessed"] == made.figures["new_item_helps"] == 0.0
    assert made.weights == serving.write(online.fit(data.fit, seed=candidates.SEED).to_arrays())


def test_a_net_stands_on_the_guesses_too(data: dataset.DataSet) -> None:
    params = online.fit(data.fit, seed=candidates.SEED)
    points = sorted({key for one in SCHOOL.answers for key in one.point_ids})

    def fit_net(rows: object, seed: int) -> bytes:
        return serving.write(nets.arrays(list(params.items), points, size=0.0, params=params))

    made = candidates.of_a_net(data, serving.PRIOR, worded(1.0), fit_net)
    served = serving.read(made.weights)
    assert served.net is not None
    assert f"i{ITEMS - 1}" in served.net.params.items
    assert made.tracer.params == served.params
    without = replace(data, held_out=data.held_out.take(np.arange(50)))
    few = candidates.of_a_net(without, serving.PRIOR, worded(1.0), fit_net)
    assert few.figures["new_item_guessed"] == NEW
    assert "new_item_log_loss" not in few.figures
