"""Who may look at training, and who may stop it."""

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors

_OWN = "teacher"  # may start runs, and stop what they started


def require_reader(principal: Principal) -> None:
    """Raise Forbidden for pupils and guardians."""
    principal.require("admin", "developer", "teacher")


def require_own(principal: Principal, created_by: str) -> None:
    """Administrators and developers stop anybody's; teachers what they started. Raises Forbidden."""
    require_reader(principal)
    if principal.role == _OWN and created_by != principal.account_id:
        raise errors.Forbidden("somebody else started it", fix="ask whoever did, or an administrator")
