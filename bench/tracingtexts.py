"""New items by what they say: how much better their first answers are foretold than those of average items.

Texts and difficulties of `text_tal_scq5k` are real (levels its authors gave), the answers to them simulated: no set
here has both. Answers of `kt_assist2009_pid` are real, its texts are names of skills only: told is whether a name helps
with items of skills that were hidden from the fit.
"""

import gzip
import importlib
import json
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench import harness, tracingsets
from shuyuan.kernel import errors
from shuyuan.science import metrics
from shuyuan.science.metrics import resampling
from shuyuan.science.text import wordvectors
from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.interactions import Answer, Interactions
from shuyuan.science.tracing.serving import newitems

PROTOCOL = (
    "new items by text: ridge from hashed words and vectors of the embed model, strength chosen on known items; tal = "
    "problems of text_tal_scq5k, a fifth never answered in the fit, authors' level as true difficulty (one standard "
    "deviation = 1 logit), 600 simulated learners of 60 answers, judged on 200 others; names = kt_assist2009_pid fold "
    "0 without its skills, items of a fifth of them hidden from the fit and read by the skills' names; average = a new "
    "item is an average one of its points"
)
LEARNERS, STRANGERS, ANSWERS, HIDDEN = 600, 200, 60, 5
Floats = npt.NDArray[np.float64]
Figures = dict[str, harness.Figure]


class _Parts(NamedTuple):
    fit: Interactions
    strangers: Interactions
    items: newitems.Worded


def figures() -> Figures:
    """Both languages, then names."""
    found: Figures = {}
    for language, part in (("en", "en"), ("zh", "ch")):
        found |= {f"new_tal_{language}_{name}": value for name, value in _tal(part).items()}
    return found | {f"new_names_{name}": value for name, value in _names().items()}


def _tal(part: str) -> Figures:
    path = harness.data_folder("text_tal_scq5k") / f"{part}_train.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    level = np.asarray([float(row["difficulty"]) for row in rows])
    truth = (level - level.mean()) / level.std()
    words, meaning = _vectors([_problem(row) for row in rows])
    found: Figures = {}
    for name, vectors in (("words", words), ("both", np.hstack([words, meaning]))):
        parts, new = _simulated(rows, truth, vectors)
        told = _foretold(parts, new, truth)
        found |= {f"{name}_{figure}": value for figure, value in told.items()} if name == "words" else told
    return found


def _problem(row: dict[str, Any]) -> str:  # Any: JSON
    options = (one[0] if isinstance(one, list) else one for one in row["answer_option_list"])
    return " ".join((row["problem"], *(one["text"] for one in options)))


def _field(row: dict[str, Any]) -> str:  # Any: JSON
    """The third element of the first route: a field of mathematics."""
    route = "->".join(row["knowledge_point_routes"][:1]).split("->")
    return route[2] if len(route) > 2 else ""


