"""Make the demo school once, and hand out the ways in: a single-use link and `demo.json`."""

import functools
import json
import os
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shuyuan import compose
from shuyuan.demo import history, profiles, pupils
from shuyuan.identity.interface import Identity, Principal, Role
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, errors
from shuyuan.learning.courses import interface as courses_interface
from shuyuan.learning.people.interface import Class, People
from shuyuan.learning.recommendation.interface import FORETELLING

NAME = "示范中学 Demo School"
CLASS_NAME = "七年级 2 班"
COURSES = ("year7-expressions", "large-models")
SEED = 20260907
ADULTS: tuple[tuple[Role, str, str], ...] = (
    ("teacher", "lin", "林老师"),
    ("admin", "it", "周老师（信息中心）"),
    ("developer", "dev", "开发者 Dev"),
)
LIVE_EVERY_S, LINK_LIFE_S, FORETELL_AFTER_S = 40.0, 24 * 3600, 90.0
LOOP_TURNS_ON_DAY = 11  # of 15 school days


@dataclass(frozen=True)
class Demo:
    """What the demo hands to whoever starts it."""

    school_id: str
    school: str
    accounts: tuple[dict[str, str], ...]
    api_key: str


def ensure(platform: compose.Platform, *, now: datetime | None = None) -> Demo:
    """The demo school of this home, made on the first call; later calls read `demo.json` back.

    now: when the three weeks of history end; None: now. Raises Conflict for a home that holds another school, or
    a demo school whose making was interrupted.
    """
    told = _read_json(platform)
    if told is not None:
        return told
    identity: Identity = platform.get("identity")
    _require_empty(platform.settings.home, identity)
    school = identity.create_school(NAME, demo=True)
    accounts = [_adult(platform, school.id, *adult) for adult in ADULTS]
    by_role = {account["role"]: account["id"] for account in accounts}
    admin = Principal(by_role["admin"], school.id, "admin")
    for slug in COURSES:
        content = courses_interface.read_folder(courses_interface.built_in() / slug)
        platform.get("courses").load(school.id, content, by=admin.account_id)
    class_ = _class(platform, admin, by_role["teacher"])
    first = _fill(platform, class_, now or clock.now())
    developer = Principal(by_role["developer"], school.id, "developer")
    key = identity.create_key(developer, "demo", scopes=("models", "learning"), expires_in_days=None)
    accounts.insert(1, {"role": "student", "login": f"{class_.code}:01", "password": first[1], "id": first[0]})
    demo = Demo(school.id, NAME, tuple(accounts), key.secret)
    _write(platform, demo, "")
    return demo


def link(platform: compose.Platform) -> str:
    """A fresh single-use link that opens "Enter as". Raises NotFound where there is no demo school."""
    identity: Identity = platform.get("identity")
    found = next((one for one in identity.schools() if one.demo), None)
    if found is None:
        raise errors.NotFound("there is no demo school here", fix="make one in a home of its own: `shuyuan up --demo`")
    return identity.create_link("demo", school_id=found.id, ttl_s=LINK_LIFE_S)


def write_json(platform: compose.Platform, demo: Demo, base_url: str) -> None:
    """Tell programs how to reach the demo: `demo.json` in the home, mode 0600."""
    _write(platform, demo, base_url)


def keep_alive(platform: compose.Platform, demo: Demo) -> None:
    """One simulated pupil answers now and then while the server runs, so that the map moves."""
    admin = Principal(next(a["id"] for a in demo.accounts if a["role"] == "admin"), demo.school_id, "admin")
    people: People = platform.get("people")
    class_ = next((one for one in people.classes(admin) if one.name == CLASS_NAME), None)
    if class_ is None:
        return
    learners = {one.number: one.id for one in people.learners(admin, class_.id) if one.simulated}
    class_pupils = [
        pupil for pupil in pupils.make(SEED) if pupil.number != 1 and not pupil.late and pupil.register in learners
    ]
    points = _points(platform, demo.school_id, COURSES[0])
    rng = random.Random()

    def answer_one() -> None:
        pupil = rng.choice(class_pupils)
        pupil.practice.setdefault(points[-1], 8)
        index = rng.randrange(len(points))
        asked = [(points[index], index / len(points))]
        sitting = history.Sitting(pupil, learners[pupil.register], asked, clock.now())
        _writer(platform, demo.school_id).write([sitting], rng)

    _foretell_once(platform, demo.school_id)
    platform.get("scheduler").every(LIVE_EVERY_S, "demo-pupil", answer_one)


def _foretell_once(platform: compose.Platform, school_id: str) -> None:
    """Where the training parts are installed, teachers find estimates a while after the first start."""
    left = [school_id]

    def foretell() -> None:
        renew = functools.partial(platform.get("outlooks").renew, school_id)
        if left and platform.get("errands").begin(FORETELLING, school_id, renew):  # minutes: beside everything else
            left.clear()

    platform.get("scheduler").every(FORETELL_AFTER_S, "demo-outlooks", foretell)


