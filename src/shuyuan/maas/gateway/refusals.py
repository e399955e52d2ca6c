"""Why the gateway refuses a call, or gives no answer to it."""

from shuyuan.kernel import errors
from shuyuan.maas.gateway.charges import Allowance, Scope


class QuotaFull(errors.RateLimited):
    """The allowance of this period is used up or held by calls still running."""

    code = "insufficient_quota"

    def __init__(
        self,
        message: str,
        *,
        fix: str,
        retry_after_s: float,
        allowances: tuple[Allowance, ...],
        scope: Scope = "account",
    ) -> None:
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.allowances, self.scope = allowances, scope


class StreamsFull(QuotaFull):
    """As many calls as are allowed at once are running: one of them ending makes room."""

    code = "too_many_at_once"


class Suspended(errors.Forbidden):
    """Exam mode: the model API is closed to this person for now."""

    code = "suspended"


class NotClaimed(errors.BadInput):
    """The model's card does not claim this task. param: the field that asks for it."""

    code = "not_claimed"

    def __init__(self, message: str, *, fix: str = "", param: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.param = param


class NotInstalled(errors.Conflict):
    """The optional part that runs this model is not installed on this server."""

    code = "runner_not_installed"


class OutputCut(errors.BadInput):
    """The model reached its limit before it was done: what it gave is not whole, so it is not given."""

    code = "output_cut"


class EmptyOutput(errors.ShuyuanError):
    """The model gave nothing where an answer was asked for."""

    status, code = 502, "empty_output"


class WrongLanguage(errors.ShuyuanError):
    """The model answered in another language than it was asked for, twice."""

    status, code = 502, "wrong_language"


class ContentPolicy(errors.BadInput):
    """The education policy keeps this from the caller's age band; no model has seen it."""

    code = "content_policy"


class TooMuch(errors.BadInput):
    """Over a stated cap of one request. param: the field, where it has a name."""

    code = "too_much"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, fix=fix, code=code)
        self.param = param
