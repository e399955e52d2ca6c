"""The services that pages call, and the shell they are shown in."""

from dataclasses import dataclass

from shuyuan.identity.interface import Identity
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errands as kernel_errands
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import Assessment, ItemBank
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.improvement.interface import Gathering, Improvement
from shuyuan.learning.insight.interface import EarlyWarning, Insight
from shuyuan.learning.people.interface import People, Profiles
from shuyuan.learning.recommendation.interface import Advising, Outlooks, Recommendation
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.learning.tutor.interface import Tutor
from shuyuan.maas.catalogue.interface import Catalogue
from shuyuan.maas.compression.interface import Compressing
from shuyuan.maas.conversion.interface import Converting
from shuyuan.maas.datasets.interface import DataSets
from shuyuan.maas.deployment.interface import Deployments
from shuyuan.maas.evaluation.interface import Evaluation
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.maas.pipelines.interface import Pipelines
from shuyuan.maas.serving.interface import Engine
from shuyuan.maas.training.interface import Training
from shuyuan.web.labs import Labs
from shuyuan.web.shell import Shell


@dataclass(frozen=True)
class Needs:
    """One bundle instead of ten arguments in every page family."""

    shell: Shell
    identity: Identity
    people: People
    courses: Courses
    assessment: Assessment
    records: Records
    tracing: Tracing
    recommendation: Recommendation
    insight: Insight
    warnings: EarlyWarning
    itembank: ItemBank
    tutor: Tutor
    profiles: Profiles
    outlooks: Outlooks
    advising: Advising


@dataclass(frozen=True)
class OfficeNeeds:
    """What the pages of administrators and developers call."""

    shell: Shell
    identity: Identity
    people: People
    courses: Courses
    db: kernel_db.Database
    audit: kernel_audit.Audit
    settings: kernel_settings.Settings
    catalogue: Catalogue
    engine: Engine
    gateway: Gateway
    improvement: Improvement
    tracing: Tracing
    tutor: Tutor
    itembank: ItemBank
    warnings: EarlyWarning
    outlooks: Outlooks
    errands: kernel_errands.Errands


@dataclass(frozen=True)
class WorkshopNeeds:
    """What the pages of the model workshop call."""

    shell: Shell
    settings: kernel_settings.Settings
    catalogue: Catalogue
    datasets: DataSets
    training: Training
    evaluation: Evaluation
    compression: Compressing
    conversion: Converting
    deployment: Deployments
    pipelines: Pipelines
    gathering: Gathering
    labs: Labs
