"""Learner models compared on a data set, each comparison in a child process: which foretells answers best?

A comparison is a folder of the home: `about.json`, what the child reads (answers with pseudonyms, and what is known of
the meaning of the school's own items, both of which it removes once read), what it wrote. A lock tells whether it still
works, so it goes on when the server is started again. Only answers of learners who agreed are taken; when one of them
takes that back while it works, it ends.
Refuses: data without consent, a second comparison of a school at the same time, reading a data set's test part.
"""

import importlib.util
import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import children, clock, db, errors, ids
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.insight import answersets
from shuyuan.learning.insight.answersout import AnswersOut
from shuyuan.learning.insight.interface import Comparison, ComparisonState, Source, TracerKind
from shuyuan.learning.people.interface import CONSENT_CHANGED, LEARNER_ERASED
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.science.tracing import comparing, comparingnew, family

KEPT, MOST_MODELS, LARGEST_SEED = 20, 12, 2**31 - 1
ENDS_WITHIN_S = 5.0
OWN = "own:"  # own:research, own:improvement
_ABOUT, _JOB, _ANSWERS, _WHO, _CHILD, _STOPPED = (
    "about.json",
    "job.json",
    "answers.csv",
    "who.json",
    "child.json",
    "stopped.json",
)


class ComparingService:
    """Implements `interface.Comparing`."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        answers_out: AnswersOut,
        datasets: datasets_api.DataSets,
        courses: courses_api.Courses,
        wordings: courses_api.Wordings,
        settings: kernel_settings.Settings,
        *,
        supervisor: children.Supervisor | None = None,
    ) -> None:
        self._db, self._audit, self._answers, self._datasets = db, audit, answers_out, datasets
        self._courses, self._wordings = courses, wordings
        self._home = settings.home / "comparisons"
        self._children = supervisor or children.Supervisor(comparing.CHILD, lock="lock")
        self._started: dict[str, children.Process] = {}
        self._lock = threading.Lock()
        self._beginning = ""  # the comparison whose answers are being taken; a crash leaves one that failed

    def models(self) -> list[TracerKind]:
        """See Comparing.models."""
        has_torch = importlib.util.find_spec("torch") is not None
        return [
            TracerKind(name, family.needs_torch(name), has_torch or not family.needs_torch(name))
            for name in family.REGISTRY
        ]

    def sources(self, principal: Principal) -> list[Source]:
        """See Comparing.sources."""
        principal.require("admin", "developer")
        own = [
            Source(f"{OWN}{one.purpose}", one.learners, one.answers, one.learners >= comparing.FEWEST_LEARNERS)
            for one in self._answers.available(principal)
        ]
        return [*own, *answersets.sources(self._datasets, principal.school_id)]

    def start(
        self,
        principal: Principal,
        source: str,
        models: Sequence[str],
        *,
        seed: int = 0,
        control: bool = True,
        new_items: bool = False,
    ) -> Comparison:
        """See Comparing.start."""
        principal.require("admin", "developer")
        order = self._ordered(models, seed, control, new_items)
        with self._lock:
            if any(one.state == "running" for one in self.list(principal)):
                raise errors.RateLimited("a comparison is under way", fix="wait until it is finished", retry_after_s=30)
            folder = self._home / principal.school_id / ids.new_id()
            folder.mkdir(parents=True, mode=0o700)
            self._beginning = folder.name
            try:
                told = {"id": folder.name, "source": source, "by": principal.account_id, "at": clock.now().isoformat()}
                _write(folder / _ABOUT, {**told, **order._asdict()})
                who = self._taken(principal, source, folder, order)
                _write(folder / _WHO, {"learner_ids": sorted(who)})
                _write(folder / _JOB, order._asdict())
                self._begin(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            finally:
                self._beginning = ""
        self._note(principal, folder.name, source, order)
        self._forget_old(principal.school_id)
        return self._read(folder)

    def list(self, principal: Principal) -> list[Comparison]:
        """See Comparing.list."""
        principal.require("admin", "developer")
        folders = sorted((self._home / principal.school_id).glob(f"*/{_ABOUT}"), reverse=True)[:KEPT]
        return [self._read(one.parent) for one in folders]

    def one(self, principal: Principal, comparison_id: str) -> Comparison:
        """See Comparing.one."""
        principal.require("admin", "developer")
        folder = self._home / principal.school_id / comparison_id
        if not comparison_id.isalnum() or not (folder / _ABOUT).is_file():
            raise errors.NotFound(f"there is no comparison {comparison_id[:40]!r}", fix="choose one of the list")
        return self._read(folder)

    def stop(self, event: kernel_outbox.Event) -> None:
        """Somebody took consent back, or was erased: end what works on their answers."""
        self._stop(event.school_id, lambda about, who: event.subject_id in who)

    def stop_data(self, event: kernel_outbox.Event) -> None:
        """Rows may no longer be read: end what reads them."""
        gone = frozenset(event.payload["data"])
        self._stop(event.school_id, lambda about, who: about["source"] in gone)

    def _stop(self, school_id: str, concerned: Callable[[Mapping[str, Any], Sequence[str]], bool]) -> None:  # Any: JSON
        with self._lock:  # one that begins has taken its answers: it is asked about once they are known
            self._end(school_id, concerned)

    def _end(self, school_id: str, concerned: Callable[[Mapping[str, Any], Sequence[str]], bool]) -> None:  # Any: JSON
        for path in (self._home / school_id).glob(f"*/{_ABOUT}"):
            folder = path.parent
            about, who = children.read(path) or {}, children.read(folder / _WHO) or {}
            if self._read(folder).state == "running" and concerned(about, who.get("learner_ids", [])):
                told = {"code": "consent_missing", "message": "somebody in it took consent back"}
                _write(folder / _STOPPED, {**told, "fix": "compare again: it goes without their answers"})
                process = self._process(folder)
                process.kill()
                process.wait(ENDS_WITHIN_S)
                _clear(folder)

    def _ordered(self, models: Sequence[str], seed: int, control: bool, new_items: bool) -> comparing.Order:
        known = {one.name: one for one in self.models()}
        chosen = tuple(dict.fromkeys(models))
        if not 1 <= len(chosen) <= MOST_MODELS:
            raise errors.BadInput(f"{len(chosen)} models were chosen", fix=f"choose 1 to {MOST_MODELS}")
        for name in chosen:
            if name not in known:
                raise errors.BadInput(f"no model is called {name[:40]!r}", fix=f"choose of {', '.join(known)}")
            if not known[name].available:
                raise errors.Unavailable(f"{name} needs torch, which is not installed", fix="install it: make train")
        if not 0 <= seed <= LARGEST_SEED:
            raise errors.BadInput(f"seed is {seed}", fix=f"use a whole number from 0 to {LARGEST_SEED}")
        return comparing.Order(chosen, seed, control, new_items)

    def _taken(self, principal: Principal, source: str, folder: Path, order: comparing.Order) -> set[str]:
        """The answers into the folder; the learners whose they are, for a school's own."""
        if source.startswith(OWN):
            return self._own(principal, source.removeprefix(OWN), folder, order)
        version = self._datasets.version(principal.school_id, source)
        answersets.write(self._datasets, version, folder / _ANSWERS)
        self._datasets.note_use(version, f"comparisons:/{folder.name}")
        return set()

    def _own(self, principal: Principal, purpose: str, folder: Path, order: comparing.Order) -> set[str]:
        """The school's own. Texts of its items stand in that file alone, where they are read; their meaning beside it,
        as far as it is known without asking anybody."""
        said = dict[str, str]()

        def says(item_id: str) -> str:
            said[item_id] = courses_api.says(self._courses, principal.school_id, item_id)
            return said[item_id]

        with (folder / _ANSWERS).open("w", encoding="utf-8", newline="") as file:
            text_of = says if order.new_items else None
            who = self._answers.write(principal, purpose, "csv", file, noted=False, text_of=text_of)
        comparingnew.write_meaning(folder, self._wordings.known(principal.school_id, said))
        return who

    def _begin(self, folder: Path) -> None:
        child = self._children.start(folder, threads=1)
        _write(folder / _CHILD, {"pid": child.pid, "began": child.began})
        self._started[folder.name] = child

    def _process(self, folder: Path) -> children.Process:
        if (own := self._started.get(folder.name)) is not None:
            return own
        told = children.read(folder / _CHILD) or {}
        return self._children.adopt(folder, told.get("pid"), told.get("began", ""))

    def _note(self, principal: Principal, comparison_id: str, source: str, order: comparing.Order) -> None:
        def note(uow: db.UnitOfWork) -> None:
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="comparison.started",
                object_id=comparison_id,
                name=source[:80],
                models=len(order.models),
            )

        self._db.write(note)

    def _forget_old(self, school_id: str) -> None:
        for old in sorted((self._home / school_id).glob(f"*/{_ABOUT}"), reverse=True)[KEPT:]:
            shutil.rmtree(old.parent, ignore_errors=True)

    def _read(self, folder: Path) -> Comparison:
        about = children.read(folder / _ABOUT) or {}
        state, result, error = self._state(folder)
        progress = {} if state == "finished" else children.read(folder / "progress.json") or {}
        stages = _order_of(about).stages
        if state != "running":
            self._started.pop(folder.name, None)
            (folder / _WHO).unlink(missing_ok=True)
            _clear(folder)
        return Comparison(
            id=about["id"],
            source=about["source"],
            models=tuple(about["models"]),
            seed=about["seed"],
            new_items=about.get("new_items", False),
            at=datetime.fromisoformat(about["at"]),
            state=state,
            done=stages if state == "finished" else progress.get("done", 0),
            of=progress.get("of", stages),
            doing=(progress.get("model", ""), progress.get("stage", "")),
            result=result,
            error=error,
        )

    def _state(self, folder: Path) -> "tuple[ComparisonState, Mapping[str, Any], Mapping[str, str]]":  # Any: JSON
        if folder.name == self._beginning:
            return "running", {}, {}
        if (stopped := children.read(folder / _STOPPED)) is not None:
            return "failed", {}, stopped
        process = self._process(folder)
        if not process.ended()[0]:
            return "running", {}, {}
        if (result := children.read(folder / "result.json")) is not None:
            return "finished", result, {}
        said = children.read(folder / "error.json")
        words = self._children.last_words(folder) or "it ended without a word"
        told = {"code": "comparison_failed", "message": words, "fix": "look at the answers and compare again"}
        return "failed", {}, said or told


def _order_of(about: Mapping[str, Any]) -> comparing.Order:  # Any: JSON
    return comparing.Order(tuple(about["models"]), about["seed"], about["control"], about.get("new_items", False))


def _clear(folder: Path) -> None:
    """Nothing that was taken for the child stays."""
    for name in (_ANSWERS, comparingnew.MEANING):
        (folder / name).unlink(missing_ok=True)


def _write(path: Path, told: Mapping[str, Any]) -> None:  # Any: JSON
    path.write_text(json.dumps(told, ensure_ascii=False))


def register(outbox: kernel_outbox.Outbox, comparing: ComparingService) -> None:
    """From now on comparisons hear who took consent back, and which rows may no longer be read."""
    for event in (CONSENT_CHANGED, LEARNER_ERASED):
        outbox.subscribe(event, comparing.stop)
    for event in (datasets_api.WITHDRAWN, datasets_api.PURGED):
        outbox.subscribe(event, comparing.stop_data)
