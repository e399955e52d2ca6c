"""Data sets in the workshop: brought, prepared by a plan, refused with the reason, kept while something uses them."""

import re

import pytest
from tests.web import benches, checks, workbench


def test_a_data_set_shows_columns_findings_rows_and_lineage(bench: benches.Bench) -> None:
    page = benches.seen(bench.office.admin, bench.pages["data"], "en")
    assert "120 rows, 5 columns" in page
    assert "It is ready; what is predicted is passed" in page
    assert len(re.findall(r"<td>p\d{3}</td>", page)) == 20, "twenty rows are shown"
    assert 'href="/workshop/data/marks/1"' in page, "its parent"
    assert "Imbalance of classes" in page
    assert "/api/datasets/marks/2/parts/test?format=csv" in page
    assert (
        bench.office.admin.get("/api/datasets/marks/2/parts/test?format=csv")
        .text.lstrip("\ufeff")
        .startswith("sheet,hours")
    )


def test_kinds_and_roles_are_corrected_by_the_plan_and_the_rest_stays(bench: benches.Bench) -> None:
    version = bench.office.platform.get("datasets").version(bench.boss.school_id, "data:/marks/2")
    assert {one.name: one.role for one in version.columns}["sheet"] == "ignore"
    assert version.plan["columns"]["passed"]["role"] == "label"
    assert {one["rule"] for one in version.plan["rules"]} >= {"types", "missing", "duplicates", "leakage"}
    assert set(version.parts) == {"train", "validation", "test"}
    first = bench.office.platform.get("datasets").version(bench.boss.school_id, "data:/marks/1")
    assert set(first.parts) == {"train"}, "the version it was made from never changes"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"share.train": "90"}, "the shares add up to"),
        ({"share.test": "many"}, "many"),
        ({"role.1": "label"}, "there are several labels"),
        ({"split": "time"}, "needs a column of role time"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_value_and_fix_and_keeps_what_was_said(
    bench: benches.Bench, form: dict[str, str], said: str
) -> None:
    admin = bench.office.admin
    given = workbench.defaults(admin.get(bench.pages["raw"]).text) | {"split": "random", "share.train": "70"} | form
    answer = admin.post(f"{bench.pages['raw']}/prepare", data=given)
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert said in answer.text
    if "share.train" in form:
        assert 'value="90"' in answer.text


@pytest.mark.parametrize(
    ("form", "file", "said"),
    [
        ({"name": "Not A Name"}, b"a,b\n1,2\n", "Not A Name"),
        ({"name": "ok", "format": "csv"}, b"", "empty"),
        ({"name": "ok"}, None, "no file was chosen"),
    ],
)
def test_a_file_that_is_refused_says_why_and_keeps_the_form(
    bench: benches.Bench, form: dict[str, str], file: bytes | None, said: str
) -> None:
    files = {"file": ("x.csv", file)} if file is not None else None
    answer = bench.office.admin.post("/workshop/data/upload", data={"purpose": "kept words", **form}, files=files)
    if answer.status_code == 303:  # it was taken in, and refused once it was read
        work = answer.headers["location"]
        page = workbench.until(lambda: bench.office.admin.get(work).text, lambda one: 'role="alert"' in one)
    else:
        assert answer.status_code == 400
        page = answer.text
        assert "kept words" in page
    checks.is_sound(page, "en")
    assert said in page
    assert "Reading ok" not in page, "it has ended"


def test_data_of_persons_without_consent_cannot_be_trained_on(bench: benches.Bench) -> None:
    admin = bench.office.admin
    page = workbench.upload(admin, "private", personal="1")
    assert "may not be trained on" in benches.seen(admin, page, "en")
    asked = {"data": "data:/private/1", "task": "tabular_classification"}
    answer = admin.post("/workshop/runs", data=asked)
    assert answer.status_code == 403
    assert "Ask them first" in answer.text
    assert "请先取得同意" in admin.post("/workshop/runs?lang=zh", data=asked).text
    assert admin.post(f"{page}/delete").headers["location"] == "/workshop/data?notice=deleted"
    assert admin.get(page).status_code == 404
    admin.cookies.set("lang", "en")


def test_a_data_set_in_use_stays(bench: benches.Bench) -> None:
    answer = bench.office.admin.post(f"{bench.pages['data']}/delete")
    assert answer.status_code == 409
    assert "Something was made with it" in answer.text
