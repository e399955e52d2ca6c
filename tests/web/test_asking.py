"""A version is asked about one row on its own page: real values, by the names of the columns."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.web import checks, schools

from shuyuan.maas.runners import graph
from shuyuan.science.features import Features

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
    """A school with `passing`, which says yes to many hours, and `bare`, which takes tensors."""
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
    assert "/workshop/models/bare/ask" not in office.admin.get("/workshop/models/bare").text
    assert "reads no row of a table" in office.admin.get("/workshop/models/bare/ask?version=1").text
