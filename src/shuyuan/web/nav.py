"""Where each role can go: sidebar on wide screens, at most five bottom tabs on phones, the rest under "…"."""

from dataclasses import dataclass

from shuyuan.identity.interface import Role

MOST_TABS = 5


@dataclass(frozen=True)
class Entry:
    """One destination: `word` is a key of words/, `icon` a name in templates/icons.html."""

    name: str
    word: str
    href: str
    icon: str
    tab: bool = True


STUDENT = (
    Entry("today", "nav.today", "/learn/today", "sun"),
    Entry("course", "nav.course", "/learn/course", "book"),
    Entry("map", "nav.map", "/learn/map", "map"),
    Entry("mistakes", "nav.mistakes", "/learn/mistakes", "pencil"),
    Entry("me", "nav.me", "/learn/me", "person"),
)
TEACHER = (
    Entry("today", "nav.today", "/teach/today", "sun"),
    Entry("class", "nav.class", "/teach/class", "grid"),
    Entry("assign", "nav.assign", "/teach/assign", "tick"),
    Entry("papers", "nav.papers", "/teach/papers", "paper"),
    Entry("questions", "nav.questions", "/teach/questions", "question"),
    Entry("tests", "nav.tests", "/teach/tests", "tick", tab=False),
    Entry("workshop", "nav.workshop", "/workshop/data", "flask", tab=False),
    Entry("quota", "nav.quota", "/quota", "bars", tab=False),
)
ADMIN = (
    Entry("setup", "nav.setup", "/admin", "tick"),
    Entry("people", "nav.people", "/admin/people", "person"),
    Entry("models", "nav.models", "/admin/models", "box"),
    Entry("usage", "nav.usage", "/admin/usage", "bars"),
    Entry("audit", "nav.audit", "/admin/audit", "paper"),
    Entry("workshop", "nav.workshop", "/workshop/data", "flask", tab=False),
    Entry("loop", "nav.loop", "/loop", "loop", tab=False),
    Entry("warning", "trust.nav", "/warning", "eye", tab=False),
    Entry("privacy", "nav.privacy", "/admin/privacy", "eye", tab=False),
    Entry("quota", "nav.quota", "/quota", "bars", tab=False),
)
DEVELOPER = (
    Entry("api", "nav.api", "/developer", "code"),
    Entry("playground", "nav.playground", "/developer/playground", "pencil"),
    Entry("workshop", "nav.workshop", "/workshop/data", "flask"),
    Entry("loop", "nav.loop", "/loop", "loop"),
    Entry("quota", "nav.quota", "/quota", "bars"),
)
NAV: dict[Role, tuple[Entry, ...]] = {
    "student": STUDENT,
    "teacher": TEACHER,
    "admin": ADMIN,
    "developer": DEVELOPER,
    "guardian": (),
}


def after_signing_in(role: Role, back: str) -> str:
    """Where one was, if it is among the pages of this role; else the role's first page."""
    sections = {entry.href.split("/")[1] for entry in NAV[role]}
    return back if back.split("?")[0].split("/")[1] in sections else home(role)


def home(role: Role) -> str:
    """The first page of a role."""
    return NAV[role][0].href if NAV[role] else "/help"
