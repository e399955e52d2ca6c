"""One error tree. Raise at the rule, translate to HTTP at the edge.

Every error carries a stable `code` for programs, a `message` for people that names the value, and the
`fix`. Expected conflicts are errors of this tree; anything else that escapes is a defect (500).
"""

from typing import ClassVar


class ShuyuanError(Exception):
    """Base of all expected errors. `status` is the HTTP status the edge answers with."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.error_code = code or type(self).code

    def to_dict(self) -> dict[str, str]:
        """The body every API answers with: code, message, fix."""
        return {"code": self.error_code, "message": self.message, "fix": self.fix}


class BadInput(ShuyuanError):
    """Well-formed, but against a rule: names the value and the fix."""

    status, code = 400, "bad_input"


class Malformed(ShuyuanError):
    """Not even readable as what it should be."""

    status, code = 422, "malformed"


class Unauthenticated(ShuyuanError):
    """Nobody is signed in, or the key is unknown, expired or revoked."""

    status, code = 401, "unauthenticated"


class Forbidden(ShuyuanError):
    """Known, but not allowed."""

    status, code = 403, "forbidden"


class NotFound(ShuyuanError):
    """Not there, or not in the caller's school: both look the same from outside."""

    status, code = 404, "not_found"


class MethodNotAllowed(ShuyuanError):
    """The address is there, and does not answer to this verb."""

    status, code = 405, "method_not_allowed"


class Conflict(ShuyuanError):
    """The state does not allow it (closed attempt, duplicate name)."""

    status, code = 409, "conflict"


class TooLarge(ShuyuanError):
    """Over a stated cap."""

    status, code = 413, "too_large"


class RateLimited(ShuyuanError):
    """Over a quota or a queue bound; `retry_after_s` says when to come back."""

    status, code = 429, "rate_limited"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None, retry_after_s: float = 1.0) -> None:
        super().__init__(message, fix=fix, code=code)
        self.retry_after_s = retry_after_s


class Unavailable(ShuyuanError):
    """Not now (a model still loading, a worker lost); `retry_after_s` says when to come back."""

    status, code = 503, "unavailable"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None, retry_after_s: float = 1.0) -> None:
        super().__init__(message, fix=fix, code=code)
        self.retry_after_s = retry_after_s
