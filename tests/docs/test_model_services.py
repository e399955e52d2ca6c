"""The page for developers says what is there: routes, codes, headers, metrics, and an example runner that runs."""

import asyncio
import importlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.contracts.test_runners import (  # noqa: F401 - the suite of every runner, run over the example below
    Case,
    test_a_closed_runner_refuses,
    test_a_file_of_another_kind_is_refused,
    test_a_payload_of_another_shape_is_refused_and_the_runner_lives_on,
    test_a_request_cancelled_beforehand_ends_as_cancelled,
    test_an_answer_ends_with_one_reason_and_a_count,
    test_another_task_is_refused,
    test_as_many_requests_as_slots_run_side_by_side,
    test_it_answers_again_after_a_cancelled_request,
    test_requests_are_counted,
    test_the_same_request_gives_the_same_answer,
)
from tests.identity import cast
from tests.maas.serving.conftest import Shelf

from shuyuan.compose import Platform
from shuyuan.entrypoints import server
from shuyuan.kernel import http
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving.engine import LocalEngine

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "shuyuan"
PAGE = (ROOT / "docs" / "model-services.md").read_text("utf-8")
KERNEL = (SOURCE / "kernel" / "errors.py").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| `(GET|POST|PUT|DELETE) /v[12]", line)]
EXAMPLES = [(row.split("`")[1], row.split("`")[-2]) for row in ROWS]
NOT_READ = {"invalid_request", "malformed_json", "unknown_parameter", "unsupported_parameter", "bad_tensor", "too_much"}
CURVE = b'{"points": [0, 20, 40], "marks": [0, 60, 100]}'


@pytest.fixture
def platform(sqlite_template: Path, tmp_path: Path) -> Iterator[Platform]:
    """Every module, and no model on this machine."""
    path = tmp_path / "shuyuan.db"
    path.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{path}"
    built = Platform(Settings(home=tmp_path / "home", cache=tmp_path / "cache", database_url=url, starter="none"))
    yield built
    built.close()


@pytest.fixture
def school(platform: Platform) -> cast.Cast:
    return cast.gather(platform, "north")


def test_the_tables_of_routes_are_the_routes_of_the_application(school: cast.Cast) -> None:
    served = {
        f"{method} {path.replace(':path', '')}"
        for method, path in http.route_keys(server.build_app(school.platform))
        if re.match(r"/v[12](/|$)", path)
    }
    told = [row.split("`")[1] for row in ROWS]
    assert sorted(served - set(told)) == [], "routes that docs/model-services.md does not tell of"
    assert sorted(set(told) - served) == [], "docs/model-services.md tells of routes that are not there"
    assert len(told) == len(set(told))


def test_every_example_goes_to_its_own_route_and_is_read(school: cast.Cast) -> None:
    app = server.build_app(school.platform)
    with TestClient(app, headers=cast.ORIGIN, raise_server_exceptions=False) as client:
        client.cookies.set("shuyuan_session", school.signed["developer"].token)
        for route, example in EXAMPLES:
            method, path, sent = _request(example)
            template = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.split()[1]))
            assert (method, bool(re.fullmatch(template, path))) == (route.split()[0], True), example
            answer = client.request(method, path, **sent)
            told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            error = told.get("error", {}) if isinstance(told, dict) else {}
            code = error.get("code") if isinstance(error, dict) else told.get("code")
            assert answer.status_code not in {401, 403, 405, 422}, (example, answer.text)
            assert answer.status_code < 500 or code, (example, answer.text)
            assert code not in NOT_READ, (example, answer.text)


SERVICES = ("catalogue", "runners", "serving", "gateway")
LIFE_CYCLE = ("datasets", "training", "evaluation", "compression", "conversion", "deployment", "pipelines")


def test_every_room_of_the_model_plane_has_its_page() -> None:
    rooms = {path.parent.name for path in (SOURCE / "maas").glob("*/__init__.py")}
    assert rooms == {*SERVICES, *LIFE_CYCLE}


