"""Who may call what: every route of the application, one line each. What is not listed is refused to everyone.

A key is (method, path template). The gate in `identity.http` reads this table before any handler runs, and a
test compares it with the application's routes in both directions.
"""

from dataclasses import dataclass
from typing import Literal

from shuyuan.identity.interface import ROLES, Role

Scope = Literal["models", "learning", "admin"]


@dataclass(frozen=True)
class Allow:
    """Who passes. `scope` is what an API key must carry (a signed-in page has every scope); None: any key.

    open: nobody needs to be signed in.  loopback: a caller on this machine passes too, without signing in.
    owner: so does a command of this machine's owner, with the key in the home (`identity.owner`).
    machine: it tells of every school: once there are several, only loopback and owner pass.
    """

    roles: frozenset[Role]
    scope: Scope | None = None
    open: bool = False
    loopback: bool = False
    owner: bool = False
    machine: bool = False


def public() -> Allow:
    """Anyone, signed in or not."""
    return Allow(frozenset(ROLES), open=True)


def allow(*roles: Role, scope: Scope | None = "learning", loopback: bool = False, owner: bool = False) -> Allow:
    """Only these roles."""
    return Allow(frozenset(roles), scope=scope, loopback=loopback, owner=owner)


def whole_machine() -> Allow:
    """What tells of every school: this machine and its owner; an administrator while theirs is the only school."""
    return Allow(frozenset({"admin"}), scope="admin", loopback=True, owner=True, machine=True)


def signed_in(scope: Scope | None = "learning") -> Allow:
    """Every role, once signed in."""
    return Allow(frozenset(ROLES), scope=scope)


# pupils and guardians reach a model only through the tutor, which guards what it says
RAW_MODELS = allow("admin", "teacher", "developer", scope="models")

# a teacher may try a training on the school's data, and stop what they started; what is served is not theirs to choose
RESEARCH = allow("admin", "teacher", "developer", scope="models", owner=True)

