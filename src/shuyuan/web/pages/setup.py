"""Setup (what remains before a class can start?), and the form of the first administrator."""

import secrets
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from shuyuan import migrations
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal
from shuyuan.kernel import backup as kernel_backup
from shuyuan.kernel import clock, errors
from shuyuan.learning.courses import interface as courses_interface
from shuyuan.web import capacity, checklist, machine, nav, preferences
from shuyuan.web.needs import Needs, OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
BACKUPS_KEPT = 3
NOTICES = ("backed_up", "named", "measured", "courses_loaded")
REFUSALS = ("weak_password", "login_taken")  # error codes that have words of their own


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin` and what its lines do."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin")
    def setup(request: Request, reader: Reader, notice: str = "") -> Response:
        return needs.shell.show(
            request,
            "setup/setup.html",
            _values(needs, reader),
            principal=reader,
            here="setup",
            notice=notice if notice in NOTICES else "",
            notice_values=_kept(needs),
            trouble=None,
        )

    @api.post("/admin/backup")
    def back_up(reader: Reader) -> Response:
        _back_up(needs, reader)
        return RedirectResponse("/admin?notice=backed_up", SEE_OTHER)

    @api.post("/admin/responsible")
    def name_responsible(reader: Reader, account_id: Annotated[str, Form()]) -> Response:
        chosen = needs.identity.account(reader, account_id)
        if chosen.role not in ("admin", "teacher"):
            raise errors.BadInput(f"account {chosen.id} is a {chosen.role}", fix="name a teacher or administrator")
        checklist.name_responsible(needs, reader, chosen)
        return RedirectResponse("/admin?notice=named", SEE_OTHER)

    @api.post("/admin/courses")
    def load_courses(reader: Reader) -> Response:
        for folder in sorted(path for path in courses_interface.built_in().iterdir() if path.is_dir()):
            needs.courses.load(reader.school_id, courses_interface.read_folder(folder), by=reader.account_id)
        return RedirectResponse("/admin?notice=courses_loaded", SEE_OTHER)

    @api.post("/admin/measure")
    async def measure(request: Request, reader: Reader) -> Response:
        model = await run_in_threadpool(chat_model, needs)
        try:
            await needs.engine.warm(model)
            found = await capacity.measure(needs.gateway, reader, model)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_troubled, needs, request, reader, wrong)
        await run_in_threadpool(capacity.keep, needs, reader, found)
        return RedirectResponse("/admin?notice=measured#capacity", SEE_OTHER)

    return api


def chat_model(needs: OfficeNeeds) -> str:
    """The language model to talk to: the starter if it is here, else another one that is, else the starter."""
    here = [one.entry.name for one in needs.catalogue.models() if one.here and "chat" in one.entry.tasks]
    wanted = needs.settings.starter
    return wanted if wanted in here or not here else here[0]


def first_page(
    needs: Needs,
    request: Request,
    token: str,
    *,
    given: Mapping[str, str] | None = None,
    refused: str = "",
    detail: str = "",
    status: int = 200,
) -> Response:
    """The form behind a `first_admin` link. refused: a key of setup.refused; detail: the error's own words."""
    return needs.shell.show(
        request,
        "setup/first.html",
        status=status,
        token=token,
        refused=refused,
        detail=detail,
        given=given or {"school": "", "name": "", "login": ""},
    )


def first_admin(
    needs: Needs, request: Request, token: str, given: Mapping[str, str], passwords: tuple[str, str]
) -> Response:
    """Make the school and its first administrator, sign them in, and lead to Setup."""
    if not secrets.compare_digest(*(one.encode() for one in passwords)):
        return first_page(needs, request, token, given=given, refused="different", status=400)
    try:
        signed_in = needs.identity.create_first_admin(
            token,
            school_name=given["school"],
            name=given["name"],
            login=given["login"],
            secret=passwords[0],
            language=preferences.read(request, None).language,
        )
    except (errors.BadInput, errors.Conflict) as wrong:
        refused = wrong.error_code if wrong.error_code in REFUSALS else "other"
        return first_page(
            needs,
            request,
            token,
            given=given,
            refused=refused,
            status=wrong.status,
            detail=f"{wrong.message}; {wrong.fix}",
        )
    response = RedirectResponse(nav.home("admin"), SEE_OTHER)
    identity_http.keep_session(request, response, signed_in)
    return response


def _values(needs: OfficeNeeds, reader: Principal) -> dict[str, object]:
    found = checklist.checks(needs, reader)
    staff = [one for one in needs.identity.accounts(reader) if one.role in ("admin", "teacher") and one.active]
    return {
        "checks": found,
        "open": [one for one in found if not one.done],
        "staff": staff,
        "responsible": checklist.responsible(needs, reader),
        "concerns": needs.tutor.concerns(reader),
        "alarms": needs.improvement.watching.alarms(reader),
        "capacity": capacity.last(needs.identity, reader.school_id),
        "answer_tokens": capacity.ANSWER_TOKENS,
        "patience_s": capacity.PATIENCE_S,
        "model": chat_model(needs),
        "cores": machine.cores(),
        "memory": machine.size(machine.memory().total),
        "remote": needs.settings.openai_base_url or "",
    }


def _troubled(needs: OfficeNeeds, request: Request, reader: Principal, wrong: errors.ShuyuanError) -> Response:
    return needs.shell.show(
        request, "setup/setup.html", _values(needs, reader), principal=reader, here="setup", notice="", trouble=wrong
    )


def _back_up(needs: OfficeNeeds, reader: Principal) -> None:
    """Into the home's own folder, the newest `BACKUPS_KEPT`: against mistakes, not against the loss of the disk."""
    folder = needs.settings.home / machine.BACKUPS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{machine.FROM_THE_PAGE}{clock.now():%Y%m%d-%H%M%S}.zip"
    done = kernel_backup.write(needs.db, needs.settings.home, target, schema=migrations.current(needs.db))
    needs.db.write(
        lambda uow: needs.audit.record(
            uow, school_id=reader.school_id, actor_id=reader.account_id, action="backup.written", rows=done.rows
        )
    )
    machine.forget_old_backups(needs.settings.home, BACKUPS_KEPT)


def _kept(needs: OfficeNeeds) -> dict[str, object]:
    return {"folder": needs.settings.home / machine.BACKUPS, "n": BACKUPS_KEPT}
