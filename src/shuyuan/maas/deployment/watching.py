"""The watch: what others changed, what was counted, which canary must be taken back. One thread a process."""

import threading
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import clock, crypto, db, ids, log
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface, judging, routing, store

LOOK_EVERY_S = 1.0  # what another process changed is seen after this
_logger = log.get("maas.deployment")


class Watched(routing.Routes):
    """Routes that follow the database, and a judgement of every canary. What to do with a bad one says the heir."""

    def __init__(
        self, db: db.Database, catalogue: catalogue_api.Catalogue, vault: crypto.Vault, now: clock.Clock
    ) -> None:
        super().__init__(lambda: now().timestamp())
        self._db, self._catalogue, self._vault, self._now = db, catalogue, vault, now
        self._owner = ids.new_id()
        self._stop_event, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._reading = threading.Lock()
        if isinstance(catalogue, catalogue_api.Announcing):
            catalogue.on_change.append(self._wake.set)

    def take_back(self, row: Row[Any], reason: str) -> bool:  # Any: the row's columns
        """End a canary, unless another process was faster."""
        raise NotImplementedError

    def start(self) -> None:
        """Look every second from now on: what others changed, what was counted, who must be taken back."""
        if self._thread is None:
            self.look()
            self._thread = threading.Thread(target=self._run, name="shuyuan-deployment", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop looking; what was counted is written."""
        self._stop_event.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._write_counts()

    def look(self) -> None:
        """One look. Also for tests and commands, which start no thread."""
        self._write_counts()
        for row in self.read():
            if row.canary_version is not None:
                self._judge(row)

    def read(self) -> list[Row[Any]]:
        """Take over what the database says now; returns the deployments at work."""
        with self._reading:
            with self._db.read() as conn:
                rows = store.active(conn)
            routes = [route for row in rows if (route := self._route(row)) is not None]
            self.replace(routes)
            oldest = {one.started: routing.bucket(one.window_s, self._now().timestamp()) for one in routes}
            self.tallies.keep(oldest)
        return rows

    def prune(self) -> int:
        """Forget counts of canaries that no deployment names any more; returns how many rows."""
        return self._db.write(store.prune)

    def _run(self) -> None:
        while not self._stop_event.is_set():
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            if self._stop_event.is_set():
                return
            try:
                self.look()
            except Exception as blip:  # the database is away: what stands in memory goes on
                _logger.error("deployment_look_failed", error=repr(blip))

    def _write_counts(self) -> None:
        counted = self.tallies.taken()
        if not counted:
            return
        try:
            self._db.write(lambda uow: store.write_counts(uow, self._owner, counted))
        except BaseException:
            self.tallies.put_back(counted)
            raise

    def _judge(self, row: Row[Any]) -> None:
        """Take a canary back when its bounds say that it breaks a rule."""
        with self._db.read() as conn:
            found = judging.judged(conn, row, self._now().timestamp())
        if found is None:
            return
        if self.take_back(row, found):
            _logger.warning("canary_rolled_back", model=row.model, version=row.canary_version, reason=found)
        self.read()

    def _route(self, row: Row[Any]) -> routing.Route | None:
        champion = self._champion(row.school_id, row.model)
        if champion is None:
            return None
        salt = bytes.fromhex(
            self._vault.keyed_hash("deployment.canary", f"{row.school_id}\0{row.model}\0{row.started}")
        )
        rules = interface.Rules.model_validate(row.rules)
        return routing.Route(
            row.school_id,
            row.model,
            row.started,
            champion.number,
            row.canary_version if row.canary_version != champion.number else None,
            row.canary_share,
            row.shadow_version,
            salt,
            rules.window_s,
        )

    def _champion(self, school_id: str, model: str) -> catalogue_api.Version | None:
        try:
            return self._catalogue.resolve(school_id, f"models:/{model}@{catalogue_api.CHAMPION}")
        except catalogue_api.UnknownModel:
            return None
