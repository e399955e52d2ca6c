"""`shuyuan tracers`: which models there are, and how they compare on a file."""

from pathlib import Path

import pytest
import typer
from tests.science.tracing import test_comparingnew
from tests.science.tracing.test_comparing import answers
from typer.testing import CliRunner

from shuyuan.entrypoints.commands import tracers
from shuyuan.kernel import errors
from shuyuan.science.tracing import family, interchange

app = typer.Typer()
tracers.register(app)


def run(*asked: str) -> str:
    found = CliRunner().invoke(app, ["tracers", *asked])
    if isinstance(found.exception, errors.ShuyuanError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def test_every_model_of_the_family_is_named_and_which_need_torch() -> None:
    said = run("list").splitlines()
    assert [line.split()[0] for line in said] == list(family.REGISTRY)
    assert "dkt  (torch)" in said


def test_a_file_is_compared_on_and_figures_are_written_with_their_protocol(tmp_path: Path) -> None:
    file, out = tmp_path / "answers.csv", tmp_path / "out.json"
    with file.open("w") as text:
        interchange.write_csv(answers(), text)
    said = run("compare", str(file), "--model", "rasch", "--no-control", "--json", str(out))
    assert "split by learner, seed 0" in said
    assert '"data_sha256"' in out.read_text()
    with pytest.raises(errors.BadInput, match="guess"):
        run("compare", str(file), "--model", "guess")
    file.write_text("learner,item,correct\na,q,maybe\n")
    with pytest.raises(errors.BadInput, match="line 2"):
        run("compare", str(file), "--model", "rasch")
    with pytest.raises(errors.NotFound):
        run("compare", str(tmp_path / "none.csv"))


def test_new_items_are_judged_by_the_text_that_the_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    with file.open("w", newline="") as text:
        interchange.write_csv(test_comparingnew.answers(), text, test_comparingnew.TELLING.__getitem__)
    said = run("compare", str(file), "--model", "kalman", "--no-control", "--new-items", "--seed", "3")
    assert "12 of 60 items hidden, 120 answers to 12 of them; by text: difference in log loss" in said
    with file.open("a", newline="") as text:
        text.write("l0,q3,p3,1,9e9,another text\n")
    run_again = run("compare", str(file), "--model", "rasch", "--no-control", "--new-items", "--seed", "3")
    assert "another one in another line: q3 (line 3002)" in run_again
    with file.open("w", newline="") as text:
        interchange.write_csv(answers(), text)
    with pytest.raises(errors.BadInput, match="2 hidden items: new items are judged from 100"):
        run("compare", str(file), "--model", "kalman", "--no-control", "--new-items")


def test_an_export_that_is_refused_leaves_the_file_that_was_there(school_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("keep me")
    for asked, refused in (((), "0 learners who agreed"), (("--purpose", "zz"), "'zz' is no purpose")):
        with pytest.raises(errors.ShuyuanError, match=refused):
            run("export", str(out), "--home", str(school_home), *asked)
        assert out.read_text() == "keep me"
    with pytest.raises(errors.BadInput, match="no folder"):
        run("export", str(tmp_path / "nowhere" / "out.csv"), "--home", str(school_home))
    with pytest.raises(errors.BadInput, match="no folder"):
        run("compare", __file__, "--json", str(tmp_path / "nowhere" / "out.json"))
