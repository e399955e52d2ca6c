"""What Assign and Papers have in common: which topic, which pupils, how many questions; and what each would get."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Query

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.web import needs as web_needs
from shuyuan.web import shell
from shuyuan.web.answers import Lines
from shuyuan.web.pages import teacher

MOST = 20  # questions each
SAMPLE_SEED = 1


@dataclass(frozen=True)
class Wish:
    """What a teacher ticked. pressed: they asked for the preview or the thing itself, rather than came to choose."""

    point_id: str
    learner_ids: tuple[str, ...]
    count: int | None
    pressed: bool

    @property
    def course_id(self) -> str:
        """The course the topic belongs to."""
        return self.point_id.partition(".")[0]

    @property
    def whole(self) -> bool:
        """Whether there is something to preview or to give."""
        return self.pressed and bool(self.point_id and self.learner_ids)

    def questions(self, usual: int) -> int:
        """How many each gets: the wish within its limits, else `usual`."""
        return usual if self.count is None else min(max(self.count, 1), MOST)


def _looked(
    learner: Annotated[list[str], Query(default_factory=list)],
    point_id: str = "",
    count: int | None = None,
    look: bool = False,
    change: bool = False,
) -> Wish:
    return Wish(point_id, tuple(learner), count, pressed=(look or bool(learner)) and not change)


def _sent(
    learner: Annotated[list[str], Form(default_factory=list)],
    point_id: Annotated[str, Form()],
    count: Annotated[int | None, Form()] = None,
) -> Wish:
    return Wish(point_id, tuple(learner), count, pressed=True)


Looked = Annotated[Wish, Depends(_looked)]  # from the address of a page
Sent = Annotated[Wish, Depends(_sent)]  # from a form that does it


def values(needs: web_needs.Needs, reader: Principal, place: shell.Place, wish: Wish, usual: int) -> dict[str, object]:
    """What choose.html and each.html say: topics and pupils to choose from, and once both are chosen the preview."""
    learners = needs.people.learners(reader, place.class_.id) if place.class_ else []
    points = teacher.points_of(needs, reader, place.course.id) if place.course else {}
    if wish.point_id and wish.point_id not in points:
        raise errors.NotFound(f"no topic {wish.point_id} in this course", fix="choose one of the list")
    chosen: dict[str, object] = {
        "learners": sorted(learners, key=lambda one: one.number),
        "points": points,
        "point": points.get(wish.point_id),
        "chosen": set(wish.learner_ids),
        "count": wish.questions(usual),
        "nobody": wish.pressed and not wish.learner_ids,
        "previews": None,
    }
    return chosen | (_previews(needs, reader, place, wish, usual) if wish.whole and place.class_ else {})


def class_id(place: shell.Place) -> str:
    """The class one looks at. NotFound for a teacher without one."""
    if place.class_ is None:
        raise errors.NotFound("you have no class", fix="ask your administrator to add you to one")
    return place.class_.id


def _previews(
    needs: web_needs.Needs, reader: Principal, place: shell.Place, wish: Wish, usual: int
) -> dict[str, object]:
    """What each one would get; the first one's questions as a sample."""
    previews = needs.assessment.preview(
        reader,
        class_id=class_id(place),
        learner_ids=wish.learner_ids,
        course_id=wish.course_id,
        point_id=wish.point_id,
        count=wish.questions(usual),
    )
    names = {one.id: one for one in needs.people.learners(reader, class_id(place))}
    lines = Lines(needs.courses, reader)
    sample = [lines.question(item, SAMPLE_SEED) for item in previews[0].item_ids]
    return {
        "previews": [(names[one.learner_id], one) for one in previews],
        "sample": [question for question in sample if question is not None],
    }
