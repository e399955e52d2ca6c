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
    """

    roles: frozenset[Role]
    scope: Scope | None = None
    open: bool = False
    loopback: bool = False


def public() -> Allow:
    """Anyone, signed in or not."""
    return Allow(frozenset(ROLES), open=True)


def allow(*roles: Role, scope: Scope | None = "learning", loopback: bool = False) -> Allow:
    """Only these roles."""
    return Allow(frozenset(roles), scope=scope, loopback=loopback)


def signed_in(scope: Scope | None = "learning") -> Allow:
    """Every role, once signed in."""
    return Allow(frozenset(ROLES), scope=scope)


ACCESS: dict[tuple[str, str], Allow] = {
    # kernel: health
    ("GET", "/healthz"): public(),
    ("GET", "/readyz"): public(),
    ("GET", "/version"): public(),
    ("GET", "/openapi.json"): public(),
    ("GET", "/metrics"): allow("admin", scope="admin", loopback=True),
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
    # maas/gateway
    ("GET", "/v1/models"): signed_in(scope="models"),
    ("GET", "/v1/models/{model:path}"): signed_in(scope="models"),
    ("POST", "/v1/chat/completions"): signed_in(scope="models"),
    ("POST", "/v1/embeddings"): signed_in(scope="models"),
    ("POST", "/v1/services/summarize"): signed_in(scope="models"),
    ("POST", "/v1/services/translate"): signed_in(scope="models"),
    ("POST", "/v1/services/classify"): signed_in(scope="models"),
    ("GET", "/v1/usage"): signed_in(scope="models"),
    ("GET", "/api/usage"): signed_in(scope="models"),
    ("GET", "/api/usage/calls"): signed_in(scope="models"),
    ("PUT", "/api/quotas/{scope}/{scope_id}"): allow("admin", scope="admin"),
    # identity: the activity log
    ("GET", "/api/audit"): allow("admin", scope="admin"),
    ("GET", "/api/audit/verify"): allow("admin", scope="admin"),
    # learning/improvement
    ("GET", "/api/loop"): allow("admin", "teacher", "developer"),
    ("POST", "/api/loop/turn"): allow("admin"),
    ("POST", "/api/loop/versions/{version_id}/use"): allow("admin"),
}
