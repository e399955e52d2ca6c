"""Jobs that outlive the process: DBOS workflows, started by an outbox handler, that go on after a crash by themselves.

A kind of job is one function, `turn(job_id) -> float | None`: do the next piece and make it durable; return None
when nothing is left, else how many seconds to wait before the next piece. A turn that was interrupted is done again,
so it must leave alone what it finds finished. DBOS is imported, and its threads started, with the first job.

Its own tables lie beside ours: a file in the home folder, or the schema `dbos` of the PostgreSQL database. They
hold ids and numbers as JSON, never text of people, and can be lost: `start` with the same id begins again.

Whose jobs they are says a random id in the home folder, so that a home goes on under another name of its host. The
file must not be copied to a second home that works on the same database: each would take up the other's jobs.
"""

import contextlib
import itertools
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from shuyuan.kernel import errors, log
from shuyuan.kernel import settings as kernel_settings

if TYPE_CHECKING:
    from dbos import DBOS

Turn = Callable[[str], float | None]
APPLICATION_VERSION = "jobs-1"  # raised when unfinished jobs could not go on with the new code; releases leave it
_STOP_S, _LOOK_EVERY_S = 10.0, 0.05
_EXECUTOR_FILE = "jobs.id"
_GIVEN_UP = ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")  # as DBOS says it; it never goes on with such a workflow
_logger = log.get("kernel.durable")


class Stopping(BaseException):
    """The process ends. DBOS does not record it, so the job is still under way when the next process looks."""


class Durable:
    """The durable jobs of this process. DBOS allows one such object a process to be at work."""

    _at_work: ClassVar["Durable | None"] = None
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, url: str, *, executor: str) -> None:
        """url: SQLAlchemy URL of DBOS's tables.  executor: this process, by a word that its successor bears too."""
        self._url, self._executor = url, executor
        self._turns: dict[str, Turn] = {}
        self._workflows: dict[str, Callable[[str], None]] = {}
        self._stop = threading.Event()
        self._running = 0
        self._idle = threading.Condition()
        self._returned: deque[str] = deque(maxlen=100)  # the last workflows that ended: DBOS may be noting that still
        self._dbos: type[DBOS] | None = None

    def register(self, kind: str, turn: Turn) -> None:
        """Say what a turn of this kind of job does. Before the first `start` or `resume`."""
        self._turns[kind] = turn

    def start(self, kind: str, job_id: str, *, workflow_id: str) -> None:
        """Begin a job, once: with a workflow id that is known already nothing happens.

        A job that DBOS gave up begins again under the id with `:2` behind it, then `:3`: ask for what is unfinished.
        """
        from dbos import SetWorkflowID

        dbos = self._launched()
        for attempt in itertools.count(1):
            attempt_id = workflow_id if attempt == 1 else f"{workflow_id}:{attempt}"
            status = dbos.get_workflow_status(attempt_id)
            if status is None:
                break
            if status.status not in _GIVEN_UP:
                return
        with SetWorkflowID(attempt_id):
            dbos.start_workflow(self._workflows[kind], job_id)

    def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        self._launched()

    @property
    def stopping(self) -> bool:
        """Whether a turn should raise Stopping as soon as it can."""
        return self._stop.is_set()

    def close(self) -> None:
        """Stop: turns under way are given a moment to notice, and are done again by the next process."""
        self._stop.set()
        with Durable._guard:
            dbos, self._dbos = self._dbos, None
            if dbos is None:
                return
            deadline = time.monotonic() + _STOP_S
            with self._idle:
                while self._running and (left := deadline - time.monotonic()) > 0:
                    self._idle.wait(left)
            while any(_unrecorded(dbos, done) for done in self._returned) and time.monotonic() < deadline:
                time.sleep(_LOOK_EVERY_S)
            dbos.destroy(destroy_registry=True)
            Durable._at_work = None

    def _launched(self) -> "type[DBOS]":
        with Durable._guard:
            if self._stop.is_set():
                raise errors.Unavailable("jobs are not started any more: the server stops", fix="try again later")
            if self._dbos is None:
                self._dbos = self._launch()
            return self._dbos

    def _launch(self) -> "type[DBOS]":
        from dbos import DBOS, DBOSPortableJSONSerializer

        if Durable._at_work is not None:
            raise errors.Conflict("durable jobs are at work elsewhere in this process", fix="close the other platform")
        DBOS(
            config={
                "name": "shuyuan",
                "system_database_url": self._url,
                "application_version": APPLICATION_VERSION,
                "executor_id": self._executor,
                "serializer": DBOSPortableJSONSerializer(),  # its default runs code when it is read
                "log_level": "ERROR",
                "enable_otlp": False,
            }
        )
        for kind in self._turns:
            self._workflows[kind] = DBOS.workflow(name=kind, max_recovery_attempts=1_000)(self._workflow(kind))
        DBOS.launch()
        Durable._at_work = self
        _logger.info("durable_jobs_started", executor=self._executor)
        return DBOS

    def _workflow(self, kind: str) -> Callable[[str], None]:
        from dbos import DBOS

        turn = self._turns[kind]

        def step(job_id: str) -> float | None:
            wait_s = turn(job_id)
            return None if wait_s is None else time.time() + wait_s  # recorded: a replay finds it past, and goes on

        def workflow(job_id: str) -> None:
            with self._counted():
                while True:
                    due_at = DBOS.run_step({"name": kind}, step, job_id)
                    if due_at is None:
                        self._returned.append(str(DBOS.workflow_id))
                        return
                    if self._stop.wait(max(0.0, due_at - time.time())):
                        raise Stopping

        return workflow

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """`close` waits for what is inside."""
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()


def _unrecorded(dbos: "type[DBOS]", workflow_id: str) -> bool:
    status = dbos.get_workflow_status(workflow_id)
    return status is not None and status.status == "PENDING"


def open_durable(settings: kernel_settings.Settings) -> Durable:
    """The durable jobs of an installation: its home is the executor, whichever process or host runs it."""
    url = settings.sqlalchemy_url
    if url.startswith("sqlite"):
        url = f"sqlite:///{settings.home / 'jobs.db'}"
    return Durable(url, executor=executor_of(settings.home))


def executor_of(home: Path) -> str:
    """The id of a home, random, made the first time (mode 0600). Host names change: a container has a new one daily."""
    path = home / _EXECUTOR_FILE
    if not path.is_file():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(16))
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its id holds
            os.link(partial, path)
        partial.unlink()
    return path.read_text().strip()
