"""Which modules this process runs: tables of dotted names, loaded lazily.

A part is a factory and the names it needs; `Platform.get` builds it with those as keyword arguments, once.
Reading this file top to bottom is reading the house from the ground up.
"""

import importlib
import inspect
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from shuyuan.kernel import settings as kernel_settings


@dataclass(frozen=True)
class Part:
    """`factory` is "module:callable"; it is called with the named parts as keyword arguments."""

    factory: str
    needs: tuple[str, ...] = ()


TABLES: tuple[str, ...] = (
    "shuyuan.kernel.crypto",
    "shuyuan.kernel.audit",
    "shuyuan.kernel.outbox",
    "shuyuan.kernel.leases",
    "shuyuan.identity.tables",
    "shuyuan.maas.catalogue.tables",
    "shuyuan.maas.datasets.tables",
    "shuyuan.maas.training.tables",
    "shuyuan.maas.evaluation.tables",
    "shuyuan.maas.compression.tables",
    "shuyuan.maas.gateway.tables",
    "shuyuan.maas.gateway.batch.jobtables",
    "shuyuan.maas.deployment.tables",
    "shuyuan.maas.pipelines.tables",
    "shuyuan.learning.people.tables",
    "shuyuan.learning.courses.tables",
    "shuyuan.learning.records.tables",
    "shuyuan.learning.tracing.tables",
    "shuyuan.learning.assessment.tables",
    "shuyuan.learning.recommendation.tables",
    "shuyuan.learning.insight.tables",
    "shuyuan.learning.tutor.tables",
    "shuyuan.learning.improvement.tables",
)

