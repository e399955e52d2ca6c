"""Either kind of tracer under the same verbs; what they remember comes back from bytes as it was."""

import numpy as np
import pytest
from tests.science.tracing import school
from tests.science.tracing.serving import nets

from shuyuan.science.tracing import online, serving

TABLE = school.simulate(6, 15, points=4, items=12, seed=2).table
NET = serving.write(nets.arrays(TABLE.item_ids, TABLE.point_ids))
KALMAN = serving.write(online.fit(TABLE).to_arrays())


def walked(tracer: serving.Tracer) -> np.ndarray:
    """Every answer from memory that was stored as bytes in between."""
    stored: dict[int, dict[str, bytes]] = {}
    said = []
    for row in range(len(TABLE)):
        rows = stored.setdefault(int(TABLE.learner[row]), {})
        item = TABLE.item_ids[TABLE.item[row]]
        points = [TABLE.point_ids[place] for place in TABLE.point[TABLE.starts[row] : TABLE.starts[row + 1]]]
        memory = serving.unpack((key, rows[key]) for key in serving.keys(points, [item]) if key in rows)
        at_s = float(TABLE.at_s[row])
        expected = serving.predict(tracer, memory, item, points, at_s)
        said.append(serving.update(tracer, memory, item, points, bool(TABLE.correct[row]), at_s))
        assert said[-1] == expected
        rows.update(serving.pack(memory, points, [item]))
    return np.asarray(said)


@pytest.mark.parametrize(("raw", "kind"), [(NET, "recurrent"), (KALMAN, "online")])
def test_memory_stored_between_answers_changes_nothing(raw: bytes, kind: str) -> None:
    tracer = serving.read(raw)
    assert tracer.kind == kind
    np.testing.assert_allclose(walked(tracer), serving.replay(tracer, TABLE), rtol=0, atol=1e-9)


def test_a_net_without_weight_says_what_its_kalman_step_says() -> None:
    tracer = serving.read(serving.write(nets.arrays(TABLE.item_ids, TABLE.point_ids, size=0.0)))
    np.testing.assert_allclose(serving.replay(tracer, TABLE), online.replay(tracer.params, TABLE), rtol=0, atol=1e-6)


def test_the_same_arrays_have_the_same_bytes_in_whatever_order() -> None:
    arrays = nets.arrays(TABLE.item_ids, TABLE.point_ids)
    assert serving.write(dict(reversed(arrays.items()))) == NET


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.into.weight", np.zeros((8, 5), np.float32)),  # a narrower question than it is asked
        ("net.second.bias", np.asarray([np.nan], np.float32)),
        ("format", np.asarray([9])),
    ],
)
def test_a_net_that_cannot_answer_is_refused_before_it_serves(name: str, value: np.ndarray) -> None:
    arrays = nets.arrays(TABLE.item_ids, TABLE.point_ids) | {name: value}
    with pytest.raises(ValueError, match="no tracer in these"):
        serving.read(serving.write(arrays))


def test_a_row_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no row called 'x:'"):
        serving.unpack([("x:", b"")])
