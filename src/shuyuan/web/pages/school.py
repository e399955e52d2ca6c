"""People: who is here? Classes with their codes, adults' accounts, new PINs and passwords (shown once)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity import interface as identity_interface
from shuyuan.identity.interface import Account, Principal, Role
from shuyuan.kernel import errors
from shuyuan.web import preferences
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.pages import common
from shuyuan.web.reading import Reader

SEE_OTHER = 303
ONCE = "/admin/people/once"
ADULTS: tuple[Role, ...] = ("teacher", "admin", "developer", "guardian")
NOTICES = ("class_created", "class_changed", "teacher_added", "account_changed")


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/people…` except the class list."""
    api = APIRouter(include_in_schema=False)
    _classes(api, needs)
    _accounts(api, needs)

    @api.get("/admin/people")
    def people(request: Request, reader: Reader, notice: str = "") -> Response:
        return _page(needs, request, reader, notice=notice if notice in NOTICES else "")

    return api


def _classes(api: APIRouter, needs: OfficeNeeds) -> None:
    @api.post("/admin/people/classes")
    def create(
        request: Request,
        reader: Reader,
        name: Annotated[str, Form()] = "",
        course_id: Annotated[Sequence[str], Form()] = (),
    ) -> Response:
        try:
            made = needs.people.create_class(reader, name, course_ids=course_id)
        except (errors.BadInput, errors.Conflict) as wrong:
            return _page(needs, request, reader, trouble=wrong, status=wrong.status)
        return RedirectResponse(f"/admin/people/classes/{made.id}?notice=class_created", SEE_OTHER)

    @api.get("/admin/people/classes/{class_id}")
    def one(request: Request, reader: Reader, class_id: str, notice: str = "") -> Response:
        return _class_page(needs, request, reader, class_id, notice=notice if notice in NOTICES else "")

    @api.post("/admin/people/classes/{class_id}")
    def change(
        reader: Reader,
        class_id: str,
        course_id: Annotated[Sequence[str], Form()] = (),
        tutor: Annotated[str, Form()] = "",
    ) -> Response:
        before = needs.people.class_(reader, class_id)
        kept = [one for one in before.course_ids if one in course_id]  # in their order: the first is the class's own
        chosen = [*kept, *(one for one in course_id if one not in kept)]
        if tuple(chosen) != before.course_ids:
            needs.people.set_courses(reader, class_id, chosen)
        if bool(tutor) != before.tutor_on:
            needs.people.set_tutor(reader, class_id, bool(tutor))
        return RedirectResponse(f"/admin/people/classes/{class_id}?notice=class_changed", SEE_OTHER)

    @api.post("/admin/people/classes/{class_id}/teachers")
    def teachers(
        reader: Reader,
        class_id: str,
        account_id: Annotated[str, Form()],
        leave: Annotated[str, Form()] = "",
    ) -> Response:
        verb = needs.people.leave_teacher if leave else needs.people.join_teacher
        verb(reader, class_id, account_id)
        return RedirectResponse(f"/admin/people/classes/{class_id}?notice=class_changed", SEE_OTHER)

    @api.post("/admin/people/learners/{learner_id}/pin")
    def new_pin(request: Request, reader: Reader, learner_id: str) -> Response:
        learner = needs.people.learner(reader, learner_id)
        pin = needs.people.reset_pin(reader, learner_id)
        return _class_page(needs, request, reader, learner.class_id, shown=(learner.name, pin))

    @api.post(ONCE)
    def once_more(
        request: Request,
        reader: Reader,
        name: Annotated[str, Form()],
        secret: Annotated[str, Form()],
        login: Annotated[str, Form()] = "",
        class_id: Annotated[str, Form()] = "",
        lang: Annotated[str, Form()] = "",
        theme: Annotated[str, Form()] = "",
    ) -> Response:
        """A page with a secret that is stored nowhere, from its own form, in the language and theme now chosen."""
        preferences.choose(request, lang, theme)
        if class_id:
            page = _class_page(needs, request, reader, class_id, shown=(name, secret))
        else:
            page = _page(needs, request, reader, shown=(name, secret), login=login)
        common.remember(needs.identity, reader, page, lang, theme)
        return page


