"""What every page shares: language, theme, class switch, navigation, the demo band, and rendering with autoescape.

`show` renders a whole page, `part` a fragment for a small update. A page never passes words, only values: the
templates say them through `t("key")`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import jinja2
from fastapi import Request, Response

from shuyuan.identity.interface import Identity, Principal
from shuyuan.learning.courses.interface import Courses, CourseSummary
from shuyuan.learning.people.interface import Class, People
from shuyuan.web import filters, glossary, nav, preferences, static

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Place:
    """Which class and course one looks at, and which others there are."""

    classes: tuple[Class, ...] = ()
    class_: Class | None = None
    courses: tuple[CourseSummary, ...] = ()
    course: CourseSummary | None = None

    @property
    def others(self) -> tuple[tuple[Class, str], ...]:
        """(class, course id) pairs one may switch to."""
        return tuple((one, course_id) for one in self.classes for course_id in one.course_ids or ("",))


class Shell:
    """The frame round every page."""

    def __init__(self, identity: Identity, people: People, courses: Courses) -> None:
        self.identity, self.people, self.courses = identity, people, courses
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("shuyuan.web"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )
        self.templates.globals.update(asset=static.url, has_asset=static.present)
        self.templates.filters.update(filters.ALL)

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
        return Place(classes, class_, mine, course)

    def show(
        self, request: Request, template: str, *, principal: Principal | None = None, status: int = 200,
        here: str = "", place: Place | None = None, **values: object,
    ) -> Response:
        """A whole page. here: the name of its entry in the navigation."""
        frame = self._frame(request, principal, place) | {"here": here}
        return self._answer(request, template, frame | values, status)

    def part(
        self, request: Request, template: str, *, principal: Principal, status: int = 200, **values: object
    ) -> Response:
        """A fragment for htmx: the same words and filters, no frame."""
        return self._answer(request, template, self._tongue(request, principal) | values, status)

    def language(self, request: Request, principal: Principal | None) -> glossary.Language:
        """The language of this answer."""
        return preferences.read(request, principal).language

    def _answer(self, request: Request, template: str, values: Mapping[str, object], status: int) -> Response:
        body = self.templates.get_template(template).render(values).encode()
        return static.packed_response(request, body, HTML, status=status)

    def _tongue(self, request: Request, principal: Principal | None) -> dict[str, object]:
        language = self.language(request, principal)
        return {
            "lang": language, "t": partial(glossary.say, language), "principal": principal,
            "now": datetime.now().astimezone(), "is_part": request.headers.get("hx-request") == "true",
        }

    def _frame(self, request: Request, principal: Principal | None, place: Place | None) -> dict[str, object]:
        if place is None:
            place = self.place(request, principal) if principal is not None else Place()
        query = f"?{request.url.query}" if request.url.query else ""
        names = {one.id: one.title for one in self.courses.courses(principal.school_id)} if place.classes and (
            principal) else {}
        return self._tongue(request, principal) | {
            "theme": preferences.read(request, principal).theme, "place": place, "course_names": names,
            "nav": nav.NAV[principal.role] if principal else (), "home": nav.home(principal.role) if principal else "/",
            "back": preferences.safe_back(request.url.path + query) if request.method == "GET" else "/",
            "demo": self._is_demo(principal),
        }

    def _is_demo(self, principal: Principal | None) -> bool:
        if principal is not None:
            return self.identity.school(principal.school_id).demo
        return any(school.demo for school in self.identity.schools())


def is_part(request: Request) -> bool:
    """Whether htmx asks for a fragment only."""
    return request.headers.get("hx-request") == "true"