PARTS: dict[str, Part] = {
    # kernel
    "db": Part("shuyuan.kernel.parts:database", ("settings",)),
    "storage": Part("shuyuan.kernel.parts:storage", ("settings",)),
    "main_loop": Part("shuyuan.kernel.mainloop:MainLoop", ()),
    "vault": Part("shuyuan.kernel.parts:vault", ("settings",)),
    "audit": Part("shuyuan.kernel.parts:audit", ("vault", "settings")),
    "outbox": Part("shuyuan.kernel.parts:outbox", ("db",)),
    "scheduler": Part("shuyuan.kernel.parts:scheduler", ("db",)),
    "errands": Part("shuyuan.kernel.errands:Errands", ("scheduler",)),
    "durable": Part("shuyuan.kernel.durable:open_durable", ("settings",)),
    # identity
    "identity": Part("shuyuan.identity.service:IdentityService", ("db", "vault", "audit")),
    # the model plane
    "catalogue": Part(
        "shuyuan.maas.catalogue.service:CatalogueService", ("db", "storage", "audit", "settings", "outbox")
    ),
    "datasets": Part(
        "shuyuan.maas.datasets.service:DataSetsService", ("db", "storage", "vault", "audit", "settings", "outbox")
    ),
    "training": Part(
        "shuyuan.maas.training.service:TrainingService",
        ("db", "storage", "audit", "settings", "identity", "catalogue", "datasets"),
    ),
    "evaluation": Part(
        "shuyuan.maas.evaluation.service:EvaluationService",
        ("db", "storage", "audit", "settings", "catalogue", "datasets", "training"),
    ),
    "compression": Part(
        "shuyuan.maas.compression.service:CompressionService",
        ("db", "storage", "audit", "settings", "catalogue", "datasets", "training"),
    ),
    "conversion": Part("shuyuan.maas.conversion.service:ConversionService", ("catalogue", "settings")),
    "engine": Part("shuyuan.maas.serving.service:build_engine", ("catalogue", "settings")),
    "deployment": Part(
        "shuyuan.maas.deployment.service:DeploymentService",
        ("db", "catalogue", "identity", "audit", "outbox", "vault", "settings", "evaluation"),
    ),
    "pipelines": Part(
        "shuyuan.maas.pipelines.service:PipelinesService",
        (
            "db",
            "audit",
            "outbox",
            "durable",
            "settings",
            "datasets",
            "training",
            "evaluation",
            "catalogue",
            "deployment",
            "identity",
            "compression",
        ),
    ),
    "gateway": Part(
        "shuyuan.maas.gateway.service:GatewayService",
        ("db", "catalogue", "engine", "settings", "audit", "identity", "outbox", "deployment"),
    ),
    "files": Part("shuyuan.maas.gateway.batch.files:Files", ("db", "vault", "settings")),
    "batch_work": Part("shuyuan.maas.gateway.batch.batchwork:Work", ("db", "vault", "files", "durable", "identity")),
    "batches": Part("shuyuan.maas.gateway.batch.batches:Batches", ("db", "files", "outbox", "batch_work")),
    # the learning plane
    "people": Part("shuyuan.learning.people.service:PeopleService", ("db", "vault", "audit", "identity", "outbox")),
    "profiles": Part(
        "shuyuan.learning.people.profiles:ProfilesService",
        ("db", "vault", "audit", "outbox", "identity", "people"),
    ),
    "courses": Part("shuyuan.learning.courses.service:CoursesService", ("db", "audit")),
    "wordings": Part("shuyuan.learning.courses.wording:Wordings", ("courses", "gateway", "main_loop")),
    "records": Part("shuyuan.learning.records.service:RecordsService", ("db", "vault", "outbox")),
    "tracing": Part("shuyuan.learning.tracing.service:TracingService", ("db", "records")),
    "assessment": Part(
        "shuyuan.learning.assessment.service:AssessmentService",
        ("db", "audit", "people", "courses", "records", "tracing"),
    ),
    "itembank": Part(
        "shuyuan.learning.assessment.itembank:ItemBankService",
        ("db", "audit", "identity", "people", "courses", "records", "settings"),
    ),
    "pooling": Part("shuyuan.learning.recommendation.pooling:Pooling", ("db", "profiles", "records")),
    "recommendation": Part(
        "shuyuan.learning.recommendation.service:RecommendationService",
        ("db", "people", "courses", "records", "tracing", "assessment", "profiles", "pooling"),
    ),
    "outlook_model": Part(
        "shuyuan.learning.recommendation.outlookmodel:OutlookModel",
        ("db", "audit", "profiles", "records", "catalogue", "storage"),
    ),
    "outlooks": Part(
        "shuyuan.learning.recommendation.outlooks:OutlooksService",
        ("db", "vault", "audit", "people", "profiles", "records", "outlook_model"),
    ),
    "course_gains": Part("shuyuan.learning.recommendation.coursegains:CourseGains", ("db", "profiles", "records")),
    "advising": Part(
        "shuyuan.learning.recommendation.advising:AdvisingService",
        ("people", "courses", "profiles", "tracing", "outlooks", "course_gains", "gateway"),
    ),
    "insight": Part("shuyuan.learning.insight.service:InsightService", ("people", "courses", "records", "tracing")),
    "answers_out": Part(
        "shuyuan.learning.insight.answersout:AnswersOut", ("db", "vault", "audit", "people", "records")
    ),
    "comparing": Part(
        "shuyuan.learning.insight.comparing:ComparingService",
        ("db", "audit", "answers_out", "datasets", "courses", "wordings", "settings"),
    ),
    "warnings": Part(
        "shuyuan.learning.insight.earlywarning:EarlyWarningService",
        ("db", "audit", "identity", "people", "records", "assessment", "settings"),
    ),
    "tutor": Part(
        "shuyuan.learning.tutor.service:TutorService",
        ("db", "vault", "audit", "people", "courses", "records", "assessment", "gateway", "settings", "identity"),
    ),
    "improvement": Part(
        "shuyuan.learning.improvement.service:ImprovementService",
        (
            "db",
            "vault",
            "audit",
            "identity",
            "people",
            "records",
            "tracing",
            "catalogue",
            "storage",
            "settings",
            "wordings",
        ),
    ),
    "gathering": Part(
        "shuyuan.learning.improvement.gathering:Gathering",
        ("db", "vault", "audit", "people", "records", "datasets"),
    ),
}

