"""The pages of researchers: learner models compared, and whether the early warning can be trusted; in one router."""

from fastapi import APIRouter

from shuyuan.identity.interface import Identity
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.insight.interface import Comparing, EarlyWarning
from shuyuan.learning.people.interface import People
from shuyuan.web.pages import trust
from shuyuan.web.pages.workshop import tracers
from shuyuan.web.shell import Shell


def router(
    identity: Identity,
    people: People,
    courses: Courses,
    settings: kernel_settings.Settings,
    comparing: Comparing,
    warnings: EarlyWarning,
) -> APIRouter:
    """`/workshop/tracers…`, `/warning`."""
    shell = Shell(identity, people, courses, settings.timezone)
    api = APIRouter()
    api.include_router(tracers.router(shell, comparing))
    api.include_router(trust.router(shell, warnings))
    return api
