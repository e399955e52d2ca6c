"""Every query of the transcript, each scoped to a school and one learner."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, select, update

from shuyuan.kernel import crypto, db
from shuyuan.learning.tutor import interface, tables

_t = tables.turn
MESSAGE, ANSWER = "tutor_turn.message", "tutor_turn.answer"


class Transcript:
    """Seals on the way in, opens on the way out."""

    def __init__(self, vault: crypto.Vault) -> None:
        self._vault = vault

    def begin(
        self,
        uow: db.UnitOfWork,
        *,
        turn_id: str,
        school_id: str,
        learner_id: str,
        attempt_id: str,
        item_id: str,
        language: str,
        message: str,
    ) -> None:
        """Store the question before anything answers it."""
        uow.conn.execute(
            _t.insert().values(
                id=turn_id,
                school_id=school_id,
                learner_id=learner_id,
                attempt_id=attempt_id,
                item_id=item_id,
                language=language,
                message=self._vault.seal(uow, learner_id, MESSAGE, message),
                sources=[],
                replaced=0,
                model="",
                outcome="left",
                asked_at=uow.now,
            )
        )

    def end(
        self,
        uow: db.UnitOfWork,
        *,
        turn_id: str,
        learner_id: str,
        answer: str,
        sources: Sequence[interface.Source],
        hint_number: int | None,
        replaced: int,
        model: str,
        outcome: interface.Outcome,
    ) -> None:
        """Store what the learner was told."""
        uow.conn.execute(
            update(_t)
            .where(_t.c.id == turn_id, _t.c.learner_id == learner_id)
            .values(
                answer=self._vault.seal(uow, learner_id, ANSWER, answer),
                sources=[asdict(source) for source in sources],
                hint_number=hint_number,
                replaced=replaced,
                model=model,
                outcome=outcome,
                answered_at=uow.now,
            )
        )

    def of_learner(
        self,
        conn: Connection,
        school_id: str,
        learner_id: str,
        *,
        limit: int,
        before: str | None = None,
        attempt_id: str | None = None,
        item_id: str | None = None,
    ) -> list[interface.Turn]:
        """Newest first."""
        query = select(_t).where(_t.c.school_id == school_id, _t.c.learner_id == learner_id)
        if before is not None:
            query = query.where(_t.c.id < before)
        if attempt_id is not None:
            query = query.where(_t.c.attempt_id == attempt_id, _t.c.item_id == item_id)
        return [self._turn(conn, row) for row in conn.execute(query.order_by(_t.c.id.desc()).limit(limit))]

    def _turn(self, conn: Connection, row: Row[Any]) -> interface.Turn:  # Any: a row's values
        def opened(field: str, blob: bytes | None) -> str:
            return "" if blob is None else self._vault.open(conn, row.learner_id, field, blob)

        return interface.Turn(
            id=row.id,
            learner_id=row.learner_id,
            attempt_id=row.attempt_id,
            item_id=row.item_id,
            language=row.language,
            message=opened(MESSAGE, row.message),
            answer=opened(ANSWER, row.answer),
            sources=tuple(interface.Source(**source) for source in row.sources),
            hint_number=row.hint_number,
            replaced=row.replaced,
            model=row.model,
            outcome=row.outcome,
            asked_at=row.asked_at,
            answered_at=row.answered_at,
        )