ROUTERS: dict[str, Part] = {
    "identity": Part("shuyuan.identity.routes:router", ("identity", "db")),
    "audit": Part("shuyuan.identity.activity:router", ("db", "audit")),
    "catalogue": Part("shuyuan.maas.catalogue.routes:router", ("catalogue",)),
    "datasets": Part("shuyuan.maas.datasets.routes:router", ("datasets",)),
    "evaluation": Part("shuyuan.maas.evaluation.routes:router", ("evaluation",)),
    "compression": Part("shuyuan.maas.compression.routes:router", ("compression",)),
    "conversion": Part("shuyuan.maas.conversion.routes:router", ("conversion",)),
    "training": Part("shuyuan.maas.training.routes:router", ("training",)),
    "serving": Part("shuyuan.maas.serving.routes:router", ("engine", "db", "audit", "catalogue", "identity")),
    "deployment": Part("shuyuan.maas.deployment.routes:router", ("deployment",)),
    "pipelines": Part("shuyuan.maas.pipelines.routes:router", ("pipelines",)),
    "gateway": Part("shuyuan.maas.gateway.routes:router", ("gateway", "batches")),
    "people": Part("shuyuan.learning.people.routes:router", ("people",)),
    "courses": Part("shuyuan.learning.courses.routes:router", ("courses",)),
    "tracing": Part("shuyuan.learning.tracing.routes:router", ("tracing", "courses", "people")),
    "assessment": Part("shuyuan.learning.assessment.routes:router", ("assessment", "people")),
    "testing": Part("shuyuan.learning.assessment.testroutes:router", ("assessment", "itembank", "people")),
    "recommendation": Part("shuyuan.learning.recommendation.routes:router", ("recommendation", "people")),
    "profiles": Part(
        "shuyuan.learning.recommendation.profileroutes:router",
        ("profiles", "outlooks", "advising", "recommendation", "people"),
    ),
    "insight": Part("shuyuan.learning.insight.routes:router", ("insight", "people", "warnings")),
    "comparing": Part("shuyuan.learning.insight.researchroutes:router", ("comparing", "answers_out")),
    "tutor": Part("shuyuan.learning.tutor.routes:router", ("tutor",)),
    "improvement": Part("shuyuan.learning.improvement.routes:router", ("improvement", "gathering", "errands")),
    "web": Part(
        "shuyuan.web.routes:router",
        (
            "identity",
            "people",
            "courses",
            "assessment",
            "records",
            "tracing",
            "recommendation",
            "insight",
            "warnings",
            "itembank",
            "tutor",
            "settings",
            "profiles",
            "outlooks",
            "advising",
        ),
    ),
    "office": Part(
        "shuyuan.web.office:router",
        (
            "identity",
            "people",
            "courses",
            "db",
            "audit",
            "settings",
            "catalogue",
            "engine",
            "gateway",
            "improvement",
            "tracing",
            "tutor",
            "itembank",
            "warnings",
            "outlooks",
            "errands",
        ),
    ),
    "research": Part(
        "shuyuan.web.research:router",
        ("identity", "people", "courses", "settings", "comparing", "warnings"),
    ),
    "workshop": Part(
        "shuyuan.web.workshop:router",
        (
            "identity",
            "people",
            "courses",
            "settings",
            "catalogue",
            "datasets",
            "training",
            "evaluation",
            "compression",
            "conversion",
            "deployment",
            "pipelines",
            "gathering",
        ),
    ),
}

JOBS: dict[str, Part] = {
    "catalogue": Part("shuyuan.maas.catalogue.jobs:register", ("catalogue", "outbox", "training")),
    "datasets": Part(
        "shuyuan.maas.datasets.jobs:register",
        (
            "datasets",
            "outbox",
            "scheduler",
            "storage",
            "training",
            "evaluation",
            "compression",
            "pipelines",
            "settings",
        ),
    ),
    "training": Part("shuyuan.maas.training.jobs:register", ("training", "scheduler", "evaluation")),
    "evaluation": Part("shuyuan.maas.evaluation.jobs:register", ("evaluation", "pipelines")),
    "compression": Part("shuyuan.maas.compression.jobs:register", ("compression",)),
    "conversion": Part("shuyuan.maas.conversion.jobs:register", ("conversion",)),
    "deployment": Part("shuyuan.maas.deployment.jobs:register", ("deployment", "scheduler")),
    "pipelines": Part("shuyuan.maas.pipelines.jobs:register", ("pipelines", "outbox", "scheduler")),
    "gateway": Part("shuyuan.maas.gateway.jobs:register", ("gateway", "scheduler", "outbox", "batches")),
    "assessment": Part("shuyuan.learning.assessment.jobs:register", ("scheduler", "itembank", "identity")),
    "recommendation": Part(
        "shuyuan.learning.recommendation.jobs:register",
        ("outbox", "scheduler", "outlooks", "pooling", "course_gains", "identity", "settings"),
    ),
    "insight": Part("shuyuan.learning.insight.jobs:register", ("outbox", "scheduler", "warnings", "identity")),
    "comparing": Part("shuyuan.learning.insight.comparing:register", ("outbox", "comparing")),
    "tutor": Part("shuyuan.learning.tutor.jobs:register", ("outbox", "tutor")),
    "improvement": Part(
        "shuyuan.learning.improvement.jobs:register",
        ("outbox", "scheduler", "improvement", "tracing", "identity", "gathering"),
    ),
    "workshop": Part("shuyuan.web.labs:register", ("outbox", "settings", "datasets")),
}