def _require_empty(home: Path, identity: Identity) -> None:
    """`demo.json` is written last, so a demo school without it was never finished (or came from a backup)."""
    for school in identity.schools():
        if school.demo:
            raise errors.Conflict(
                f"the demo school in {home} is not whole: it has no demo.json; its making was interrupted, or the home "
                "was restored from a backup",
                fix=f"delete the folder {home} and start again, or serve it as it is without --demo",
            )
        raise errors.Conflict(
            f"{home} holds the school {school.name!r}: simulated pupils do not belong in it",
            fix="leave out --demo, or give the demo its own --home",
        )


def _adult(platform: compose.Platform, school_id: str, role: Role, login: str, name: str) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    account_id = platform.get("db").write(
        lambda uow: platform.get("identity").create_account(
            uow, school_id=school_id, role=role, name=name, login=login, secret=password
        )
    )
    return {"role": role, "login": login, "password": password, "id": account_id}


def _class(platform: compose.Platform, admin: Principal, teacher_id: str) -> Class:
    people: People = platform.get("people")
    class_ = people.create_class(admin, CLASS_NAME, course_ids=COURSES)
    people.join_teacher(admin, class_.id, teacher_id)
    people.set_tutor(admin, class_.id, True)
    return people.class_(admin, class_.id)


def _fill(platform: compose.Platform, class_: Class, now: datetime) -> tuple[str, str]:
    """Pupils and their history; returns the first pupil's (learner id, PIN)."""
    class_pupils = pupils.make(SEED)
    pins = {pupil.number: f"{secrets.randbelow(10**6):06d}" if pupil.number == 1 else None for pupil in class_pupils}
    people: People = platform.get("people")

    def enrol(uow: Any) -> dict[int, str]:  # Any: db.UnitOfWork, kept short
        return {
            pupil.number: people.add_learner(
                uow,
                school_id=class_.school_id,
                class_id=class_.id,
                number=pupil.register,
                name=pupil.name,
                pin=pins[pupil.number],
                age_band="13_15",
                simulated=True,
                consent=frozenset(
                    {"learning"} if pupil.number == pupils.NO_CONSENT_NUMBER else {"learning", "improvement"}
                ),
            )
            for pupil in class_pupils
        }

    learners: dict[int, str] = platform.get("db").write(enrol)
    _write_history(platform, class_.school_id, class_pupils, learners, now)
    platform.get("db").write(lambda uow: profiles.write(uow, platform.get("profiles"), class_.school_id, learners))
    platform.get("pooling").renew(class_.school_id)
    platform.get("course_gains").renew(class_.school_id)
    return learners[1], pins[1] or ""


def _write_history(
    platform: compose.Platform,
    school_id: str,
    class_pupils: list[pupils.Pupil],
    learners: dict[int, str],
    now: datetime,
) -> None:
    rng, writer = random.Random(SEED), _writer(platform, school_id)
    maths, models = (_points(platform, school_id, slug) for slug in COURSES)
    days = history.school_days(now)
    waiting = True
    for day, at in enumerate(days):
        waiting = waiting and not (day >= LOOP_TURNS_ON_DAY and _turned(platform, school_id))
        writer.write(_sittings(class_pupils, learners, (maths, models), (day, len(days)), at, rng), rng)
    if waiting:
        _turned(platform, school_id)


def _turned(platform: compose.Platform, school_id: str) -> bool:
    """Whether there is a version that passed its check now, for the page of the loop to show. Who is held out depends
    on random pseudonyms: where the check refuses one, the next day has more answers."""
    turned = platform.get("improvement").turn(school_id, by=kernel_audit.SYSTEM)
    return turned.state in ("champion", "canary")


def _sittings(
    class_pupils: list[pupils.Pupil],
    learners: dict[int, str],
    courses: tuple[list[str], list[str]],
    day_of: tuple[int, int],
    at: datetime,
    rng: random.Random,
) -> Iterator[history.Sitting]:
    """What the class is asked on one day, pupil by pupil, each planned once the one before has answered."""
    (maths, models), (day, days) = courses, day_of
    for pupil in class_pupils:
        asked = history.plan(maths, day, days, rng)
        if day % 3 == 2:
            asked += history.plan(models, day // 2, days, rng)[:6]
        if pupil.late:
            asked = asked[: history.LATE_ANSWERS] if day == days - 1 else []
        yield history.Sitting(pupil, learners[pupil.number], asked, at)


def _writer(platform: compose.Platform, school_id: str) -> history.Writer:
    return history.Writer(school_id, *(platform.get(name) for name in ("db", "courses", "records", "tracing")))


def _points(platform: compose.Platform, school_id: str, course_id: str) -> list[str]:
    return [point.id for point in platform.get("courses").graph(school_id, course_id).points]


def _path(platform: compose.Platform) -> Path:
    return platform.settings.home / "demo.json"


def _read_json(platform: compose.Platform) -> Demo | None:
    path = _path(platform)
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    return Demo(told["school_id"], told["school"], tuple(told["accounts"]), told["api_key"])


def _write(platform: compose.Platform, demo: Demo, base_url: str) -> None:
    told = {
        "base_url": base_url,
        "school": demo.school,
        "school_id": demo.school_id,
        "api_key": demo.api_key,
        "accounts": demo.accounts,
    }
    partial = _path(platform).with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(told, out, ensure_ascii=False, indent=1)
    partial.replace(_path(platform))
