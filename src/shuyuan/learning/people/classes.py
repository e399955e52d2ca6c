"""Classes: created, given courses, a tutor setting and teachers."""

from collections.abc import Sequence

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db, errors, ids
from shuyuan.learning.people import base, codes, store, tables
from shuyuan.learning.people.interface import Class

MAX_CLASS_NAME, MAX_COURSES, MAX_COURSE_ID = 80, 50, 64


class Classes(base.Base):
    """The class verbs of `interface.People`."""

    def create_class(self, principal: Principal, name: str, *, course_ids: Sequence[str] = ()) -> Class:
        """A new class with a fresh code. A teacher who creates it teaches it."""
        principal.require("admin", "teacher")
        plain, courses, class_id = _checked_name(name), _checked_courses(course_ids), ids.new_id()

        def create(uow: db.UnitOfWork) -> None:
            if store.name_taken(uow.conn, principal.school_id, plain):
                raise errors.Conflict(f"there is a class {plain!r} already", fix="choose another name")
            code = codes.new_code()
            while store.code_taken(uow.conn, code):
                code = codes.new_code()
            uow.conn.execute(
                tables.class_.insert().values(
                    id=class_id,
                    school_id=principal.school_id,
                    name=plain,
                    code=code,
                    course_ids=courses,
                    tutor_on=None,
                    created_at=uow.now,
                )
            )
            if principal.role == "teacher":
                self._teach(uow, principal.school_id, class_id, principal.account_id)
            self._record(uow, principal, "class.created", class_id)

        self._db.write(create)
        return self.class_(principal, class_id)

    def classes(self, principal: Principal) -> list[Class]:
        """The caller's classes, by name."""
        with self._db.read() as conn:
            return self._classes(conn, principal.school_id, store.classes(conn, principal))

    def class_(self, principal: Principal, class_id: str) -> Class:
        """One class."""
        with self._db.read() as conn:
            return self._classes(conn, principal.school_id, [self._class_row(conn, principal, class_id)])[0]

    def set_courses(self, principal: Principal, class_id: str, course_ids: Sequence[str]) -> None:
        """Which courses the class takes, in order."""
        courses = _checked_courses(course_ids)
        self._change(principal, class_id, "class.courses_set", course_ids=courses)

    def set_tutor(self, principal: Principal, class_id: str, on: bool) -> None:
        """A teacher's word on the tutor: on even below the age line, or off for anyone."""
        self._change(principal, class_id, "class.tutor_set", tutor_on=on)

    def join_teacher(self, principal: Principal, class_id: str, teacher_account_id: str) -> None:
        """Let a teacher of the school teach the class; administrators only."""
        principal.require("admin")
        account = self._identity.account(principal, teacher_account_id)
        if account.role != "teacher" or not account.active:
            raise errors.Conflict(f"account {account.id} is not an active teacher", fix="choose a teacher")

        def join(uow: db.UnitOfWork) -> None:
            self._class_row(uow.conn, principal, class_id)
            self._teach(uow, principal.school_id, class_id, account.id)
            self._record(uow, principal, "teacher.joined", class_id, teacher=account.id)

        self._db.write(join)

    def leave_teacher(self, principal: Principal, class_id: str, teacher_account_id: str) -> None:
        """The teacher no longer sees the class, at once; administrators only."""
        principal.require("admin")

        def leave(uow: db.UnitOfWork) -> None:
            self._class_row(uow.conn, principal, class_id)
            if not store.unteach(uow.conn, class_id, teacher_account_id):
                raise errors.NotFound(f"account {teacher_account_id} does not teach this class", fix="check the id")
            self._identity.remove_from_group(
                uow, school_id=principal.school_id, group_id=class_id, account_id=teacher_account_id
            )
            self._record(uow, principal, "teacher.left", class_id, teacher=teacher_account_id)

        self._db.write(leave)

    def _teach(self, uow: db.UnitOfWork, school_id: str, class_id: str, account_id: str) -> None:
        store.teach(uow.conn, school_id, class_id, account_id)
        self._identity.add_to_group(uow, school_id=school_id, group_id=class_id, account_ids=[account_id])

    def _change(self, principal: Principal, class_id: str, action: str, **values: object) -> None:
        principal.require("admin", "teacher")

        def change(uow: db.UnitOfWork) -> None:
            self._class_row(uow.conn, principal, class_id)
            store.change_class(uow.conn, class_id, **values)
            self._record(uow, principal, action, class_id)

        self._db.write(change)


def _checked_name(name: str) -> str:
    plain = " ".join(name.split())
    if not 0 < len(plain) <= MAX_CLASS_NAME or not plain.isprintable():
        raise errors.BadInput(f"a class name of {len(plain)} characters", fix=f"use 1 to {MAX_CLASS_NAME}")
    return plain


def _checked_courses(course_ids: Sequence[str]) -> list[str]:
    courses = list(dict.fromkeys(course_ids))
    if len(courses) > MAX_COURSES or any(not 0 < len(course) <= MAX_COURSE_ID for course in courses):
        raise errors.BadInput(f"{len(courses)} courses", fix=f"give at most {MAX_COURSES} course ids")
    return courses