# Middleware before everything else: the short way in for the busiest routes of a module.
FRONTS: dict[str, Part] = {
    "gateway": Part("shuyuan.maas.gateway.routes.express:front", ("gateway", "identity", "settings")),
}

ERROR_PAGES: dict[str, str] = {
    "/v1": "shuyuan.maas.gateway.errors:error_page",
    "/v2": "shuyuan.maas.gateway.routes.inference:error_page",
    "/api": "shuyuan.kernel.http.app:json_error_page",
    "/": "shuyuan.web.errors:error_page",
}

# Largest request bodies, bytes, of paths that need another cap than `max_body_bytes`; a word names the setting.
BODY_CAPS: dict[str, int | str] = {
    "/api/roster": 6_000_000,
    "/people/roster": 6_000_000,
    "/v1/audio": 25_000_000,
    "/v1/ocr": 15_000_000,
    "/v1/images": 15_000_000,
    "/v1/files": 100_000_000,
    "/v2": 32_000_000,
    "/api/models/{name}/versions": "max_model_bytes",
    "/api/conversions": "max_model_bytes",
    "/api/datasets/{name}/versions": "max_data_bytes",
    "/admin/models/bring": "max_model_bytes",
    "/workshop/imports": "max_model_bytes",
    "/workshop/data/upload": "max_data_bytes",
}

PLANES: dict[str, tuple[str, ...]] = {
    "maas": (
        "identity",
        "audit",
        "catalogue",
        "datasets",
        "training",
        "evaluation",
        "compression",
        "conversion",
        "serving",
        "deployment",
        "pipelines",
        "gateway",
    ),
    "learning": (
        "identity",
        "audit",
        "people",
        "courses",
        "tracing",
        "assessment",
        "testing",
        "recommendation",
        "profiles",
        "insight",
        "comparing",
        "tutor",
        "improvement",
    ),
    "web": ("web", "office", "workshop", "research"),
}


def resolve(dotted: str) -> Any:  # Any: whatever the dotted name holds
    """The object behind "package.module:name"."""
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name)


def body_caps(settings: kernel_settings.Settings) -> dict[str, int]:
    """The caps of BODY_CAPS, in bytes."""
    return {path: getattr(settings, cap) if isinstance(cap, str) else cap for path, cap in BODY_CAPS.items()}


def load_tables() -> None:
    """Import every module that defines tables, so that the metadata is whole."""
    for module in TABLES:
        importlib.import_module(module)


class Platform:
    """The parts of one process, built when first asked for and closed in reverse order.

    A part whose `close` is a coroutine (the engine) belongs to an event loop: whoever runs the loop closes it.
    """

    def __init__(self, settings: kernel_settings.Settings, **given: object) -> None:
        self._built: dict[str, Any] = {"settings": settings, **given}
        self._lock = threading.RLock()

    @property
    def settings(self) -> kernel_settings.Settings:
        """What this installation was told."""
        settings: kernel_settings.Settings = self._built["settings"]
        return settings

    def get(self, name: str) -> Any:  # Any: the caller names the interface it expects
        """The part called `name`."""
        with self._lock:
            if name not in self._built:
                self._built[name] = self.make(PARTS[name])
            return self._built[name]

    def built(self, name: str) -> Any | None:
        """The part called `name` if something already asked for it."""
        with self._lock:
            return self._built.get(name)

    def make(self, part: Part) -> Any:
        """Call a part's factory with what it needs."""
        factory: Callable[..., Any] = resolve(part.factory)
        return factory(**{name: self.get(name) for name in part.needs})

    def routers(self, names: Iterable[str]) -> list[APIRouter]:
        """The HTTP routes of the named modules."""
        return [self.make(ROUTERS[name]) for name in names if name in ROUTERS]

    def fronts(self, names: Iterable[str]) -> list[Any]:
        """What stands before the application for the named modules: callables from an ASGI application to one."""
        return [self.make(FRONTS[name]) for name in names if name in FRONTS]

    def register_jobs(self, names: Iterable[str]) -> None:
        """Subscribe the named modules' handlers and periodic work."""
        for name in names:
            if name in JOBS:
                self.make(JOBS[name])

    def close(self) -> None:
        """Close what was built, last first."""
        with self._lock:
            for name in reversed(list(self._built)):
                closer = getattr(self._built[name], "close", None)
                if closer is not None and not inspect.iscoroutinefunction(closer):
                    closer()
            self._built = {"settings": self.settings}
