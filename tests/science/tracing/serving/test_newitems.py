"""Items nobody has answered: read by their words where that helps, and only there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from tests.science.tracing.serving import nets

from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.serving import newitems

ITEMS, WIDTH = 200, 6
POINTS = ("p0", "p1")


def ids(numbers: Sequence[int]) -> list[str]:
    return [f"i{number}" for number in numbers]


def worded(numbers: Sequence[int], vectors: npt.NDArray[np.float64]) -> newitems.Worded:
    return newitems.Worded(ids(numbers), [(POINTS[number % 2],) for number in numbers], vectors[list(numbers)])


class School:
    """What items say tells `share` of how hard they are. Answers to the first `asked` items."""

    def __init__(self, share: float, asked: int = 160, learners: int = 60) -> None:
        rng = np.random.default_rng(3)
        self.vectors = rng.normal(size=(ITEMS, WIDTH))
        said = self.vectors @ rng.normal(size=WIDTH)
        self.difficulty = 1.2 * (share * said / said.std() + (1 - share) * rng.normal(size=ITEMS))
        ability = rng.normal(0, 0.7, 2 * learners)
        self.fit, self.strangers = (
            online.Interactions.of(
                online.Answer(who, f"i{item}", [POINTS[item % 2]], bool(rng.random() < self._p(ability[who], item)))
                for who in range(first, first + learners)
                for item in rng.integers(0, asked, 30)
            )
            for first in (0, learners)
        )
        self.worded = worded(range(ITEMS), self.vectors)
        self.tracer = serving.Tracer(online.fit(self.fit, seed=0))

    def _p(self, ability: float, item: int) -> float:
        return float(1 / (1 + np.exp(self.difficulty[item] - ability)))

    def found(self, tracer: serving.Tracer | None = None) -> newitems.Guesses:
        found = newitems.guess(tracer or self.tracer, self.fit, self.strangers, self.worded)
        assert found is not None
        assert found.judged is not None
        return found


@pytest.fixture(scope="module")
def telling() -> School:
    return School(share=1.0)


def test_items_are_read_by_their_words_where_those_tell_how_hard_they_are(telling: School) -> None:
    found = telling.found()
    assert found.chosen.helps
    assert found.judged is not None
    assert found.judged.helps
    assert found.judged.auc > found.judged.average_auc + 0.05
    new = [key for key in telling.worded.item_ids if key not in telling.tracer.params.items]
    assert sorted(found.difficulties) == sorted(new)
    assert len(new) >= ITEMS - 160
    truth = [telling.difficulty[int(key[1:])] for key in new]
    assert np.corrcoef([found.difficulties[key] for key in new], truth)[0, 1] > 0.7


def test_words_that_tell_nothing_are_not_believed() -> None:
    found = School(share=0.0).found()
    assert not found.chosen.helps
    assert found.judged is not None
    assert not found.judged.helps


def test_luck_with_a_few_items_is_no_certainty_however_many_learners_answer_them() -> None:
    items, learners = 10, 300
    answers = (
        online.Answer(who, f"i{item}", ["p"], (who + item) % 2 == 0) for who in range(learners) for item in range(items)
    )
    table = online.Interactions.of(answers)
    lucky = np.asarray([int(table.item_ids[place][1:]) < 6 for place in table.item])
    better = np.where(table.correct, 0.6, 0.4)
    found = newitems.compared(
        table, np.arange(len(table)), np.where(lucky, better, 1 - better), np.full(len(table), 0.5)
    )
    assert found is not None
    assert found.difference < 0
    assert not found.helps
    told = newitems.compared(table, np.arange(len(table)), better, np.full(len(table), 0.5))
    assert told is not None
    assert told.helps


def test_an_item_is_hidden_from_the_guess_it_is_judged_by(telling: School) -> None:
    told = {key: np.eye(ITEMS)[place] for place, key in enumerate(telling.worded.item_ids)}
    every = telling.worded._replace(vectors=np.stack([told[key] for key in telling.worded.item_ids]))
    found = newitems.guess(telling.tracer, telling.fit, telling.strangers, every)
    assert found is not None
    assert not found.chosen.helps


def test_items_of_a_point_nobody_met_are_not_guessed(telling: School) -> None:
    known, new = worded(range(100), telling.vectors), worded([150, 151], telling.vectors)
    params = newitems.without_items(telling.tracer, new.item_ids).params
    assert sorted(newitems.reading(params, telling.fit, known, new)) == ["i150", "i151"]
    elsewhere = new._replace(point_ids=[("never met", "p0"), new.point_ids[1]])
    assert sorted(newitems.reading(params, telling.fit, known, elsewhere)) == ["i151"]


def test_too_few_items_or_answers_are_not_guessed_from(telling: School) -> None:
    few = worded(range(newitems.FEWEST_ITEMS - 1), telling.vectors)
    assert newitems.guess(telling.tracer, telling.fit, telling.strangers, few) is None
    short = telling.fit.take(np.arange(newitems.FEWEST_ANSWERS - 1))
    assert newitems.guess(telling.tracer, short, telling.strangers, telling.worded) is None
    nobody = newitems.guess(telling.tracer, telling.fit, short, telling.worded)
    assert nobody is not None
    assert nobody.judged is None


def test_a_net_is_as_if_it_had_never_met_a_hidden_item_and_takes_guesses(telling: School) -> None:
    known = list(telling.tracer.params.items)
    raw = serving.write(nets.arrays(known, POINTS, size=0.0, params=telling.tracer.params, easier={known[0]: 3.0}))
    tracer, memory = serving.read(raw), serving.Memory()
    point = telling.worded.point_ids[telling.worded.item_ids.index(known[0])]
    unknown = serving.predict(tracer, memory, "never met", point)
    assert serving.predict(tracer, memory, known[0], point) > unknown
    hidden = newitems.without_items(tracer, known[:1])
    assert serving.predict(hidden, memory, known[0], point) == pytest.approx(unknown)
    assert telling.found(tracer).chosen.helps
    guessed = serving.read(serving.with_params(raw, newitems.with_items(tracer.params, {"never met": 2.0})))
    assert serving.predict(guessed, memory, "never met", point) < unknown
    assert guessed.kind == "recurrent"
    assert guessed.net is not None
    assert guessed.net.trust == 1.0


def test_to_a_net_a_guessed_item_is_still_one_nobody_answered(telling: School) -> None:
    known = list(telling.tracer.params.items)
    raw = serving.write(nets.arrays(known, POINTS, params=telling.tracer.params))
    tracer, memory = serving.read(raw), serving.Memory()
    guessed = serving.read(serving.with_params(raw, newitems.with_items(tracer.params, {"new": 0.0})))
    assert guessed.params.met(known[0])
    assert not guessed.params.met("new")
    assert serving.predict(guessed, memory, "new", ["p0"]) == serving.predict(tracer, memory, "new", ["p0"])
