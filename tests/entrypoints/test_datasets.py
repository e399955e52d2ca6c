"""`shuyuan data`: from a file to a split data set and out again, on the command line."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from tests.journeys import shell

from shuyuan.maas.datasets import steps

DOCS = Path(__file__).parents[2] / "docs" / "life-cycle" / "data.md"

MARKS = "student_id,mark,label\n" + "".join(f"s{at % 9},{at / 4},{'pass' if at % 2 else 'fail'}\n" for at in range(60))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / "marks.csv"
    path.write_text(MARKS)
    return path


def test_every_rule_is_listed_with_its_options_which_the_docs_name_too(home: Path) -> None:
    listed, page = shell.call("data", "steps", "--home", home).words, DOCS.read_text("utf-8")
    for kind in steps.described().values():
        for one in kind:
            (row,) = [line for line in page.splitlines() if line.startswith(f"| `{one['rule']}` |")] or [page]
            for name, asked in one["schema"]["properties"].items():
                assert f"`{name}`" in (row if name != "columns" else page), (one["rule"], name)
                assert all(value in row and value in listed for value in asked.get("enum", ())), (one["rule"], name)
                assert name in listed or name == "columns", name


def test_a_long_name_is_not_cut_in_a_pipe(home: Path, marks: Path) -> None:
    name = "a-very-long-name-of-a-data-set-as-people-give-them-to-a-year-of-marks"
    assert shell.call("data", "import", marks, "--name", name, "--home", home).code == 0
    assert f"data:/{name}/1" in shell.call("data", "list", "--home", home).out


def test_a_file_is_imported_prepared_listed_shown_and_exported(home: Path, marks: Path, tmp_path: Path) -> None:
    said = shell.call("data", "import", marks, "--name", "marks", "--personal", "--purpose", "a try", "--home", home)
    assert (said.code, said.err) == (0, "")
    assert "data:/marks/1 · train 60 · personal · a try" in said.out
    assert "nobody has noted that they agreed" in said.out
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"rules": [{"rule": "outliers"}], "split": {"by": "person"}}))
    said = shell.call("data", "prepare", "marks", plan, "--home", home)
    assert (said.code, said.err) == (0, "")
    assert "data:/marks/2" in said.out
    assert "exists already" not in said.out
    said = shell.call("data", "prepare", "marks", plan, "--home", home)
    assert (said.code, "data:/marks/2 was made by this very plan already" in said.out) == (0, True), said
    said = shell.call("data", "prepare", "marks/1", plan, "--home", home)
    assert "data:/marks/2 exists already, since " in said.out
    listed = shell.call("data", "list", "--home", home)
    assert "data:/marks/1" in listed.out
    assert "data:/marks/2" in listed.out
    assert re.search(r"\d\d:\d\d[+-]\d\d:\d\d", listed.out), "a time says its zone"
    shown = shell.call("data", "show", "marks/1", "--home", home)
    assert "student_id" in shown.out
    for name in ("part.csv", "part.parquet"):
        said = shell.call("data", "export", "marks", tmp_path / name, "--part", "test", "--home", home)
        assert (said.code, said.err) == (0, "")
    rows = pl.read_parquet(tmp_path / "part.parquet")
    assert rows.equals(pl.read_csv(tmp_path / "part.csv"))


@pytest.mark.parametrize(
    ("content", "told", "said"),
    [
        ("a,b\n1,2,3\n", [], "line 2 has 3 fields"),
        ("a,b\n1,2\n", ["--columns", '{"z": {"kind": "number"}}'], "no column 'z'"),
        ("a,b\n1,2\n", ["--columns", "no json"], "no JSON"),
        ("a,b\n1,2\n", ["--format", "parquet"], "does not open"),
    ],
)
def test_a_wrong_file_is_one_line_and_its_fix(
    home: Path, tmp_path: Path, content: str, told: list[str], said: str
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content)
    answer = shell.call("data", "import", path, "--name", "wrong", *told, "--home", home)
    assert answer.code == 1
    assert said in answer.err
    assert "fix:" in answer.err
    assert "Traceback" not in answer.err
    assert "data:/wrong" not in shell.call("data", "list", "--home", home).out


def test_a_wrong_plan_is_told(home: Path, marks: Path, tmp_path: Path) -> None:
    shell.call("data", "import", marks, "--name", "marks", "--home", home)
    plan = tmp_path / "plan.json"
    for content, said in (('{"rules": [{"rule": "wash"}]}', "no rule 'wash'"), ('{"rule": 1}', "cannot be read")):
        plan.write_text(content)
        answer = shell.call("data", "prepare", "marks", plan, "--home", home)
        assert (answer.code, said in answer.err) == (1, True), answer.err
