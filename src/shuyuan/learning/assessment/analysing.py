"""A question read by people: how hard, does it tell strong from weak, does it fit, what was chosen instead. Pure.

Words, not verdicts: below FEWEST_ANSWERS nothing is said. "Wrongly" needs the correlation with the rest to be below
zero by two standard errors, so that a class of thirty does not condemn a question by chance.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shuyuan.learning.assessment.calibrating import FEWEST_ANSWERS, Number
from shuyuan.learning.assessment.interface import Chosen, Favour, Fit, Flag, Hard, ItemAnalysis, Telling
from shuyuan.learning.courses.interface import Item, MultipleItem, SingleItem
from shuyuan.learning.records.interface import Response

WELL, HARDLY = 0.20, 0.08  # correlation with the rest
EASIEST, EASY, MEDIUM, HARD_TO = 0.92, 0.75, 0.50, 0.25  # share right
NOISY, TOO_REGULAR = 1.25, 0.75  # infit
WEAK_SHARE = 1 / 3  # of the learners: the group in which guessing shows
IDLE_SHARE = 0.03  # a wrong choice that fewer take does no work


def analysis(
    item: Item,
    number: Number | None,
    answers: Sequence[Response],
    strong: Mapping[str, float],
    favours: Sequence[Favour] = (),
    rest: tuple[float | None, int] = (None, 0),
) -> ItemAnalysis:
    """answers: first tries that count, of one question.  strong: learner → how much more they get right than others.
    rest: correlation with the rest in these answers, where no calibration has one."""
    share = sum(one.correct for one in answers) / len(answers) if answers else None
    enough = len(answers) >= FEWEST_ANSWERS or (number is not None and number.fitted)
    if number is not None and number.fitted:
        rest = number.rest, number.answers
    telling, fit = _telling(*rest, share) if enough else "unknown", _fit(number) if enough else "unknown"
    chosen = tuple(_chosen(item, answers, strong))
    return ItemAnalysis(
        item_id=item.id,
        answers=len(answers),
        share_right=share,
        hard=_hard(share) if enough else "unknown",
        telling=telling,
        fit=fit,
        guess=_guess(answers, strong) if enough else None,
        by_chance=by_chance(item),
        b=number.b if number is not None else None,
        error_b=number.error_b if number is not None else None,
        a=number.a if number is not None else None,
        error_a=number.error_a if number is not None else None,
        fitted=number is not None and number.fitted,
        chosen=chosen,
        flags=tuple(_flags(telling, fit, share, chosen, item, len(answers))) if enough else (),
        favours=tuple(favours),
        infit=number.infit if number is not None else None,
        outfit=number.outfit if number is not None else None,
        rest=rest[0] if enough else None,
    )


def by_chance(item: Item) -> float:
    """Chance of a right answer by picking blindly; 0 where something is written."""
    if isinstance(item, SingleItem):
        return 1 / len(item.choices)
    return 1 / (2 ** len(item.choices) - 1) if isinstance(item, MultipleItem) else 0.0


def strengths(responses: Iterable[Response]) -> dict[str, float]:
    """learner → how much more they got right than others on the same questions, in share of answers."""
    rows = list(responses)
    right, asked = Counter[str](), Counter[str]()
    for one in rows:
        asked[one.item_id] += 1
        right[one.item_id] += one.correct
    beyond: dict[str, list[float]] = defaultdict(list)
    for one in rows:
        beyond[one.learner_id].append(one.correct - right[one.item_id] / asked[one.item_id])
    return {who: sum(all_of) / len(all_of) for who, all_of in beyond.items()}


def tells_wrongly(rest: float | None, answers: int) -> bool:
    """Strong learners get it wrong more often than weak ones, beyond chance."""
    return rest is not None and answers > 3 and math.atanh(max(-0.999, rest)) * math.sqrt(answers - 3) < -2.0


def _telling(rest: float | None, answers: int, share: float | None) -> Telling:
    if rest is None:
        return "hardly" if share in (0.0, 1.0) else "unknown"
    if tells_wrongly(rest, answers):
        return "wrongly"
    return "well" if rest >= WELL else "somewhat" if rest >= HARDLY else "hardly"


def _hard(share: float | None) -> Hard:
    if share is None:
        return "unknown"
    words: tuple[tuple[float, Hard], ...] = (
        (EASIEST, "very easy"),
        (EASY, "easy"),
        (MEDIUM, "medium"),
        (HARD_TO, "hard"),
    )
    return next((word for floor, word in words if share >= floor), "very hard")


def _fit(number: Number | None) -> Fit:
    if number is None or number.infit is None:
        return "unknown"
    return "noisy" if number.infit > NOISY else "too regular" if number.infit < TOO_REGULAR else "well"


def _guess(answers: Sequence[Response], strong: Mapping[str, float]) -> float | None:
    """Share right among the weakest third: what is got right without knowing."""
    known = sorted((one for one in answers if one.learner_id in strong), key=lambda one: strong[one.learner_id])
    weak = known[: int(len(known) * WEAK_SHARE)]
    return sum(one.correct for one in weak) / len(weak) if weak else None


def _chosen(item: Item, answers: Sequence[Response], strong: Mapping[str, float]) -> Iterable[Chosen]:
    """Each choice, or each known mistake, with who took it; the right one first, then the most taken."""
    middle = sorted(strong.values())[len(strong) // 2] if strong else 0.0
    times, by_strong = Counter[str](), Counter[str]()
    for one in answers:
        for key in _keys(item, one):
            times[key] += 1
            by_strong[key] += strong.get(one.learner_id, -math.inf) >= middle
    if isinstance(item, SingleItem | MultipleItem):
        offered = [(one.id, one.correct, one.misconception) for one in item.choices]
    else:
        offered = [("", True, None), *((one, False, one) for one in times if one)]
    for key, correct, misconception in sorted(offered, key=lambda one: (not one[1], -times[one[0]], one[0])):
        yield Chosen(key, correct, misconception, times[key], by_strong[key], len(answers))


def _keys(item: Item, response: Response) -> Iterable[str]:
    if isinstance(item, SingleItem | MultipleItem):
        return [one for one in response.answer.split(",") if one]
    return [""] if response.correct else [response.misconception or "?"]


def _flags(
    telling: Telling, fit: Fit, share: float | None, chosen: Sequence[Chosen], item: Item, answers: int
) -> Iterable[Flag]:
    if telling == "wrongly":
        yield "check the key"
    wrong = [one for one in chosen if not one.correct and one.choice]
    if any(one.by_strong > _right(chosen).by_strong and one.times > 2 for one in wrong):
        yield "the strong choose another"
    if share is not None and share >= EASIEST:
        yield "too easy to tell"
    if share is not None and share < HARD_TO and telling in ("hardly", "unknown"):
        yield "hard for everybody"
    if isinstance(item, SingleItem) and any(one.times <= IDLE_SHARE * answers for one in wrong):
        yield "a choice nobody takes"
    if fit == "noisy":
        yield "answers look like chance"


def _right(chosen: Sequence[Chosen]) -> Chosen:
    return next(one for one in chosen if one.correct)