def _simulated(rows: list[dict[str, Any]], truth: Floats, vectors: Floats) -> tuple[_Parts, list[int]]:  # Any: JSON
    """Answers of learners who know each field of mathematics more or less well; every fifth item is new."""
    fields = [_field(row) for row in rows]
    places = {name: place for place, name in enumerate(dict.fromkeys(fields))}
    rng = np.random.default_rng(11)
    new = sorted(rng.permutation(len(rows))[: len(rows) // HIDDEN].tolist())
    old = sorted(set(range(len(rows))) - set(new))

    def answers(learners: int, asked: list[int]) -> Interactions:
        able = rng.normal(0, 0.8, learners)[:, None] + rng.normal(0, 0.5, (learners, len(places)))
        return Interactions.of(
            Answer(
                who, f"q{item}", [fields[item]], bool(rng.random() < _p(able[who, places[fields[item]]], truth[item]))
            )
            for who in range(learners)
            for item in rng.choice(asked, ANSWERS)
        )

    every = list(range(len(rows)))
    worded = newitems.Worded([f"q{item}" for item in every], [[field] for field in fields], vectors)
    return _Parts(answers(LEARNERS, old), answers(STRANGERS, every), worded), new


def _p(able: float, hard: float) -> float:
    return float(1 / (1 + np.exp(hard - able)))


def _foretold(parts: _Parts, new: list[int], truth: Floats) -> Figures:
    tracer = serving.Tracer(online.fit(parts.fit, seed=0))
    found = newitems.guess(tracer, parts.fit, parts.strangers, parts.items)
    assert found is not None  # thousands of items
    read = [item for item in new if f"q{item}" in found.difficulties]  # but for those of a field nobody met
    told = [found.difficulties[f"q{item}"] for item in read]
    hidden = {f"q{item}" for item in new}
    compared = _compared(tracer.params, newitems.with_items(tracer.params, found.difficulties), parts.strangers, hidden)
    known = newitems.with_items(tracer.params, {f"q{item}": float(truth[item]) for item in new})
    best = _compared(tracer.params, known, parts.strangers, hidden)
    return {
        **compared,
        "auc_if_level_were_known": best["auc"],
        "correlation_with_level": metrics.correlation(np.asarray(told), truth[read]),
        "chosen": found.chosen.helps,
    }


def _names() -> Figures:
    part = tracingsets.load("kt_assist2009_pid")
    named = json.loads((harness.data_folder("kt_assist2009_pid") / "skill_names.json").read_text())
    names = {str(number): name for name, number in named.items()}
    points = sorted({*part.train.point_ids, *part.test.point_ids})
    dealt = np.random.default_rng(0).permutation(len(points))[: len(points) // HIDDEN].tolist()
    hidden_points = {points[place] for place in dealt}
    fit = _without_points(part.train.take(np.flatnonzero(~_of_points(part.train, hidden_points))))
    params = online.fit(fit, seed=0)
    hidden = _items(part.test, hidden_points) - set(params.items)
    words, meaning = _vectors([names[key] for key in points])
    vectors = dict(zip(points, np.hstack([words, meaning]), strict=True))
    known = {key: some for key, some in _points_of_items(part.train).items() if key in params.items}
    new = {key: some for key, some in _points_of_items(part.test).items() if key in hidden}
    told = newitems.reading(params, fit, _worded(known, vectors), _worded(new, vectors))
    return _compared(params, newitems.with_items(params, told), _without_points(part.test), hidden)


def _without_points(table: Interactions) -> Interactions:
    """How hard an item is, is then all its own: a skill that is new is a text that is new, and no more."""
    return replace(table, starts=np.zeros(len(table) + 1, np.int64), point=np.zeros(0, np.int64), point_ids=())


def _worded(items: dict[str, list[str]], vectors: dict[str, Floats]) -> newitems.Worded:
    means = [np.mean([vectors[key] for key in points], 0) for points in items.values()]
    return newitems.Worded(list(items), [()] * len(items), np.stack(means))


def _compared(average: online.Params, guessed: online.Params, table: Interactions, hidden: set[str]) -> Figures:
    """Both on the same answers: those to hidden items."""
    rows = np.flatnonzero(np.append([key in hidden for key in table.item_ids], False)[table.item])
    correct, learner = table.correct[rows], table.learner[rows]
    p, without = online.replay(guessed, table)[rows], online.replay(average, table)[rows]
    gained = metrics.log_losses(correct, without) - metrics.log_losses(correct, p)
    low, high = resampling.bounds(lambda some: float(gained[some].mean()), len(rows), person=learner)
    return {
        "answers": len(rows),
        "items": len(hidden),
        "auc": metrics.auc(correct, p),
        "auc_average": metrics.auc(correct, without),
        "log_loss": metrics.log_loss(correct, p),
        "log_loss_average": metrics.log_loss(correct, without),
        "gained": float(gained.mean()),
        "gained_low": low,
        "gained_high": high,
    }


def _of_points(table: Interactions, points: set[str]) -> npt.NDArray[np.bool_]:
    """(N,) whether the row has one of these."""
    wanted = np.asarray([key in points for key in table.point_ids])[table.point]
    return np.bincount(table.row, wanted, len(table)) > 0


def _items(table: Interactions, points: set[str]) -> set[str]:
    return {table.item_ids[place] for place in np.unique(table.item[_of_points(table, points)]).tolist()}


def _points_of_items(table: Interactions) -> dict[str, list[str]]:
    """Of each item, as it was first asked."""
    items, first = np.unique(table.item, return_index=True)
    return {
        table.item_ids[item]: [
            table.point_ids[place] for place in table.point[table.starts[row] : table.starts[row + 1]]
        ]
        for item, row in zip(items.tolist(), first.tolist(), strict=True)
    }


def _vectors(texts: list[str]) -> tuple[Floats, Floats]:
    """Of words, and of meaning: (texts, 0) where the search model is not on this machine."""
    words = wordvectors.of(texts)
    try:
        meaning = importlib.import_module("shuyuan.maas.training.vectors").of(texts, "embed")
    except errors.ShuyuanError as missing:
        print(f"words alone: {missing.message}", flush=True)
        meaning = np.zeros((len(texts), 0))
    return words, meaning.astype(np.float64)


if __name__ == "__main__":
    harness.report("tracingtexts", figures(), PROTOCOL, {}, ("numpy",))
