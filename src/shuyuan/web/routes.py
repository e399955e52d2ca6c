"""All pages in one router."""

from fastapi import APIRouter

from shuyuan.identity.interface import Identity
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import Assessment, ItemBank
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.insight.interface import EarlyWarning, Insight
from shuyuan.learning.people.interface import People, Profiles
from shuyuan.learning.recommendation.interface import Advising, Outlooks, Recommendation
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.learning.tutor.interface import Tutor
from shuyuan.web import static
from shuyuan.web.needs import Needs
from shuyuan.web.pages import (
    assign,
    care,
    classmap,
    common,
    course,
    courses,
    enter,
    helping,
    items,
    learner,
    mistakes,
    papers,
    practice,
    profile,
    questions,
    starting,
    student,
    teacher,
    tests,
)
from shuyuan.web.shell import Shell

FAMILIES = (
    enter,
    common,
    student,
    profile,
    course,
    courses,
    starting,
    practice,
    mistakes,
    teacher,
    care,
    classmap,
    learner,
    assign,
    papers,
    questions,
    items,
    helping,
    tests,
)


def router(
    identity: Identity,
    people: People,
    courses: Courses,
    assessment: Assessment,
    records: Records,
    tracing: Tracing,
    recommendation: Recommendation,
    insight: Insight,
    warnings: EarlyWarning,
    itembank: ItemBank,
    tutor: Tutor,
    settings: kernel_settings.Settings,
    profiles: Profiles,
    outlooks: Outlooks,
    advising: Advising,
) -> APIRouter:
    """Every page, and the static files."""
    shell = Shell(identity, people, courses, settings.timezone)
    needs = Needs(
        shell=shell,
        identity=identity,
        people=people,
        courses=courses,
        assessment=assessment,
        records=records,
        tracing=tracing,
        recommendation=recommendation,
        insight=insight,
        warnings=warnings,
        itembank=itembank,
        tutor=tutor,
        profiles=profiles,
        outlooks=outlooks,
        advising=advising,
    )
    api = APIRouter()
    api.include_router(static.router())
    for family in FAMILIES:
        api.include_router(family.router(needs))
    return api
