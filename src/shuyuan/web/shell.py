"""What every page shares: language, theme, class switch, navigation, the demo band, and rendering with autoescape.

`show` renders a whole page, `part` a fragment for a small update. A page never passes words, only values: the
templates say them through `t("key")`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from shuyuan.identity.interface import Identity, Principal
from shuyuan.learning.courses.interface import Courses, CourseSummary, Text
from shuyuan.learning.people.interface import Class, People
from shuyuan.web import nav, preferences, render

Values = Mapping[str, object]


@dataclass(frozen=True)
class Place:
    """Which class and course one looks at, and which others there are."""

    classes: tuple[Class, ...] = ()
    class_: Class | None = None
    courses: tuple[CourseSummary, ...] = ()
    course: CourseSummary | None = None
    names: Mapping[str, Text] = field(default_factory=dict)  # course id → title, of the whole school

    @property
    def others(self) -> tuple[tuple[Class, str], ...]:
        """(class, course id) pairs one may switch to."""
        return tuple((one, course_id) for one in self.classes for course_id in one.course_ids or ("",))


class Shell:
    """The frame round every page."""

    def __init__(self, identity: Identity, people: People, courses: Courses, timezone: str) -> None:
        """timezone: the school's, in which the pages tell every time."""
        self.identity, self.people, self.courses = identity, people, courses
        self.zone = ZoneInfo(timezone)

    def place(self, request: Request, principal: Principal) -> Place:
        """The class and course in the cookie if one may see them, else the first."""
        if principal.role not in ("student", "teacher"):
            return Place()
        wish = preferences.read(request, principal)
        classes = tuple(self.people.classes(principal))
        class_ = next((one for one in classes if one.id == wish.class_id), classes[0] if classes else None)
        known = {course.id: course for course in self.courses.courses(principal.school_id)}
        mine = tuple(known[course_id] for course_id in (class_.course_ids if class_ else ()) if course_id in known)
        course = next((one for one in mine if one.id == wish.course_id), mine[0] if mine else None)
        return Place(classes, class_, mine, course, {one.id: one.title for one in known.values()})

    def show(
        self,
        request: Request,
        template: str,
        values: Values | None = None,
        *,
        principal: Principal | None = None,
        status: int = 200,
        here: str = "",
        place: Place | None = None,
        **more: object,
    ) -> Response:
        """A whole page. here: the name of its entry in the navigation."""
        frame = self._frame(request, principal, place) | {"here": here}
        return render.answer(request, template, {**frame, **(values or {}), **more}, status)

    def part(
        self,
        request: Request,
        template: str,
        values: Values | None = None,
        *,
        principal: Principal,
        status: int = 200,
        **more: object,
    ) -> Response:
        """A fragment for htmx: the same words and filters, no frame."""
        tongue = render.tongue(request, principal, self.zone)
        return render.answer(request, template, {**tongue, **(values or {}), **more}, status)

    def _frame(self, request: Request, principal: Principal | None, place: Place | None) -> dict[str, object]:
        if place is None:
            place = self.place(request, principal) if principal is not None else Place()
        return render.tongue(request, principal, self.zone) | {
            "place": place,
            "nav": nav.NAV[principal.role] if principal else (),
            "demo": self._is_demo(principal),
        }

    def _is_demo(self, principal: Principal | None) -> bool:
        if principal is not None:
            return self.identity.school(principal.school_id).demo
        return any(school.demo for school in self.identity.schools())


def is_part(request: Request) -> bool:
    """Whether htmx asks for a fragment only."""
    return request.headers.get("hx-request") == "true"