def _accounts(api: APIRouter, needs: OfficeNeeds) -> None:
    @api.post("/admin/people/accounts")
    def create(
        request: Request,
        reader: Reader,
        name: Annotated[str, Form()] = "",
        login: Annotated[str, Form()] = "",
        role: Annotated[str, Form()] = "teacher",
    ) -> Response:
        password = identity_interface.new_password()
        try:
            chosen = _adult(role)
            hashed = needs.identity.hash_secret(password, chosen)
            needs.db.write(
                lambda uow: needs.identity.create_account(
                    uow,
                    school_id=reader.school_id,
                    role=chosen,
                    name=name,
                    login=login,
                    secret=hashed,
                    actor_id=reader.account_id,
                    language=reader.language,
                )
            )
        except (errors.BadInput, errors.Conflict) as wrong:
            return _page(needs, request, reader, trouble=wrong, status=wrong.status)
        return _page(needs, request, reader, shown=(name, password), login=login)

    @api.post("/admin/people/accounts/{account_id}/reset")
    def reset(request: Request, reader: Reader, account_id: str) -> Response:
        account = _of_an_adult(needs, reader, account_id)
        password = identity_interface.new_password()
        hashed = needs.identity.hash_secret(password, account.role)
        needs.db.write(
            lambda uow: needs.identity.set_secret(
                uow, school_id=reader.school_id, account_id=account.id, secret=hashed, actor_id=reader.account_id
            )
        )
        return _page(needs, request, reader, shown=(account.name, password))

    @api.post("/admin/people/accounts/{account_id}/active")
    def active(
        request: Request,
        reader: Reader,
        account_id: str,
        on: Annotated[str, Form()] = "",
    ) -> Response:
        account = _of_an_adult(needs, reader, account_id)
        try:
            needs.identity.set_active(reader, account.id, bool(on))
        except errors.Conflict as wrong:
            return _page(needs, request, reader, trouble=wrong, status=wrong.status)
        return RedirectResponse("/admin/people?notice=account_changed#adults", SEE_OTHER)


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    shown: tuple[str, str] | None = None,
    login: str = "",
    status: int = 200,
) -> Response:
    classes = needs.people.classes(reader)
    adults = [one for one in needs.identity.accounts(reader) if one.role != "student"]
    return needs.shell.show(
        request,
        "admin/people.html",
        _keep(shown, login=login),
        principal=reader,
        here="people",
        status=status,
        classes=classes,
        adults=adults,
        pupils=sum(class_.size for class_ in classes),
        roles=ADULTS,
        courses=needs.courses.courses(reader.school_id),
        notice=notice,
        trouble=trouble,
        shown=shown,
        login=login,
    )


def _class_page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    class_id: str,
    *,
    notice: str = "",
    shown: tuple[str, str] | None = None,
) -> Response:
    class_ = needs.people.class_(reader, class_id)
    staff = [one for one in needs.identity.accounts(reader) if one.role == "teacher" and one.active]
    teaching = {one.id for one in staff if class_id in _class_ids(needs, one)}
    return needs.shell.show(
        request,
        "admin/class.html",
        _keep(shown, class_id=class_id),
        principal=reader,
        here="people",
        class_=class_,
        notice=notice,
        trouble=None,
        learners=needs.people.learners(reader, class_id),
        courses=needs.courses.courses(reader.school_id),
        shown=shown,
        teaching=[one for one in staff if one.id in teaching],
        others=[one for one in staff if one.id not in teaching],
    )


def _keep(shown: tuple[str, str] | None, **more: str) -> dict[str, object]:
    """What the form for language and theme carries, so that a secret shown once is not lost by pressing it."""
    if shown is None:
        return {}
    return {"keep": (ONCE, [("name", shown[0]), ("secret", shown[1]), *more.items()])}


def _class_ids(needs: OfficeNeeds, teacher: Account) -> set[str]:
    """The classes a teacher has, as that teacher sees them."""
    eyes = Principal(account_id=teacher.id, school_id=teacher.school_id, role="teacher")
    return {class_.id for class_ in needs.people.classes(eyes)}


def _of_an_adult(needs: OfficeNeeds, reader: Principal, account_id: str) -> Account:
    account = needs.identity.account(reader, account_id)
    if account.role == "student":
        raise errors.Conflict(f"account {account.id} is a pupil", fix="give a new PIN on the page of the class")
    return account


def _adult(role: str) -> Role:
    for known in ADULTS:
        if role == known:
            return known
    raise errors.BadInput(f"role {role[:20]!r} cannot be given here", fix=f"choose {', '.join(ADULTS)}")
