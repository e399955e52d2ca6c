"""The hot write path, one call at a time: what tests of the books' rules begin, settle and release."""

from shuyuan.kernel import db
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import ledger


def reserve(uow: db.UnitOfWork, ask: ledger.Ask, request_id: str) -> ledger.Reserved:
    """Begin one call: charge every quota of it or none. Raises QuotaFull, naming the one that is full."""
    answer = ledger.post(uow, [], [(request_id, ask)])[1][0]
    if isinstance(answer, interface.QuotaFull):
        raise answer
    return answer


def settle(
    uow: db.UnitOfWork, request_id: str, *, prompt_tokens: int, completion_tokens: int, outcome: str, overhead_ms: float
) -> bool:
    """Replace a reservation by the true cost. False when it was settled before: then nothing changes."""
    close = ledger.Close(request_id, outcome, False, prompt_tokens, completion_tokens, overhead_ms)
    return ledger.post(uow, [close], [])[0][0]


def release(uow: db.UnitOfWork, request_id: str, outcome: str) -> bool:
    """Give everything back: nothing was answered. False when the call was settled or released before."""
    return ledger.post(uow, [ledger.Close(request_id, outcome, released=True)], [])[0][0]
