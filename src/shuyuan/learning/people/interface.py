"""Learners, classes, consent: the only file of people that other modules import."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from sqlalchemy import Connection

from shuyuan.identity.interface import Hashed, Language, Principal
from shuyuan.kernel import db

AgeBand = Literal["under_13", "13_15", "16_17", "adult", "unknown"]
Purpose = Literal["learning", "improvement", "research"]  # improvement: may train the school's own tracer
CONSENT_CHANGED = "people.consent_changed"  # event: subject_id is the learner; what they agree to is asked anew
LEARNER_ERASED = "people.learner_erased"  # event: subject_id is the learner, whose key is gone


@dataclass(frozen=True)
class Class:
    """A class: its id is also the identity group; `code` is what pupils type."""

    id: str
    school_id: str
    name: str
    code: str
    course_ids: tuple[str, ...]
    tutor_on: bool  # a teacher's decision; without one: whether every pupil is known to be above the age line
    size: int = 0


@dataclass(frozen=True)
class Learner:
    """A pupil. `id` is the account id and the opaque subject id everywhere else. `name` is personal."""

    id: str
    school_id: str
    class_id: str
    number: str
    name: str
    age_band: AgeBand
    simulated: bool
    consent: frozenset[Purpose] = frozenset({"learning"})


@dataclass(frozen=True)
class RosterRow:
    """One line of a class list, as read. `problem` says in words why it cannot be imported, None if it can."""

    line: int
    number: str
    name: str
    class_name: str
    problem: str | None = None
    action: Literal["create", "update", "same", "refuse"] = "create"


@dataclass(frozen=True)
class JoinSlip:
    """What a new pupil needs to come in: printed, cut out and handed over. The PIN is shown this once."""

    class_name: str
    class_code: str
    number: str
    name: str
    pin: str


@dataclass(frozen=True)
class RosterReport:
    """What an import would do (dry run) or did.

    pins: learner number → PIN, only for pupils just created (`CODE:number` when the list spans classes).
    slips: the same with names, ready to print.
    ignored: headings of columns that mean nothing here, as the file has them.
    """

    rows: tuple[RosterRow, ...]
    created: int
    updated: int
    refused: int
    dry_run: bool
    pins: Mapping[str, str] = field(default_factory=dict)
    slips: tuple[JoinSlip, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a learner stands in the school: the courses of their class, and what they agreed to (`ProfilePurpose`)."""

    course_ids: tuple[str, ...]
    agreed: frozenset[str]


class People(Protocol):
    """Roster, profiles, consent. Students see themselves, teachers their classes, administrators the school."""

    def create_class(self, principal: Principal, name: str, *, course_ids: Sequence[str] = ()) -> Class: ...
    def classes(self, principal: Principal) -> list[Class]: ...
    def class_(self, principal: Principal, class_id: str) -> Class: ...
    def set_courses(self, principal: Principal, class_id: str, course_ids: Sequence[str]) -> None: ...
    def set_tutor(self, principal: Principal, class_id: str, on: bool) -> None: ...
    def learners(self, principal: Principal, class_id: str) -> list[Learner]: ...
    def learner(self, principal: Principal, learner_id: str) -> Learner: ...
    def place(self, conn: Connection, principal: Principal, learner_id: str) -> Place:
        """Of a learner the caller may see, in one statement of an open read, without anything personal: for what is
        asked after every answer."""
        ...

    def join_teacher(self, principal: Principal, class_id: str, teacher_account_id: str) -> None: ...
    def leave_teacher(self, principal: Principal, class_id: str, teacher_account_id: str) -> None: ...
    def add_learner(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        class_id: str,
        number: str,
        name: str,
        pin: str | Hashed | None,
        age_band: AgeBand = "unknown",
        simulated: bool = False,
        consent: frozenset[Purpose] = frozenset({"learning"}),
        actor_id: str = "system",
        language: Language = "zh",
    ) -> str:
        """A pupil with an account, inside `uow`; returns the learner id. Hash many PINs before the unit
        (`identity.hash_secret`). Raises Conflict when the number is taken in this class."""
        ...

    def import_roster(
        self, principal: Principal, class_id: str | None, filename: str, content: bytes, *, dry_run: bool
    ) -> RosterReport: ...
    def reset_pin(self, principal: Principal, learner_id: str) -> str: ...
    def set_consent(self, principal: Principal, learner_id: str, consent: frozenset[Purpose]) -> None: ...
    def consented(self, school_id: str, purpose: Purpose) -> frozenset[str]:
        """Learner ids who agreed to `purpose`; for background work of that school."""
        ...

    def erase(self, principal: Principal, learner_id: str) -> None:
        """Destroy the learner's key: name and free text become unreadable, responses stay without a person."""
        ...

    def record_view(self, principal: Principal, learner_id: str) -> None:
        """Note that the caller opened this learner's pages; one's own visits are not noted."""
        ...

    def record_views(self, principal: Principal, learner_ids: Iterable[str]) -> None:
        """Note that a list showed answers of these learners: each once a day to the same reader."""
        ...

    def seen(self, principal: Principal, learner_id: str) -> list[tuple[datetime, str]]:
        """Who opened this learner's pages, or a list with their answers: (time, account id), newest first."""
        ...


