"""The pages of the model workshop, in one router."""

from fastapi import APIRouter

from shuyuan.identity.interface import Identity
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.improvement.interface import Gathering
from shuyuan.learning.people.interface import People
from shuyuan.maas.catalogue.interface import Catalogue
from shuyuan.maas.compression.interface import Compressing
from shuyuan.maas.conversion.interface import Converting
from shuyuan.maas.datasets.interface import DataSets
from shuyuan.maas.deployment.interface import Deployments
from shuyuan.maas.evaluation.interface import Evaluation
from shuyuan.maas.pipelines.interface import Pipelines
from shuyuan.maas.training.interface import Training
from shuyuan.web.labs import Labs
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import (
    answering,
    compressing,
    consents,
    crossvalidations,
    data,
    gates,
    imports,
    lab,
    models,
    pipelines,
    reports,
    runs,
    schedules,
    searches,
    starting,
)
from shuyuan.web.shell import Shell

FAMILIES = (
    data,
    consents,
    starting,
    runs,
    searches,
    reports,
    crossvalidations,
    gates,
    answering,
    models,
    imports,
    compressing,
    schedules,
    pipelines,
    lab,
)


def router(
    identity: Identity,
    people: People,
    courses: Courses,
    settings: kernel_settings.Settings,
    catalogue: Catalogue,
    datasets: DataSets,
    training: Training,
    evaluation: Evaluation,
    compression: Compressing,
    conversion: Converting,
    deployment: Deployments,
    pipelines: Pipelines,
    gathering: Gathering,
) -> APIRouter:
    """Every page of the workshop."""
    needs = WorkshopNeeds(
        shell=Shell(identity, people, courses, settings.timezone),
        settings=settings,
        catalogue=catalogue,
        datasets=datasets,
        training=training,
        evaluation=evaluation,
        compression=compression,
        conversion=conversion,
        deployment=deployment,
        pipelines=pipelines,
        gathering=gathering,
        labs=Labs(settings.home, datasets),
    )
    api = APIRouter()
    for family in FAMILIES:
        api.include_router(family.router(needs))
    return api
