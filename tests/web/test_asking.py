"""A version is asked about one row on its own page: real values, by the names of the columns."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.web import checks, schools

from shuyuan.maas.catalogue.interface import NewVersion
from shuyuan.maas.runners import graph
from shuyuan.science.features import Features
from shuyuan.web.pages.workshop import answering, refusals

PUPILS: dict[str, list[object]] = {
    "hours": [1.0, 9.0, 5.0],
    "path": ["arts", "science", "arts"],
    "y": ["no", "yes", "no"],
}
SCHEMA = [
    {"name": "hours", "kind": "number"},
    {"name": "path", "kind": "category"},
    {"name": "y", "kind": "category", "role": "label"},
]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[schools.Office]:
    """A school with `passing`, which says yes to many hours, `bare`, which takes tensors, and an `outlook`."""
    with schools.empty(tmp_path / "home", starter="none") as made:
        fitted = Features.fit(PUPILS, SCHEMA)
        (width,) = fitted.inputs[0].shape
        weights = np.zeros((width, 2), np.float32)
        weights[0] = -1, 1  # the hours, standardised
        net = graph.Graph("passing")
        given = [net.input("features", "float32", ("rows", width)), net.constant("w", weights)]
        net.output(net.node("MatMul", given, "logits"), "float32", ("rows", 2))
        catalogue, school = made.platform.get("catalogue"), made.platform.get("identity").schools()[0]
        for model, spec in (("passing", {"labels": ["no", "yes"], "features": fitted.to_json()}), ("bare", {})):
            file = io.BytesIO(net.to_bytes())
            catalogue.add_file(school.id, "system", model=model, source=file, runner="onnx", spec=spec)
        sha256 = made.platform.get("storage").put(b"weights")
        new = {
            "model": "outlook",
            "runner": "outlook",
            "artefact_sha256": sha256,
            "size_bytes": 7,
            "figures": {"auc": 0.7},
        }
        version = NewVersion.model_validate({**new, "card": {"zh": "估计", "en": "An estimate for teachers"}})
        told = {"school_id": school.id, "actor_id": "system"}
        made.platform.get("db").write(lambda uow: catalogue.register_version(uow, version=version, **told))
        yield made


def test_a_row_of_real_values_is_answered_on_the_page_and_a_wrong_one_is_told(office: schools.Office) -> None:
    where, ask = "/workshop/models/passing", "/workshop/models/passing/ask"
    assert f'href="{ask}?version=1"' in office.admin.get(where).text
    page = office.admin.get(f"{ask}?version=1")
    checks.is_sound(page.text, "en")
    assert '<option value="science">' in page.text
    for hours, said in (("9", "yes"), ("1", "no")):
        answer = office.admin.post(ask, data={"version": "1", "c0": hours, "c1": "arts"})
        assert answer.status_code == 200, answer.text
        assert said in answer.text.partition("<h1")[2].partition("</h1>")[0]
    wrong = office.admin.post(ask, data={"version": "1", "c0": "nine", "c1": "arts"})
    assert wrong.status_code == 400
    assert "&#39;nine&#39;, not a number" in wrong.text
    assert 'value="nine"' in wrong.text, "what was typed stays"
    told = office.admin.post(f"{ask}?lang=zh", data={"version": "1", "c0": "nine", "c1": "arts"}).text
    assert "<p>“hours”要填数字。</p><details" in told.replace(' class="s"', "")
    assert "details open" not in told.replace(' class="s"', ""), "our own words say it all"
    assert "/workshop/models/bare/ask" not in office.admin.get("/workshop/models/bare").text
    assert "reads no row of a table" in office.admin.get("/workshop/models/bare/ask?version=1").text


def test_a_model_that_its_own_module_runs_is_shown_and_no_more(office: schools.Office) -> None:
    where = "/workshop/models/outlook"
    for language, card in (("zh", "估计"), ("en", "An estimate for teachers")):
        page = office.admin.get(f"{where}?lang={language}")
        assert page.status_code == 200
        checks.is_sound(page.text, language)
        assert card in page.text
        assert "0.7" in page.text
        assert 'href="/admin/models#outlooks"' in page.text
        assert f'action="{where}' not in page.text
    for verb in ("promote", "rollback"):
        refused = office.admin.post(f"{where}/{verb}", data={"version": "1", "reason": "better"})
        assert (refused.status_code, "chooses its own versions" in refused.text) == (409, True)
    assert office.admin.get("/workshop/models/nothing").status_code == 404


def test_a_cell_that_its_column_cannot_hold_is_told_by_the_name_of_the_column() -> None:
    columns = [answering.Asked("c0", "name", "category"), answering.Asked("c1", "due", "time")]
    assert answering.misfilled(columns, {"name": "x", "due": ""}) is None
    assert answering.misfilled(columns, {"name": "x", "due": "2026-09-01T08:00"}) is None
    wrong = answering.misfilled(columns, {"name": "x", "due": "soon"})
    assert wrong is not None
    assert refusals.told(wrong, "zh") == refusals.Told("“due”要填时间，例如 2026-09-01T08:00。", True)