# --- profiles: what a learner states, and what may be done with it ----------------------------------------

ProfilePurpose = Literal["suggestions", "outlook", "peers"]
PROFILE_PURPOSES: tuple[ProfilePurpose, ...] = ("suggestions", "outlook", "peers")
PROFILE_WITHDRAWN = "people.profile_withdrawn"  # payload: purposes, the ones taken back
Education = Literal["primary", "lower_secondary", "upper_secondary", "vocational", "undergraduate", "graduate", "other"]
Goal = Literal["exam", "catch_up", "get_ahead", "enjoy", "job", "certificate"]
Interest = Literal[
    "mathematics",
    "sciences",
    "computing",
    "languages",
    "history",
    "arts",
    "music",
    "sport",
    "nature",
    "making",
    "health",
]
Pace = Literal["short", "normal", "long"]
Style = Literal["examples", "reading", "questions"]


@dataclass(frozen=True)
class Stated:
    """What a learner says of themselves; all of it may stay empty. `own_words`: at most 300 characters.

    disputed: names of derived facts the learner says are wrong; nothing uses those.  plain_courses: leave the courses
    in the order of the class, whatever was agreed to.
    """

    interests: tuple[Interest, ...] = ()
    education: Education | None = None
    pace: Pace | None = None
    style: Style | None = None
    goals: tuple[Goal, ...] = ()
    own_words: str = ""
    disputed: tuple[str, ...] = ()
    plain_courses: bool = False


@dataclass(frozen=True)
class Decision:
    """Who decided on the uses of a profile, and when. paper_dated: of the family's paper, if one stands behind it."""

    at: datetime
    by: str
    paper_dated: date | None = None


@dataclass(frozen=True)
class Decided:
    """given: who said yes to each use that is agreed to.  last: the last change of any of them, a taking back as well;
    None while nothing was ever decided."""

    given: Mapping[ProfilePurpose, Decision] = field(default_factory=dict)
    last: Decision | None = None


@dataclass(frozen=True)
class Profile:
    """A learner's profile. may_agree: whether the reader may say yes for it: the learner, and below the school's age
    line an administrator who has the family's paper."""

    learner_id: str
    stated: Stated
    agreed: frozenset[ProfilePurpose]
    changed_at: datetime | None
    may_agree: bool


class Profiles(Protocol):
    """Profiles and what they may be used for, purpose by purpose. Nothing is agreed to until somebody says so."""

    def of(self, principal: Principal, learner_id: str) -> Profile: ...
    def state(self, principal: Principal, stated: Stated) -> None:
        """Replace what the caller, a pupil, states of themselves."""
        ...

    def agree(
        self,
        principal: Principal,
        learner_id: str,
        purposes: frozenset[ProfilePurpose],
        *,
        paper_dated: date | None = None,
    ) -> None:
        """From now on exactly these purposes. Emits PROFILE_WITHDRAWN for those taken back, in the same unit.

        Everybody who may see the learner may take back. Yes says the learner alone; below the school's age line an
        administrator who has the family's signed paper, `paper_dated`."""
        ...

    def decided(self, principal: Principal, learner_id: str) -> Decided:
        """Who decided what the profile of a learner may be used for. Reads the audit trail: for pages, not at every
        step."""
        ...

    def forget(self, principal: Principal) -> None:
        """Delete the caller's profile and take back every purpose."""
        ...

    def write_down(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        learner_id: str,
        stated: Stated,
        purposes: frozenset[ProfilePurpose],
        by: str,
    ) -> None:
        """Profile and agreement inside `uow`, for whoever brings a school in. Who may is the caller's to ask."""
        ...

    def agreed(self, school_id: str, purpose: ProfilePurpose) -> dict[str, Stated]:
        """learner id → what they state, of those who agreed; for background work of that school."""
        ...

    def still_agreed(self, uow: db.UnitOfWork, school_id: str, purpose: ProfilePurpose) -> frozenset[str]:
        """Who agrees as this unit sees it, nothing opened: for whoever keeps what was derived from them."""
        ...
