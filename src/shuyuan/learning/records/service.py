"""Append and read responses."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import crypto, outbox
from shuyuan.kernel import db as kernel_db
from shuyuan.learning.records import store
from shuyuan.learning.records.interface import ANSWER_RECORDED, Response

_SEALED_AS = "records_response.answer"
UNREAD = ""  # stands for an answer that background work has no business reading


class RecordsService:
    """The `Records` of one installation."""

    def __init__(self, db: kernel_db.Database, vault: crypto.Vault, outbox: outbox.Outbox) -> None:
        self._db, self._vault, self._outbox = db, vault, outbox

    def append(self, uow: kernel_db.UnitOfWork, response: Response) -> bool:
        sealed = self._vault.seal(uow, response.learner_id, _SEALED_AS, response.answer)
        if not store.insert(uow.conn, _to_row(response, sealed)):
            return False
        self._outbox.emit(
            uow,
            ANSWER_RECORDED,
            school_id=response.school_id,
            subject_id=response.learner_id,
            response_id=response.id,
            item_id=response.item_id,
            correct=response.correct,
            points=list(response.points),
        )
        return True

    def find(
        self, conn_or_uow: kernel_db.UnitOfWork, attempt_id: str, item_id: str, client_key: str
    ) -> Response | None:
        row = store.find(conn_or_uow.conn, attempt_id, item_id, client_key)
        return None if row is None else self._opened(conn_or_uow.conn, row)

    def last_of_attempt(self, uow: kernel_db.UnitOfWork, attempt_id: str) -> list[Response]:
        return [_from_row(row, UNREAD) for row in store.last_of_attempt(uow.conn, attempt_id)]

    def count_as_evidence(
        self, uow: kernel_db.UnitOfWork, response_id: str, *, p_before: float, tracer_version: str, at: datetime
    ) -> None:
        counted = {"p_before": p_before, "tracer_version": tracer_version, "counted_at": at}
        store.count_as_evidence(uow.conn, response_id, counted)

    def release(self, uow: kernel_db.UnitOfWork, attempt_id: str) -> None:
        store.release(uow.conn, attempt_id)

    def of_learner(
        self, principal: Principal, learner_id: str, *, point_id: str | None = None, limit: int = 200
    ) -> list[Response]:
        return self.of_learners(principal, [learner_id], point_id=point_id, limit=limit)

    def of_learners(
        self,
        principal: Principal,
        learner_ids: Sequence[str],
        *,
        point_id: str | None = None,
        since: datetime | None = None,
        limit: int = 5000,
    ) -> list[Response]:
        with self._db.read() as conn:
            rows = store.of_learners(conn, principal, learner_ids, point_id=point_id, since=since, limit=limit)
            return [self._opened(conn, row) for row in rows]

    def since(
        self, conn: Connection, principal: Principal, learner_id: str, after: tuple[datetime, str] | None
    ) -> list[Response]:
        return [_from_row(row, UNREAD) for row in store.since(conn, principal, learner_id, after)]

    def count_of(self, principal: Principal, learner_id: str) -> int:
        with self._db.read() as conn:
            return store.count_of(conn, principal, learner_id)

    def of_attempt(self, principal: Principal, attempt_id: str) -> list[Response]:
        with self._db.read() as conn:
            return [self._opened(conn, row) for row in store.of_attempt(conn, principal, attempt_id)]

    def latest_per_item(self, principal: Principal, learner_id: str) -> list[Response]:
        with self._db.read() as conn:
            return [self._opened(conn, row) for row in store.latest_per_item(conn, principal, learner_id)]

    def times_wrong(self, principal: Principal, learner_id: str) -> Mapping[str, int]:
        with self._db.read() as conn:
            return store.times_wrong(conn, principal, learner_id)

    def history(
        self, school_id: str, learner_ids: frozenset[str], *, since: datetime | None = None
    ) -> Iterator[Response]:
        after: tuple[datetime, str] | None = None if since is None else (since, "")
        while True:
            with self._db.read() as conn:
                rows = store.evidence_page(conn, school_id, after)
            if not rows:
                return
            yield from (_from_row(row, UNREAD) for row in rows if row.learner_id in learner_ids)
            after = (rows[-1].counted_at, rows[-1].id)

    def evidence(self, principal: Principal, learner_id: str) -> list[Response]:
        with self._db.read() as conn:
            return [_from_row(row, UNREAD) for row in store.evidence(conn, principal, learner_id)]

    def evidence_of(
        self, uow: kernel_db.UnitOfWork, school_id: str, learner_id: str, *, after: tuple[datetime, str] | None = None
    ) -> tuple[list[Response], int]:
        rows = store.evidence_of(uow.conn, school_id, learner_id, after)
        return [_from_row(row, UNREAD) for row in rows], store.evidence_count(uow.conn, school_id, learner_id)

    def counted(self, school_id: str) -> Mapping[str, int]:
        with self._db.read() as conn:
            return store.counted(conn, school_id)

    def learners(self, school_id: str) -> list[str]:
        with self._db.read() as conn:
            return store.learners(conn, school_id)

    def count(self, school_id: str) -> int:
        with self._db.read() as conn:
            return store.count(conn, school_id)

    def _opened(self, conn: Connection, row: Row[Any]) -> Response:  # Any: a row's values
        return _from_row(row, self._vault.open(conn, row.learner_id, _SEALED_AS, row.answer))


def _to_row(response: Response, sealed: bytes) -> dict[str, object]:
    plain = {name: value for name, value in vars(response).items() if name not in ("points", "answer", "counts")}
    counted_at = (response.counted_at or response.at) if response.counts else None
    return plain | {"points": "|" + "|".join(response.points) + "|", "answer": sealed, "counted_at": counted_at}


def _from_row(row: Row[Any], answer: str) -> Response:
    return Response(
        id=row.id,
        school_id=row.school_id,
        learner_id=row.learner_id,
        attempt_id=row.attempt_id,
        item_id=row.item_id,
        points=tuple(row.points.strip("|").split("|")),
        seed=row.seed,
        answer=answer,
        correct=row.correct,
        misconception=row.misconception,
        hints_used=row.hints_used,
        seconds=row.seconds,
        p_before=row.p_before,
        tracer_version=row.tracer_version,
        client_key=row.client_key,
        at=row.at,
        tries=row.tries,
        counts=row.counted_at is not None,
        counted_at=row.counted_at,
        withheld=row.withheld,
    )
