"""Where the commands of training work: at a server that runs, or on the home itself where none does. JSON both ways."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data, reaching
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, errors
from shuyuan.maas.training import interface

_Json = dict[str, Any]  # Any: JSON
M = TypeVar("M", bound=BaseModel)


class Room(Protocol):
    """What the commands need. is_alone: nobody else trains, so this command must stay."""

    is_alone: bool

    def tasks(self) -> list[_Json]: ...
    def start(self, new: _Json) -> _Json: ...
    def run(self, run_id: str) -> _Json: ...
    def runs(self, state: str | None, limit: int) -> list[_Json]: ...
    def metrics(self, run_id: str, after: int) -> list[_Json]: ...
    def change(self, run_id: str, verb: str) -> _Json: ...
    def register(self, run_id: str, model: str) -> _Json: ...
    def start_search(self, new: _Json) -> _Json: ...
    def search(self, search_id: str) -> _Json: ...
    def searches(self, limit: int) -> list[_Json]: ...
    def trials(self, search_id: str) -> list[_Json]: ...
    def cancel_search(self, search_id: str) -> _Json: ...


class AtServer:
    """Asks over HTTP."""

    is_alone = False

    def __init__(self, there: httpx.Client) -> None:
        self._there = there

    def tasks(self) -> list[_Json]:
        return self._get("/api/training/tasks")  # type: ignore[no-any-return]  # JSON

    def start(self, new: _Json) -> _Json:
        return self._post("/api/runs", new)

    def run(self, run_id: str) -> _Json:
        return self._get(f"/api/runs/{_plain(run_id)}")  # type: ignore[no-any-return]  # JSON

    def runs(self, state: str | None, limit: int) -> list[_Json]:
        asked = {"limit": limit} | ({"state": state} if state else {})
        return reaching.told(self._there.get("/api/runs", params=asked))  # type: ignore[no-any-return]  # JSON

    def metrics(self, run_id: str, after: int) -> list[_Json]:
        return self._get(f"/api/runs/{_plain(run_id)}/metrics?after={after}")  # type: ignore[no-any-return]  # JSON

    def change(self, run_id: str, verb: str) -> _Json:
        return self._post(f"/api/runs/{_plain(run_id)}/{verb}")

    def register(self, run_id: str, model: str) -> _Json:
        return self._post(f"/api/runs/{_plain(run_id)}/register", {"model": model})

    def start_search(self, new: _Json) -> _Json:
        return self._post("/api/searches", new)

    def search(self, search_id: str) -> _Json:
        return self._get(f"/api/searches/{_plain(search_id)}")  # type: ignore[no-any-return]  # JSON

    def searches(self, limit: int) -> list[_Json]:
        return self._get(f"/api/searches?limit={limit}")  # type: ignore[no-any-return]  # JSON

    def trials(self, search_id: str) -> list[_Json]:
        return self._get(f"/api/searches/{_plain(search_id)}/trials")  # type: ignore[no-any-return]  # JSON

    def cancel_search(self, search_id: str) -> _Json:
        return self._post(f"/api/searches/{_plain(search_id)}/cancel")

    def _get(self, path: str) -> Any:  # Any: JSON
        return reaching.told(self._there.get(path))

    def _post(self, path: str, body: _Json | None = None) -> _Json:
        told: _Json = reaching.told(self._there.post(path, json=body))
        return told


class InHome:
    """Works on the home itself, as nobody's account."""

    def __init__(self, training: interface.Training, school_id: str, *, is_alone: bool) -> None:
        self._training, self.is_alone = training, is_alone
        self._who = Principal(audit.SYSTEM, school_id, "admin")

    def tasks(self) -> list[_Json]:
        return [task.model_dump(mode="json") for task in self._training.tasks()]

    def start(self, new: _Json) -> _Json:
        return self._training.start(self._who, _valid(interface.NewRun, new)).model_dump(mode="json")

    def run(self, run_id: str) -> _Json:
        return self._training.run(self._who, run_id).model_dump(mode="json")

    def runs(self, state: str | None, limit: int) -> list[_Json]:
        found = self._training.runs(self._who, state=state, limit=limit)  # type: ignore[arg-type]  # an unknown word finds nothing
        return [run.model_dump(mode="json") for run in found]

    def metrics(self, run_id: str, after: int) -> list[_Json]:
        return [dict(line) for line in self._training.metrics(self._who, run_id, after=after)]

    def change(self, run_id: str, verb: str) -> _Json:
        verbs = {"pause": self._training.pause, "resume": self._training.resume, "cancel": self._training.cancel}
        return verbs[verb](self._who, run_id).model_dump(mode="json")

    def register(self, run_id: str, model: str) -> _Json:
        return self._training.register(self._who, run_id, model).model_dump(mode="json")

    def start_search(self, new: _Json) -> _Json:
        return self._training.start_search(self._who, _valid(interface.NewSearch, new)).model_dump(mode="json")

    def search(self, search_id: str) -> _Json:
        return self._training.search(self._who, search_id).model_dump(mode="json")

    def searches(self, limit: int) -> list[_Json]:
        return [one.model_dump(mode="json") for one in self._training.searches(self._who, limit=limit)]

    def trials(self, search_id: str) -> list[_Json]:
        return [run.model_dump(mode="json") for run in self._training.trials(self._who, search_id)]

    def cancel_search(self, search_id: str) -> _Json:
        return self._training.cancel_search(self._who, search_id).model_dump(mode="json")


@contextmanager
def opened(way: reaching.Way, *, work: bool = False) -> Iterator[Room]:
    """A room. work: train here where nobody else does."""
    if way.server is not None or way.key is not None or reaching.has_way(way.home):
        with reaching.server_of(*way) as there:
            yield AtServer(there)
        return
    with installation.opened(way.home) as platform, ExitStack() as stack:
        school_id = data.chosen_school(platform.get("identity").schools(), way.school).id
        alone = work and _is_alone(platform, stack)
        training = platform.get("training")
        if alone:
            training.readings = platform.get("evaluation").note_reading
            training.open()
        yield InHome(training, school_id, is_alone=alone)


def uri(run: Mapping[str, Any]) -> str:
    """`runs:/id`."""
    return f"{interface.RUNS}{run['id']}"


def _is_alone(platform: compose.Platform, stack: ExitStack) -> bool:
    """Hold the home as a server does; False where one does already: that will train."""
    with contextlib.suppress(errors.Conflict):
        stack.enter_context(installation.sole_server(platform.settings.home))
        return True
    return False


def _valid(kind: type[M], told: _Json) -> M:
    """What was typed, as the server would read it. Raises BadInput."""
    try:
        return kind.model_validate(told)
    except ValidationError as wrong:
        fault = wrong.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise errors.BadInput(f"{field} is {str(fault['input'])[:80]!r}: {fault['msg']}", fix="correct it") from wrong


def _plain(run_id: str) -> str:
    return run_id.removeprefix(interface.RUNS).replace("/", "")
