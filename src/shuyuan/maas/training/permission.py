"""Who may look at training, who may stop it, and when nothing is trained."""

from datetime import datetime

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import errors

_OWN = "teacher"  # may start runs, and stop what they started


def require_reader(principal: Principal) -> None:
    """Raise Forbidden for pupils and guardians."""
    principal.require("admin", "developer", "teacher")


def is_exam(identity: Identity, now: datetime) -> bool:
    """Whether an exam of any school runs."""
    until = (identity.exam_until(school.id) for school in identity.schools())
    return any(one is not None and one > now for one in until)


def require_own_key(key: str) -> None:
    """Raise BadInput for a key of the kind by which searches, cross-validations and pipelines find their runs again.

    Whoever took one beforehand would have a run of their own choice stand in for theirs.
    """
    if taken := sorted({":", "/"} & set(key)):
        raise errors.BadInput(f"the key {key[:60]!r} holds {taken[0]!r}", fix="use a key without : and /")


def require_own(principal: Principal, created_by: str) -> None:
    """Administrators and developers stop anybody's; teachers what they started. Raises Forbidden."""
    require_reader(principal)
    if principal.role == _OWN and created_by != principal.account_id:
        raise errors.Forbidden("somebody else started it", fix="ask whoever did, or an administrator")