@pytest.mark.parametrize(
    ("page", "rooms", "elsewhere"),
    [("model-services.md", SERVICES, ()), ("life-cycle/README.md", LIFE_CYCLE, SERVICES)],
    ids=["services", "life cycle"],
)
def test_the_codes_of_errors_are_those_of_the_source(
    page: str, rooms: tuple[str, ...], elsewhere: tuple[str, ...]
) -> None:
    """Codes that the other page tells of already are not told twice."""
    section = (ROOT / "docs" / page).read_text("utf-8").split("## Errors")[1].split("\n## ")[0]
    told = {code for row in section.splitlines() if row.startswith("| `") for code in _named(row.split("|")[1])}
    raised, known = _raised(rooms), _raised(elsewhere) | _codes(KERNEL)
    if not elsewhere:
        raised, known = raised | known, set()
    assert sorted(raised - known - told) == [], f"codes that docs/{page} does not tell of"
    assert sorted(told - raised) == [], f"docs/{page} tells of codes that nothing raises"


def _raised(rooms: tuple[str, ...]) -> set[str]:
    files = [path for room in rooms for path in (SOURCE / "maas" / room).rglob("*.py")]
    return {code for path in files for code in _codes(path.read_text("utf-8"))}


def test_the_headers_and_metrics_named_are_those_of_the_source() -> None:
    files = [SOURCE / "identity" / "owner.py", *(SOURCE / "maas").rglob("*.py")]
    source = "\n".join(path.read_text("utf-8") for path in files)
    headers = re.compile(r"x-shuyuan-[a-z-]*[a-z]")
    assert set(headers.findall(PAGE)) == set(headers.findall(source))
    metrics = (SOURCE / "maas/gateway/watch/metrics.py").read_text("utf-8")
    counted = set(re.findall(r'"((?:gen_ai_|shuyuan_|vllm:)\w+)"', metrics))
    assert counted == set(re.findall(r"`((?:gen_ai_|shuyuan_|vllm:)\w+)`", PAGE))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example as the page prints it, installed as a package of its own; its kind."""
    code, declared = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.split("## A runner of your own")[1], re.S)
    package = tmp_path / "package"
    info = package / "marks-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "marks.py").write_text(code, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: marks\nVersion: 1.0\n")
    group, points = declared.split("\n", 1)
    assert group == '[project.entry-points."shuyuan.runners"]'
    (info / "entry_points.txt").write_text("[shuyuan.runners]\n" + points.replace('"', ""))
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("PYTHONPATH", str(package))
    _look_again()
    yield "marks"
    monkeypatch.undo()
    _look_again()


@pytest.fixture
def case(installed: str, tmp_path: Path) -> Iterator[Case]:
    """What the suite of every runner asks for."""
    path = tmp_path / "curve.json"
    path.write_bytes(CURVE)
    module, name = runners.kinds()[installed].split(":")
    runner: runners.Runner = getattr(importlib.import_module(module), name)()
    runner.load(path, context_tokens=0)
    yield Case(installed, runner, path, "predict", {"inputs": {"x": runners.pack_tensor(np.array([10.0]))}})
    runner.close()


def test_the_example_runner_answers_in_a_worker(installed: str, tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    path.write_bytes(CURVE)
    shelf = Shelf()
    shelf.put("marks", path, installed)

    async def asked() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
        engine = LocalEngine(shelf)
        try:
            return await engine.predict("marks", {"x": np.array([10.0, 30.0])})
        finally:
            await engine.close()

    assert asyncio.run(asked())["y"].tolist() == [30.0, 80.0]


def test_the_example_runner_is_short() -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.split("## A runner of your own")[1], re.S)[0]
    assert len(code.splitlines()) <= 50


def _look_again() -> None:
    importlib.invalidate_caches()
    runners.kinds.cache_clear()
    catalogue.runner_kinds.cache_clear()


def _codes(source: str) -> set[str]:
    """What is raised by class or by name; `invalid_request` is a default."""
    found = re.findall(r'\bcode(?:: [\w\[\]]+)? ?= ?"([a-z_]+)"', source)
    return {*found, *re.findall(r'status, code = \d+, "([a-z_]+)"', source)}


def _named(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def _request(example: str) -> tuple[str, str, dict[str, Any]]:  # Any: what a client may be given
    """Method, path and what is sent, of `c $S/path …`."""
    words = shlex.split(example)
    assert words.pop(0) == "c"
    method, path = "", ""
    fields: dict[str, str] = {}
    sent: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-d":
            sent["content"], method = words.pop(0).encode(), method or "POST"
        elif word == "-F":
            name, _, value = words.pop(0).partition("=")
            method = method or "POST"
            if value.startswith("@"):
                sent["files"] = {name: (value[1:], io.BytesIO(b"{}"))}
            else:
                fields[name] = value
        else:
            path = word.removeprefix("$S")
    return method or "GET", path, sent | ({"data": fields} if fields else {})
