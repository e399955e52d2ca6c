"""What an answer costs: graded, stored durably and traced, in process and through HTTP, with little and much history.

Everything is the real platform on SQLite (WAL, synchronous=FULL) in a temporary home, with the mathematics course
of this repository. Attempts are opened before the clock starts; half of the answers are right. Growth
alternates between a learner with 10 and one with 10,000 answers, so that both see the same machine.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench import harness
from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity.http import COOKIE
from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import db
from shuyuan.kernel.settings import Settings
from shuyuan.learning.courses import interface as courses
from shuyuan.learning.people.interface import People

CONTENT = harness.ROOT / "content" / "year7-expressions"
PUPILS = 8
ITEMS_PER_ATTEMPT = 10
MODULES = ("identity", "people", "courses", "tracing", "assessment")
GOALS: dict[str, harness.Goal] = {
    "in_process_8_threads_per_s": (">=", 1000),
    "growth_ratio": ("<=", 1.25),
    "acknowledged_not_stored": ("==", 0),
}


@dataclass(frozen=True)
class Sent:
    """One answer to be given."""

    attempt_id: str
    item_id: str
    answer: str | list[str]
    key: str


@dataclass(frozen=True)
class Pupil:
    """Who answers, and the session they are signed in with."""

    principal: Principal
    token: str


class School:
    """A school with pupils, and a supply of open questions."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        migrations.upgrade(platform.get("db"))
        identity: Identity = platform.get("identity")
        self.courses: courses.Courses = platform.get("courses")
        self.id = identity.create_school("bench").id
        self.courses.load(self.id, courses.read_folder(CONTENT), by="bench")
        self.pupils = [self._pupil(number, class_id) for class_id in [self._class()] for number in range(PUPILS + 2)]
        self.items = self._quick_items()
        self.made = 0

    def answers(self, pupil: Pupil, count: int) -> list[Sent]:
        """So many answers to attempts opened now; every second one right."""
        sent: list[Sent] = []
        while len(sent) < count:
            items = self.items[: min(ITEMS_PER_ATTEMPT, count - len(sent))]
            attempt = self.platform.get("assessment").start(
                pupil.principal, kind="practice", course_id=CONTENT.name, item_ids=items
            )
            sent += [self._sent(attempt.id, slot.item_id, slot.seed) for slot in attempt.slots]
        return sent

    def give(self, pupil: Pupil, sent: Sequence[Sent]) -> list[float]:
        """Answer; the seconds each took."""
        assessment = self.platform.get("assessment")
        took = []
        for one in sent:
            begun = time.perf_counter()
            told = assessment.answer(
                pupil.principal, one.attempt_id, one.item_id, one.answer, client_key=one.key, seconds=9.0
            )
            took.append(time.perf_counter() - begun)
            assert told.saved
        return took

    def stored(self) -> int:
        """Responses in the database."""
        count: int = self.platform.get("records").count(self.id)
        return count

    def _sent(self, attempt_id: str, item_id: str, seed: int) -> Sent:
        self.made += 1
        key = self.courses.question(self.id, item_id, seed, "zh").key.answer
        right = key if isinstance(key, str) else list(key)
        single = self.courses.item(self.id, item_id).kind == "single"
        wrong: str | list[str] = self._wrong_choice(item_id) if single else "-98765"
        return Sent(attempt_id, item_id, right if self.made % 2 else wrong, f"k{self.made}")

    def _wrong_choice(self, item_id: str) -> str:
        item = self.courses.item(self.id, item_id)
        assert isinstance(item, courses.SingleItem)
        return next(choice.id for choice in item.choices if not choice.correct)

    def _quick_items(self) -> list[str]:
        """Choices and numbers: what this process grades by itself."""
        points = self.courses.graph(self.id, CONTENT.name).points
        names = [name for point in points for name in self.courses.items_of_point(self.id, point.id)]
        return [name for name in dict.fromkeys(names) if self.courses.item(self.id, name).kind in ("single", "numeric")]

    def _class(self) -> str:
        identity: Identity = self.platform.get("identity")
        people: People = self.platform.get("people")
        admin_id = self._write(
            lambda uow: identity.create_account(
                uow, school_id=self.id, role="admin", name="bench", login="bench", secret=None
            )
        )
        admin = identity.sign_in_as(admin_id).principal
        return people.create_class(admin, "bench", course_ids=[CONTENT.name]).id

    def _pupil(self, number: int, class_id: str) -> Pupil:
        people: People = self.platform.get("people")
        account_id = self._write(
            lambda uow: people.add_learner(
                uow, school_id=self.id, class_id=class_id, number=str(number), name=f"pupil {number}", pin=None
            )
        )
        signed = self.platform.get("identity").sign_in_as(account_id)
        return Pupil(signed.principal, signed.token)

    def _write(self, work: Callable[[db.UnitOfWork], str]) -> str:
        database: db.Database = self.platform.get("db")
        return database.write(work)


