"""The pages of administrators and developers, and the loop, in one router."""

from fastapi import APIRouter

from shuyuan.identity.interface import Identity
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errands as kernel_errands
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import ItemBank
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.improvement.interface import Improvement
from shuyuan.learning.insight.interface import EarlyWarning
from shuyuan.learning.people.interface import People
from shuyuan.learning.recommendation.interface import Outlooks
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.learning.tutor.interface import Tutor
from shuyuan.maas.catalogue.interface import Catalogue
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.maas.serving.interface import Engine
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.pages import (
    activity,
    developer,
    live,
    loop,
    models,
    nightly,
    playground,
    privacy,
    quota,
    roster,
    school,
    setup,
    usage,
)
from shuyuan.web.shell import Shell

FAMILIES = (setup, school, roster, models, nightly, usage, live, quota, activity, privacy, developer, playground, loop)


def router(
    identity: Identity,
    people: People,
    courses: Courses,
    db: kernel_db.Database,
    audit: kernel_audit.Audit,
    settings: kernel_settings.Settings,
    catalogue: Catalogue,
    engine: Engine,
    gateway: Gateway,
    improvement: Improvement,
    tracing: Tracing,
    tutor: Tutor,
    itembank: ItemBank,
    warnings: EarlyWarning,
    outlooks: Outlooks,
    errands: kernel_errands.Errands,
) -> APIRouter:
    """Every page of the office."""
    needs = OfficeNeeds(
        shell=Shell(identity, people, courses, settings.timezone),
        identity=identity,
        people=people,
        courses=courses,
        db=db,
        audit=audit,
        settings=settings,
        catalogue=catalogue,
        engine=engine,
        gateway=gateway,
        improvement=improvement,
        tracing=tracing,
        tutor=tutor,
        itembank=itembank,
        warnings=warnings,
        outlooks=outlooks,
        errands=errands,
    )
    api = APIRouter()
    for family in FAMILIES:
        api.include_router(family.router(needs))
    return api
