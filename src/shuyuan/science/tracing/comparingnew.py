"""How well tracers foretell answers to questions nobody answered before: as average ones, and by what they say.

A fifth of the items is dealt out; no fit and no selection meets an answer to them. Strangers then answer them: every
tracer calls a hidden item an average one of its points, and those of READ once more by its text (`serving.newitems`).
Refuses: too few answers to hidden items. Where texts are missing or too few, it says so and tells the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from shuyuan.science import metrics
from shuyuan.science.text import wordvectors
from shuyuan.science.tracing import family, interchange
from shuyuan.science.tracing.interactions import NO_ITEM, Bools, Floats, Interactions, Ints
from shuyuan.science.tracing.serving import newitems

HIDDEN_SHARE = 0.2
FEWEST_ITEMS, FEWEST_ANSWERS = 5, 100  # hidden items that strangers answered, and their answers
MOST_TEXTS = 5_000  # vectors of more fill the memory of a small machine
MEANING = "meaning.npz"  # beside the answers: vectors of a sentence encoder, by item
READ = ("kalman", "recurrent")  # tracers that stand on the Kalman step, whose item difficulties a text can tell
MadeOf = Literal["words", "words and a sentence encoder"]
WhyNot = Literal["", "none", "differ", "few_items", "few_answers", "alike"]
NAMED = 5  # items whose texts differ that are named
_DEALT = "by the seed; answers to them are left out of fit and validation; each is called an average one of its points"


class TooFewHidden(ValueError):
    """Not enough answers to items that could be hidden."""


@dataclass(frozen=True)
class Texts:
    """Vectors of what items say. by_meaning: items of which a sentence encoder's is known.  differ: item → the line
    where it says another thing than before; it is none of `places`."""

    places: Mapping[str, int]  # item id → row
    vectors: Floats  # (items, D)
    by_meaning: int = 0
    differ: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, said: interchange.Said, meaning: Mapping[str, Floats] | None = None) -> "Texts":
        """Words of the first MOST_TEXTS texts, and what they mean; zero where `meaning` knows nothing of one."""
        some = dict(islice(said.texts.items(), MOST_TEXTS))
        if not some:
            return cls({}, np.zeros((0, 1)), differ=said.differ)
        vectors = wordvectors.of(list(some.values()))
        known = {key: meaning[key] for key in some if key in meaning} if meaning else {}
        if known:
            nothing = np.zeros_like(next(iter(known.values())))
            vectors = np.hstack([vectors, np.stack([known.get(key, nothing) for key in some])])
        return cls({key: row for row, key in enumerate(some)}, vectors, len(known), said.differ)

    @property
    def made_of(self) -> MadeOf:
        """What the vectors tell."""
        return "words and a sentence encoder" if self.by_meaning else "words"


NO_TEXTS = Texts.of(interchange.Said({}, {}))


def write_meaning(folder: Path, vectors: Mapping[str, newitems.Vectors]) -> None:
    """Beside the answers, for the process that reads them; no file where nothing is known."""
    if vectors:
        np.savez(folder / MEANING, items=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))


def read_meaning(folder: Path) -> dict[str, Floats]:
    """item → vector; empty without such a file."""
    if not (folder / MEANING).is_file():
        return {}
    with np.load(folder / MEANING, allow_pickle=False) as found:
        return dict(zip(found["items"].tolist(), found["vectors"].astype(np.float64), strict=True))


@dataclass(frozen=True)
class Hidden:
    """The three parts without hidden items, which only `test` still asks. asked: (N,) rows of `test` that do."""

    fit: Interactions
    validation: Interactions
    test: Interactions
    asked: Bools
    items: int
    of_items: int
    known: newitems.Worded
    new: newitems.Worded
    texts: Texts

    @property
    def read(self) -> Bools:
        """(N,) rows of `test` that ask a hidden item with a text."""
        return self.asked & _of(self.test, frozenset(self.new.item_ids))

    @property
    def why_not(self) -> WhyNot:
        """Why nothing is read from texts; empty where it is."""
        if not self.texts.places:
            return "differ" if self.texts.differ else "none"
        if len(self.known.item_ids) < newitems.FEWEST_ITEMS:
            return "few_items"
        rows = self.test.correct[self.read]
        if len(rows) < FEWEST_ANSWERS:
            return "few_answers"
        return "" if 0 < rows.sum() < len(rows) else "alike"

    def protocol(self) -> dict[str, Any]:
        """What the numbers stand on, JSON."""
        return {
            "dealt": _DEALT,
            "share": HIDDEN_SHARE,
            "items": self.items,
            "of_items": self.of_items,
            "items_asked": len(np.unique(self.test.item[self.asked])),
            "answers": int(self.asked.sum()),
            "texts": {
                "known_items": len(self.known.item_ids),
                "hidden_items": len(self.new.item_ids),
                "answers": int(self.read.sum()),
                "by_meaning": self.texts.by_meaning,
                "differing_items": len(self.texts.differ),
                "differ_at": dict(islice(self.texts.differ.items(), NAMED)),
            },
            "vectors": None if self.why_not else self.texts.made_of,
            "not_read": self.why_not or None,
        }


def hide(fit: Interactions, validation: Interactions, test: Interactions, seed: int, texts: Texts) -> Hidden:
    """Deal a fifth of the items out of parts of one table. Raises TooFewHidden."""
    used = np.unique(np.concatenate([part.item[part.item != NO_ITEM] for part in (fit, validation, test)]))
    ids = sorted(fit.item_ids[place] for place in used.tolist())
    dealt = np.random.default_rng(seed).permutation(len(ids))[: round(HIDDEN_SHARE * len(ids))]
    hidden = frozenset(ids[place] for place in dealt.tolist())
    asked = _of(test, hidden)
    rest = _without(fit, hidden)
    _refuse_few(test, asked, rest)
    worded = _points_of(fit, validation, test)
    known = _worded(sorted(set(rest.item_ids)), worded, texts)
    new = _worded(sorted(hidden), worded, texts)
    return Hidden(rest, _without(validation, hidden), test, asked, len(hidden), len(ids), known, new, texts)


def judge(name: str, hidden: Hidden, seed: int) -> dict[str, Any]:
    """Figures of one tracer on the answers to hidden items, JSON."""
    fitted = family.find(name).fit(hidden.fit, validation=hidden.validation, seed=seed)
    p = fitted.predict(hidden.test)
    rows = np.flatnonzero(hidden.asked)
    reads = name in READ and not hidden.why_not
    return {
        **dict(zip(("auc", "low", "high"), _auc(hidden.test, rows, p), strict=True)),
        "log_loss": metrics.log_loss(hidden.test.correct[rows], p[rows]),
        "by_text": _by_text(fitted, p, hidden) if reads else None,
    }


def rows(told: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:  # Any: JSON
    """(figure, value) of what `judge` told, flat; of nothing, nothing. Of `helps`, 1 or 0."""
    for where, part in (("hidden item", told), ("hidden item by text", told.get("by_text") or {})):
        yield from ((f"{where}: {figure}", value) for figure, value in part.items() if figure != "by_text")


def _by_text(fitted: family.Fitted, average: Floats, hidden: Hidden) -> dict[str, Any] | None:
    standing = cast(Any, fitted)  # Any: those of READ are frozen dataclasses with `params`
    told = newitems.reading(standing.params, hidden.fit, hidden.known, hidden.new)
    p = replace(standing, params=newitems.with_items(standing.params, told)).predict(hidden.test)
    rows = np.flatnonzero(hidden.read)
    judgement = newitems.compared(hidden.test, rows, p[rows], average[rows])
    if judgement is None:
        return None
    _, low, high = _auc(hidden.test, rows, p)
    return {**asdict(judgement), "auc_low": low, "auc_high": high, "helps": judgement.helps}


def _auc(test: Interactions, rows: Ints, p: Floats) -> tuple[float, float, float]:
    interval = metrics.bootstrap_by_group(metrics.auc, test.correct[rows], p[rows], test.learner[rows])
    return interval.value, interval.low, interval.high


def _refuse_few(test: Interactions, asked: Bools, rest: Interactions) -> None:
    answers, items = int(asked.sum()), len(np.unique(test.item[asked]))
    if items < FEWEST_ITEMS or answers < FEWEST_ANSWERS:
        raise TooFewHidden(
            f"strangers gave {answers} answers to {items} hidden items: new items are judged from {FEWEST_ANSWERS} "
            f"answers to {FEWEST_ITEMS} items on, so compare without new items"
        )
    if len(np.unique(test.correct[asked])) < 2 or len(np.unique(rest.correct)) < 2:
        raise TooFewHidden("with items hidden, the answers of a part are all right or all wrong: compare without")


def _without(table: Interactions, hidden: frozenset[str]) -> Interactions:
    """Rows of other items, and only the ids they name: a fit takes the ids of its table for known ones."""
    some = table.take(np.flatnonzero(~_of(table, hidden)))
    items, item = np.unique(some.item[some.item != NO_ITEM], return_inverse=True)
    points, point = np.unique(some.point, return_inverse=True)
    column = some.item.copy()
    column[some.item != NO_ITEM] = item
    return replace(
        some,
        item=column,
        point=point.astype(np.int64),
        item_ids=tuple(some.item_ids[place] for place in items.tolist()),
        point_ids=tuple(some.point_ids[place] for place in points.tolist()),
    )


def _of(table: Interactions, items: frozenset[str]) -> Bools:
    """(N,) whether the row is of one of these items; NO_ITEM is the last."""
    return np.append([key in items for key in table.item_ids], False)[table.item].astype(np.bool_)


def _points_of(*parts: Interactions) -> dict[str, tuple[str, ...]]:
    """item id → its points, as a row of it names them."""
    found: dict[str, tuple[str, ...]] = {}
    for part in parts:
        items, first = np.unique(part.item, return_index=True)
        for place, row in zip(items.tolist(), first.tolist(), strict=True):
            if place != NO_ITEM:
                points = part.point[part.starts[row] : part.starts[row + 1]].tolist()
                found.setdefault(part.item_ids[place], tuple(part.point_ids[one] for one in points))
    return found


def _worded(item_ids: list[str], points: Mapping[str, tuple[str, ...]], texts: Texts) -> newitems.Worded:
    ids = [key for key in item_ids if key in texts.places]
    rows = np.asarray([texts.places[key] for key in ids], np.int64)
    return newitems.Worded(ids, [points[key] for key in ids], texts.vectors[rows])