def in_process(school: School, threads: int, count: int) -> dict[str, harness.Figure]:
    """`count` answers by so many threads at once."""
    share = [(pupil, school.answers(pupil, count // threads)) for pupil in school.pupils[:threads]]
    took, elapsed_s, cpu_s = _together([partial(school.give, pupil, sent) for pupil, sent in share])
    told = _told(f"in_process_{threads}_thread{'s' if threads > 1 else ''}", took, elapsed_s)
    return {**told, f"in_process_{threads}_cpu_ms_per_answer": round(cpu_s / len(took) * 1e3, 3)}


def growth(school: School, history: int, samples: int) -> dict[str, harness.Figure]:
    """The median cost of an answer after 10 answers and after `history`, taken in turns."""
    few, many = school.pupils[-2:]
    school.give(few, school.answers(few, 10))
    school.give(many, school.answers(many, history))
    took: tuple[list[float], list[float]] = ([], [])
    for one, other in zip(school.answers(few, samples), school.answers(many, samples), strict=True):
        took[0].extend(school.give(few, [one]))
        took[1].extend(school.give(many, [other]))
    small, large = (statistics.median(some) * 1e3 for some in took)
    return {
        "growth_median_ms_at_10": round(small, 3),
        f"growth_median_ms_at_{history}": round(large, 3),
        "growth_ratio": round(large / small, 3),
    }


def through_http(school: School, home: Path, connections: int, count: int) -> dict[str, harness.Figure]:
    """The same by signed-in pupils over kept-alive connections to a server in its own process."""
    share = [(pupil, school.answers(pupil, count // connections)) for pupil in school.pupils[:connections]]
    with serving(home) as address:
        for pupil, sent in share:  # one each to connect and warm
            _post(address, pupil, sent[:1])
        took, elapsed_s, _ = _together([partial(_post, address, pupil, sent[1:]) for pupil, sent in share])
    return _told(f"http_{connections}_connection{'s' if connections > 1 else ''}", took, elapsed_s)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """This file again, as a server; yields host:port."""
    command = [sys.executable, "-m", "bench.answers", "--serve", str(home)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=harness.ROOT)
    assert server.stdout is not None
    try:
        yield urlsplit(server.stdout.readline().strip()).netloc
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def serve(home: Path) -> None:
    """The platform on a free loopback port; its address is the first line."""
    from shuyuan.entrypoints import server

    server.serve(Platform(settings(home)), lambda base_url: print(base_url, flush=True), MODULES)


def settings(home: Path) -> Settings:
    return Settings(home=home, starter="none", port=0)


def _post(address: str, pupil: Pupil, sent: Sequence[Sent]) -> list[float]:
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"cookie": f"{COOKIE}={pupil.token}", "origin": f"http://{address}", "content-type": "application/json"}
    took = []
    for one in sent:
        body = json.dumps({"item_id": one.item_id, "answer": one.answer, "client_key": one.key, "seconds": 9.0})
        begun = time.perf_counter()
        connection.request("POST", f"/api/attempts/{one.attempt_id}/answers", body, headers)
        told = connection.getresponse()
        answer = told.read()
        took.append(time.perf_counter() - begun)
        assert told.status == 200, answer
        assert json.loads(answer)["saved"]
    connection.close()
    return took


def _together(works: Sequence[Callable[[], list[float]]]) -> tuple[list[float], float, float]:
    """Run each on its own thread; (all latencies, wall seconds, CPU seconds of this process)."""
    took: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()
    with futures.ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(work) for work in works]:
            took += done.result()
    return took, time.perf_counter() - begun, time.process_time() - cpu


def _told(name: str, took: Sequence[float], elapsed_s: float) -> dict[str, harness.Figure]:
    ordered = sorted(took)
    return {
        f"{name}_per_s": round(len(ordered) / elapsed_s, 1),
        f"{name}_p50_ms": round(ordered[len(ordered) // 2] * 1e3, 2),
        f"{name}_p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 2),
    }


def measure(home: Path, count: int, history: int) -> dict[str, harness.Figure]:
    """Every figure of this bench."""
    platform = Platform(settings(home))
    try:
        school = School(platform)
        school.give(school.pupils[0], school.answers(school.pupils[0], 200))  # warm
        figures = {**in_process(school, 1, count), **in_process(school, PUPILS, count)}
        figures |= growth(school, history, 300)
        figures |= {**through_http(school, home, 1, count // 4), **through_http(school, home, PUPILS, count)}
        return {**figures, "answers_given": school.made, "acknowledged_not_stored": school.made - school.stored()}
    finally:
        platform.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--answers", type=int, default=4000, help="answers per measurement")
    options.add_argument("--history", type=int, default=10_000, help="answers of the learner with much history")
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-answers-") as folder:
        figures = measure(Path(folder), given.answers, given.history)
    protocol = f"{__doc__} {given.answers} answers each, {PUPILS} pupils, {given.history} answers of history."
    met = harness.report("answers", figures, " ".join(protocol.split()), GOALS, ("sqlalchemy", "fastapi", "uvicorn"))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