ACCESS: dict[tuple[str, str], Allow] = {
    # kernel: health
    ("GET", "/healthz"): public(),
    ("GET", "/readyz"): public(),
    ("GET", "/version"): public(),
    ("GET", "/openapi.json"): public(),
    ("GET", "/metrics"): whole_machine(),
    # identity
    ("POST", "/api/session"): public(),
    ("POST", "/api/session/pupil"): public(),
    ("GET", "/api/session"): signed_in(scope=None),
    ("DELETE", "/api/session"): signed_in(scope=None),
    ("PUT", "/api/session/language"): signed_in(scope=None),
    ("PUT", "/api/session/password"): allow("admin", "teacher", "guardian", "developer", scope="admin"),
    ("GET", "/api/keys"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/api/keys"): allow("admin", "teacher", "developer", scope="admin"),
    ("DELETE", "/api/keys/{key_id}"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/api/accounts"): allow("admin", scope="admin"),
    ("POST", "/api/accounts"): allow("admin", scope="admin"),
    ("PATCH", "/api/accounts/{account_id}"): allow("admin", scope="admin"),
    ("POST", "/api/accounts/{account_id}/reset"): allow("admin", scope="admin"),
    ("DELETE", "/api/accounts/{account_id}/sessions"): allow("admin", scope="admin"),
    ("PUT", "/api/groups/{group_id}/suspension"): allow("admin", "teacher"),
    ("DELETE", "/api/groups/{group_id}/suspension"): allow("admin", "teacher"),
    # maas/catalogue
    ("GET", "/api/models"): allow("admin", "developer", scope="models"),
    ("POST", "/api/models/{name}/pull"): allow("admin", scope="admin"),
    ("DELETE", "/api/models/{name}/pull"): allow("admin", scope="admin"),
    ("GET", "/api/models/{name}/versions"): allow("admin", "developer", scope="models"),
    ("POST", "/api/models/{name}/versions"): allow("admin", "developer", scope="models"),
    ("POST", "/api/models/{name}/aliases/{alias}"): allow("admin", scope="admin"),
    # maas/evaluation
    ("GET", "/api/reports"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/reports"): allow("admin", "developer", scope="models"),
    ("GET", "/api/reports/{report_id}"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/reports/{report_id}/html"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/reports/{report_id}/verdicts"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/gates"): allow("admin", "teacher", "developer", scope="models"),
    ("PUT", "/api/gates/{name}"): allow("admin", scope="admin"),
    ("POST", "/api/gates/{name}/judge"): allow("admin", "developer", scope="models"),
    ("GET", "/api/test-readings"): allow("admin", "teacher", "developer", scope="models"),
    # maas/deployment
    ("GET", "/api/deployments"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/deployments/{name}"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/deployments/{name}"): allow("admin", "developer", scope="admin"),
    ("POST", "/api/deployments/{name}/stop"): allow("admin", "developer", scope="admin"),
    ("POST", "/api/deployments/{name}/promote"): allow("admin", "developer", scope="admin"),
    ("POST", "/api/deployments/{name}/rollback"): allow("admin", "developer", scope="admin"),
    ("GET", "/api/models/{name}/versions/{number}/lineage"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/models/{name}/versions/{number}/bundle"): allow("admin", "developer", scope="models"),
    ("POST", "/api/edge-reports"): allow("admin", "developer", scope="models"),
    # maas/pipelines
    ("GET", "/api/pipelines"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/pipelines/{pipeline_id}"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/pipelines/{pipeline_id}/picture"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/pipelines"): allow("admin", "developer", scope="models"),
    ("POST", "/api/pipelines/{pipeline_id}/cancel"): allow("admin", "developer", scope="models"),
    ("GET", "/api/pipeline-schedules"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/pipeline-schedules"): allow("admin", "developer", scope="models"),
    ("POST", "/api/pipeline-schedules/{schedule_id}/pause"): allow("admin", "developer", scope="models"),
    ("POST", "/api/pipeline-schedules/{schedule_id}/resume"): allow("admin", "developer", scope="models"),
    ("GET", "/api/pipeline-tasks"): allow("admin", "teacher", "developer", scope="models"),
    ("DELETE", "/api/pipeline-schedules/{schedule_id}"): allow("admin", "developer", scope="models"),
    # maas/datasets
    ("GET", "/api/datasets"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/datasets/steps"): allow("admin", "teacher", "developer", scope="models"),
    ("GET", "/api/datasets/works/{work_id}"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/datasets/works/{work_id}/cancel"): allow("admin", "developer", scope="models"),
    ("GET", "/api/datasets/{name}/versions"): allow("admin", "teacher", "developer", scope="models"),
    ("POST", "/api/datasets/{name}/versions"): allow("admin", "developer", scope="models"),
    ("GET", "/api/datasets/{name}/{number:int}"): allow("admin", "teacher", "developer", scope="models"),
    ("PUT", "/api/datasets/{name}/{number:int}/consent"): allow("admin", scope="admin"),
    ("POST", "/api/datasets/{name}/{number:int}/purge"): allow("admin", scope="admin"),
    ("POST", "/api/datasets/{name}/{number:int}/erase"): allow("admin", scope="admin"),
    ("GET", "/api/datasets/{name}/{number:int}/users"): allow("admin", "teacher", "developer", scope="models"),
    ("DELETE", "/api/datasets/{name}/{number:int}"): allow("admin", "developer", scope="models"),
    ("POST", "/api/datasets/{name}/{number:int}/prepare"): allow("admin", "developer", scope="models"),
    ("GET", "/api/datasets/{name}/{number:int}/parts/{part}"): allow("admin", "developer", scope="models"),
    # learning/improvement: the school's own answers as a data set; who is in it is asked of their consent
    ("GET", "/api/records/datasets"): allow("admin", "teacher", scope="models"),
    ("POST", "/api/records/datasets"): allow("admin", "teacher", scope="models"),
    # maas/training
    ("GET", "/api/training/tasks"): RESEARCH,
    ("POST", "/api/runs"): RESEARCH,
    ("GET", "/api/runs"): RESEARCH,
    ("GET", "/api/runs/{run_id}"): RESEARCH,
    ("GET", "/api/runs/{run_id}/metrics"): RESEARCH,
    ("GET", "/api/runs/{run_id}/events"): RESEARCH,
    ("POST", "/api/runs/{run_id}/pause"): RESEARCH,
    ("POST", "/api/runs/{run_id}/resume"): RESEARCH,
    ("POST", "/api/runs/{run_id}/cancel"): RESEARCH,
    ("GET", "/api/runs/{run_id}/out/{name:path}"): RESEARCH,
    ("POST", "/api/runs/{run_id}/register"): allow("admin", "developer", scope="models", owner=True),
    ("POST", "/api/searches"): RESEARCH,
    ("GET", "/api/searches"): RESEARCH,
    ("GET", "/api/searches/{search_id}"): RESEARCH,
    ("GET", "/api/searches/{search_id}/trials"): RESEARCH,
    ("POST", "/api/searches/{search_id}/cancel"): RESEARCH,
    # maas/compression
    ("GET", "/api/compressions/methods"): allow("admin", "developer", scope="models"),
    ("GET", "/api/compressions"): allow("admin", "developer", scope="models"),
    ("POST", "/api/compressions"): allow("admin", "developer", scope="models"),
    ("GET", "/api/compressions/{compression_id}"): allow("admin", "developer", scope="models"),
    ("POST", "/api/compressions/{compression_id}/cancel"): allow("admin", "developer", scope="models"),
    # maas/serving: which models are in memory
    ("GET", "/api/models/residency"): allow("admin", "developer", scope="models", owner=True),
    ("POST", "/api/models/{name:path}/load"): allow("admin", "developer", scope="models", owner=True),
    ("POST", "/api/models/{name:path}/unload"): allow("admin", "developer", scope="models", owner=True),
    ("PUT", "/api/models/{name:path}/pin"): allow("admin", "developer", scope="models", owner=True),
    # learning/people
    ("GET", "/api/classes"): allow("admin", "teacher", "student"),
    ("POST", "/api/classes"): allow("admin", "teacher"),
    ("GET", "/api/classes/{class_id}"): allow("admin", "teacher", "student"),
    ("PUT", "/api/classes/{class_id}/courses"): allow("admin", "teacher"),
    ("PUT", "/api/classes/{class_id}/tutor"): allow("admin", "teacher"),
    ("POST", "/api/classes/{class_id}/teachers"): allow("admin"),
    ("DELETE", "/api/classes/{class_id}/teachers/{account_id}"): allow("admin"),
    ("GET", "/api/classes/{class_id}/learners"): allow("admin", "teacher", "student"),
    ("POST", "/api/roster"): allow("admin", "teacher"),
    ("GET", "/api/learners/{learner_id}"): allow("admin", "teacher", "student"),
    ("DELETE", "/api/learners/{learner_id}"): allow("admin"),
    ("POST", "/api/learners/{learner_id}/pin"): allow("admin", "teacher"),
    ("PUT", "/api/learners/{learner_id}/consent"): allow("admin", "teacher"),
    ("GET", "/api/learners/{learner_id}/views"): allow("admin", "teacher", "student"),
    # learning/courses
    ("GET", "/api/courses"): allow("admin", "teacher", "student"),
    ("POST", "/api/courses"): allow("admin", "teacher"),
    ("GET", "/api/courses/{course_id}"): allow("admin", "teacher", "student"),
    ("GET", "/api/lessons/{lesson_id}"): allow("admin", "teacher", "student"),
    # learning/tutor
    ("POST", "/api/attempts/{attempt_id}/items/{item_id}/tutor"): allow("student"),
    ("GET", "/api/tutor"): allow("student"),
    ("GET", "/api/learners/{learner_id}/tutor-transcript"): allow("admin", "teacher", "student"),
    ("GET", "/api/care"): allow("admin", "teacher"),
    ("POST", "/api/care/{concern_id}/seen"): allow("admin", "teacher"),
    # learning/tracing, recommendation, insight: what a learner knows, does next, and what a class needs
    ("GET", "/api/learners/{learner_id}/mastery"): allow("admin", "teacher", "student"),
    ("GET", "/api/learners/{learner_id}/next"): allow("admin", "teacher", "student"),
    ("GET", "/api/learners/{learner_id}/mistakes"): allow("admin", "teacher", "student"),
    ("GET", "/api/learners/{learner_id}/responses"): allow("admin", "teacher", "student"),
    ("GET", "/api/classes/{class_id}/today"): allow("admin", "teacher"),
    ("GET", "/api/classes/{class_id}/map"): allow("admin", "teacher"),
    ("GET", "/api/classes/{class_id}/answers"): allow("admin", "teacher"),
    # learning/assessment
    ("POST", "/api/attempts"): allow("admin", "teacher", "student"),
    ("GET", "/api/attempts/{attempt_id}"): allow("admin", "teacher", "student"),
    ("GET", "/api/attempts/{attempt_id}/questions/{item_id}"): allow("admin", "teacher", "student"),
    ("POST", "/api/attempts/{attempt_id}/answers"): allow("admin", "teacher", "student"),
    ("POST", "/api/attempts/{attempt_id}/hints"): allow("admin", "teacher", "student"),
    ("GET", "/api/attempts/{attempt_id}/key"): allow("teacher", "admin"),
    ("POST", "/api/attempts/{attempt_id}/close"): allow("admin", "teacher", "student"),
    ("GET", "/api/assignments"): allow("admin", "teacher", "student"),
    ("POST", "/api/assignments/preview"): allow("admin", "teacher"),
    ("POST", "/api/assignments"): allow("admin", "teacher"),
    ("POST", "/api/assignments/{assignment_id}/undo"): allow("admin", "teacher"),
    ("POST", "/api/assignments/{assignment_id}/start"): allow("student"),
    ("POST", "/api/papers"): allow("admin", "teacher"),
    # maas/gateway
    ("GET", "/v1/models"): RAW_MODELS,
    ("GET", "/v1/models/{model:path}"): RAW_MODELS,
    ("POST", "/v1/chat/completions"): RAW_MODELS,
    ("POST", "/v1/embeddings"): RAW_MODELS,
    ("POST", "/v1/services/summarize"): RAW_MODELS,
    ("POST", "/v1/services/translate"): RAW_MODELS,
    ("POST", "/v1/services/classify"): RAW_MODELS,
    ("POST", "/v1/completions"): RAW_MODELS,
    ("POST", "/v1/rerank"): RAW_MODELS,
    ("POST", "/v1/tokenize"): RAW_MODELS,
    ("POST", "/v1/detokenize"): RAW_MODELS,
    ("POST", "/v1/moderations"): RAW_MODELS,
    ("POST", "/v1/services/keywords"): RAW_MODELS,
    ("POST", "/v1/services/sentiment"): RAW_MODELS,
    ("GET", "/v1/usage"): RAW_MODELS,
    ("GET", "/api/usage"): RAW_MODELS,
    ("GET", "/api/usage/calls"): RAW_MODELS,
    ("PUT", "/api/quotas/{scope}/{scope_id}"): allow("admin", scope="admin"),
    ("GET", "/api/terms"): RAW_MODELS,
    ("PUT", "/api/terms"): allow("admin", scope="admin"),
    # maas/gateway: sound, pictures, files, batches
    ("POST", "/v1/audio/transcriptions"): RAW_MODELS,
    ("POST", "/v1/audio/translations"): RAW_MODELS,
    ("POST", "/v1/audio/speech"): RAW_MODELS,
    ("POST", "/v1/ocr"): RAW_MODELS,
    ("POST", "/v1/images/classifications"): RAW_MODELS,
    ("POST", "/v1/images/detections"): RAW_MODELS,
    ("POST", "/v1/images/generations"): RAW_MODELS,
    ("GET", "/v1/files"): RAW_MODELS,
    ("POST", "/v1/files"): RAW_MODELS,
    ("GET", "/v1/files/{file_id}"): RAW_MODELS,
    ("DELETE", "/v1/files/{file_id}"): RAW_MODELS,
    ("GET", "/v1/files/{file_id}/content"): RAW_MODELS,
    ("GET", "/v1/batches"): RAW_MODELS,
    ("POST", "/v1/batches"): RAW_MODELS,
    ("GET", "/v1/batches/{batch_id}"): RAW_MODELS,
    ("POST", "/v1/batches/{batch_id}/cancel"): RAW_MODELS,
    # maas/gateway: the Open Inference Protocol
    ("GET", "/v2"): public(),
    ("GET", "/v2/health/live"): public(),
    ("GET", "/v2/health/ready"): public(),
    ("GET", "/v2/models/{model:path}"): RAW_MODELS,
    ("GET", "/v2/models/{model:path}/ready"): RAW_MODELS,
    ("POST", "/v2/models/{model:path}/infer"): RAW_MODELS,
    ("GET", "/v2/models/{model:path}/versions/{version}"): RAW_MODELS,
    ("GET", "/v2/models/{model:path}/versions/{version}/ready"): RAW_MODELS,
    ("POST", "/v2/models/{model:path}/versions/{version}/infer"): RAW_MODELS,
    ("POST", "/v2/repository/index"): RAW_MODELS,
    ("POST", "/v2/repository/models/{model:path}/load"): allow("admin", "developer", scope="models"),
    ("POST", "/v2/repository/models/{model:path}/unload"): allow("admin", "developer", scope="models"),
    # identity: the activity log
    ("GET", "/api/audit"): allow("admin", scope="admin"),
    ("GET", "/api/audit/verify"): allow("admin", scope="admin"),
    # learning/improvement
    ("GET", "/api/loop"): allow("admin", "teacher", "developer"),
    ("POST", "/api/loop/turn"): allow("admin"),
    ("POST", "/api/loop/versions/{version_id}/use"): allow("admin"),
    # web
    ("GET", "/static/{version}/{name:path}"): public(),
    ("GET", "/"): public(),
    ("GET", "/help"): public(),
    ("POST", "/preferences"): public(),
    ("GET", "/enter"): public(),
    ("POST", "/enter/pupil"): public(),
    ("POST", "/enter/adult"): public(),
    ("GET", "/enter/{token}"): public(),
    ("POST", "/enter/{token}/as"): public(),
    ("POST", "/enter/{token}/first"): public(),
    ("POST", "/leave"): public(),
    ("GET", "/learn/today"): allow("student", scope="admin"),
    ("GET", "/learn/me"): allow("student", scope="admin"),
    ("GET", "/learn/course"): allow("student", scope="admin"),
    ("GET", "/learn/lesson"): allow("student", "teacher", scope="admin"),
    ("GET", "/learn/map"): allow("student", scope="admin"),
    ("GET", "/learn/point"): allow("student", scope="admin"),
    ("GET", "/learn/mistakes"): allow("student", scope="admin"),
    ("POST", "/learn/redo"): allow("student", scope="admin"),
    ("POST", "/learn/start"): allow("student", scope="admin"),
    ("POST", "/learn/practise"): allow("student", scope="admin"),
    ("POST", "/learn/practise-lesson"): allow("student", scope="admin"),
    ("GET", "/learn/practice/{attempt_id}"): allow("student", scope="admin"),
    ("POST", "/learn/practice/{attempt_id}/answer"): allow("student", scope="admin"),
    ("POST", "/learn/practice/{attempt_id}/hint"): allow("student", scope="admin"),
    ("POST", "/learn/practice/{attempt_id}/tutor"): allow("student", scope="admin"),
    ("POST", "/learn/practice/{attempt_id}/close"): allow("student", scope="admin"),
    ("GET", "/learn/practice/{attempt_id}/done"): allow("student", scope="admin"),
    ("GET", "/learn/practice/{attempt_id}/hints"): allow("student", scope="admin"),
    ("GET", "/teach/today"): allow("teacher", scope="admin"),
    ("GET", "/care/{concern_id}"): allow("admin", "teacher", scope="admin"),
    ("POST", "/care/{concern_id}/seen"): allow("admin", "teacher", scope="admin"),
    ("GET", "/teach/class"): allow("teacher", scope="admin"),
    ("GET", "/teach/class.csv"): allow("teacher", scope="admin"),
    ("GET", "/teach/learners/{learner_id}"): allow("teacher", scope="admin"),
    ("GET", "/teach/learners/{learner_id}/today"): allow("teacher", scope="admin"),
    ("GET", "/teach/assign"): allow("teacher", scope="admin"),
    ("POST", "/teach/assign"): allow("teacher", scope="admin"),
    ("POST", "/teach/assign/{assignment_id}/undo"): allow("teacher", scope="admin"),
    ("GET", "/teach/papers"): allow("teacher", scope="admin"),
    ("POST", "/teach/papers"): allow("teacher", scope="admin"),
    ("GET", "/teach/questions"): allow("teacher", scope="admin"),
    # web: administrator, developer, loop
    ("GET", "/admin"): allow("admin", scope="admin"),
    ("POST", "/admin/backup"): allow("admin", scope="admin"),
    ("POST", "/admin/responsible"): allow("admin", scope="admin"),
    ("POST", "/admin/courses"): allow("admin", scope="admin"),
    ("POST", "/admin/measure"): allow("admin", scope="admin"),
    ("GET", "/admin/people"): allow("admin", scope="admin"),
    ("POST", "/admin/people/classes"): allow("admin", scope="admin"),
    ("GET", "/admin/people/classes/{class_id}"): allow("admin", scope="admin"),
    ("POST", "/admin/people/classes/{class_id}"): allow("admin", scope="admin"),
    ("POST", "/admin/people/classes/{class_id}/teachers"): allow("admin", scope="admin"),
    ("POST", "/admin/people/learners/{learner_id}/pin"): allow("admin", scope="admin"),
    ("POST", "/admin/people/accounts"): allow("admin", scope="admin"),
    ("POST", "/admin/people/accounts/{account_id}/reset"): allow("admin", scope="admin"),
    ("POST", "/admin/people/accounts/{account_id}/active"): allow("admin", scope="admin"),
    ("GET", "/people/roster"): allow("admin", scope="admin"),
    ("POST", "/people/roster"): allow("admin", scope="admin"),
    ("POST", "/people/roster/import"): allow("admin", scope="admin"),
    ("POST", "/people/roster/slips"): allow("admin", scope="admin"),
    ("POST", "/admin/people/once"): allow("admin", scope="admin"),
    ("GET", "/admin/models"): allow("admin", scope="admin"),
    ("GET", "/admin/models/strip"): allow("admin", scope="admin"),
    ("GET", "/admin/models/{name}"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/pull"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/cancel"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/load"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/unload"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/pin"): allow("admin", scope="admin"),
    ("POST", "/admin/models/{name}/use"): allow("admin", scope="admin"),
    ("POST", "/admin/models/bring"): allow("admin", scope="admin"),
    ("GET", "/admin/usage"): allow("admin", scope="admin"),
    ("POST", "/admin/usage/limits"): allow("admin", scope="admin"),
    ("POST", "/admin/usage/terms"): allow("admin", scope="admin"),
    ("GET", "/admin/live"): allow("admin", scope="admin"),
    ("GET", "/admin/live/charts"): allow("admin", scope="admin"),
    ("GET", "/quota"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/admin/audit"): allow("admin", scope="admin"),
    ("GET", "/admin/privacy"): allow("admin", scope="admin"),
    ("POST", "/admin/privacy/{class_id}"): allow("admin", scope="admin"),
    ("GET", "/admin/privacy/erase/{learner_id}"): allow("admin", scope="admin"),
    ("POST", "/admin/privacy/erase/{learner_id}"): allow("admin", scope="admin"),
    ("GET", "/developer"): allow("developer", "admin", scope="admin"),
    ("POST", "/developer/keys"): allow("developer", "admin", scope="admin"),
    ("POST", "/developer/keys/{key_id}/revoke"): allow("developer", "admin", scope="admin"),
    ("POST", "/developer/run"): allow("developer", "admin", scope="admin"),
    ("GET", "/developer/playground"): allow("developer", "admin", scope="admin"),
    ("POST", "/developer/playground"): allow("developer", "admin", scope="admin"),
    ("POST", "/developer/playground/side"): allow("developer", "admin", scope="admin"),
    ("GET", "/loop"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/loop/turn"): allow("admin", scope="admin"),
    ("POST", "/loop/versions/{version_id}/use"): allow("admin", scope="admin"),
    # web: the model workshop; a teacher looks and trains
    ("GET", "/workshop"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/data"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/data/upload"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/works/{work_id}"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/works/{work_id}/cancel"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/data/{name}"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/data/{name}/{number:int}"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/data/{name}/{number:int}/prepare"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/data/{name}/{number:int}/delete"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/data/{name}/{number:int}/consent"): allow("admin", scope="admin"),
    ("POST", "/workshop/data/{name}/{number:int}/purge"): allow("admin", scope="admin"),
    ("POST", "/workshop/data/{name}/{number:int}/erase"): allow("admin", scope="admin"),
    ("POST", "/workshop/data/from-answers"): allow("admin", "teacher", scope="admin"),
    ("GET", "/workshop/new-run"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/runs"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/runs"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/runs/compare"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/runs/{run_id}"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/runs/{run_id}/{verb}"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/new-search"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/searches"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/searches"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/searches/{search_id}"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/searches/{search_id}/cancel"): allow("admin", "teacher", "developer", scope="admin"),
    ("GET", "/workshop/reports"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/reports"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/reports/{report_id}"): allow("admin", "teacher", "developer", scope="admin"),
    ("POST", "/workshop/reports/{report_id}/judge"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/models"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/models/{name}"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/models/{name}/{verb}"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/pipelines"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/pipelines"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/pipelines/{pipeline_id}"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/pipelines/{pipeline_id}/cancel"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/lab"): allow("admin", "developer", scope="admin"),
    ("POST", "/workshop/lab"): allow("admin", "developer", scope="admin"),
    ("GET", "/workshop/lab/{lab_id}"): allow("admin", "developer", scope="admin"),
}
