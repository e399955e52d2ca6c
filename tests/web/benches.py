"""Schools whose workshop has something in it: one of each kind, made once in a run of tests and copied."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests import once
from tests.web import checks, schools, workbench

from shuyuan.identity.interface import Principal

LANGUAGES = ("zh", "en")
LISTS = ("data", "runs", "reports", "models", "pipelines", "lab")
ROLES = ("admin", "developer", "teacher")


@dataclass
class Bench:
    """A school with one data set in two versions, two runs, a version of the first, and its report. Pages by name."""

    office: schools.Office
    people: dict[str, TestClient]
    pages: dict[str, str]

    @property
    def boss(self) -> Principal:
        found: Principal = self.office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
        return found


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """Such a school in `folder`, which nobody has opened since it was made, with its staff."""
    pytest.importorskip("torch", reason="training needs torch: make train")
    pytest.importorskip("polars", reason="data sets are read with polars: make train")
    once.copied(_make, folder)
    with schools.again(folder / "home", starter="none") as office:
        yield Bench(office, staff(office), json.loads((folder / "pages.json").read_text()))


def staff(office: schools.Office) -> dict[str, TestClient]:
    """A browser for each role; the administrator is there already."""
    identity = office.platform.get("identity")
    school = identity.schools()[0]
    for role in ("developer", "teacher"):
        made = {"school_id": school.id, "role": role, "name": role, "login": role, "secret": schools.PASSWORD}
        office.platform.get("db").write(lambda uow, made=made: identity.create_account(uow, **made))
    return {"admin": office.admin} | {role: office.enter(role, schools.PASSWORD) for role in ("developer", "teacher")}


def seen(client: TestClient, path: str, language: str) -> str:
    """A page, which is sound and light."""
    answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer.status_code == 200, (path, answer.status_code)
    checks.is_sound(answer.text, language)
    assert checks.weight(answer.text) <= checks.MOST_BYTES
    return answer.text


def _make(folder: Path) -> None:
    with schools.empty(folder / "home", starter="none") as office:
        (folder / "pages.json").write_text(json.dumps(_filled(office)))


def _filled(office: schools.Office) -> dict[str, str]:
    admin, pages = office.admin, dict[str, str]()
    pages["raw"] = workbench.upload(admin)
    pages["data"] = workbench.prepare(admin, pages["raw"])
    pages["run"] = workbench.train(admin, "data:/marks/2")
    pages["second"] = workbench.train(admin, "data:/marks/2", **{"c.epochs": "3"})
    assert workbench.ended(office, pages["run"]) == "finished"
    assert workbench.ended(office, pages["second"]) == "finished"
    register = admin.post(f"{pages['run']}/register", data={"model": "passing"})
    assert register.headers["location"] == "/workshop/models/passing?version=1&notice=registered"
    pages["model"] = "/workshop/models/passing"
    order = {"subject": "models:/passing/1", "data": "data:/marks/2", "part": "validation", "groups": "path"}
    pages["report"] = admin.post("/workshop/reports", data=order).headers["location"]
    workbench.until(lambda: admin.get(pages["report"]).text, lambda page: "hx-trigger" not in page)
    runs = [pages[name].rpartition("/")[2] for name in ("run", "second")]
    pages["compare"] = f"/workshop/runs/compare?run={runs[0]}&run={runs[1]}"
    return pages
