"""`shuyuan train` and `shuyuan runs`: on a home without a server, and at one that runs."""

import json
import random
import shutil
from pathlib import Path

import pytest
from tests.journeys import shell, world

from shuyuan.kernel import errors

pytest.importorskip("torch", reason="training needs torch: make train")
pytest.importorskip("polars", reason="data sets are read with polars: make train")
pytestmark = pytest.mark.timeout(300)
QUICK = ("--set", "epochs=2", "--set", "rate=0.05")


def said(*words: object) -> str:
    """What a command that works prints."""
    outcome = shell.call(*words)
    assert outcome.code == 0, outcome.err + outcome.out
    return outcome.words


@pytest.fixture(scope="session")
def marked_home(school_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a data set `marks` of 60 rows in three parts."""
    made, dice = tmp_path_factory.mktemp("marked"), random.Random(3)
    home = Path(shutil.copytree(school_home, made / "home"))
    rows = [(dice.gauss(0, 1), dice.choice(("red", "blue"))) for _ in range(60)]
    table = "\n".join(["a,b,y", *(f"{a:.3f},{b},{'yes' if a > 0 else 'no'}" for a, b in rows)])
    (made / "marks.csv").write_text(f"{table}\n")
    (made / "plan.json").write_text(json.dumps({"split": {"by": "random", "shares": [0.6, 0.2, 0.2]}}))
    columns = '{"y": {"role": "label"}}'
    said("data", "import", made / "marks.csv", "--name", "marks", "--columns", columns, "--home", home)
    said("data", "prepare", "marks", made / "plan.json", "--home", home)
    return home


@pytest.fixture
def marked(marked_home: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(marked_home, tmp_path / "home"))


def test_without_a_server_it_trains_in_the_foreground(marked: Path) -> None:
    at = ("--home", marked)
    assert "tabular_classification" in said("train", *at)
    assert "Learning rate" in said("train", "tabular_classification", *at)
    assert "no runs yet" in said("runs", *at)
    told = said("train", "tabular_classification", "--data", "data:/marks", "--name", "first", *QUICK, *at)
    assert "run 1 (runs:/" in told
    assert "finished: validation_loss" in told
    assert "test_" not in told, "nothing is chosen by the test part"
    listed = said("runs", *at)
    assert "first" in listed
    assert "finished" in listed
    shown = said("runs", "show", "1", *at)
    assert "data:/marks/2" in shown
    assert "rate=0.05" in shown
    assert "on test, for a release" in shown
    assert "models:/marks/1" in said("runs", "register", "1", "marks", *at)
    assert "marks" in said("list", *at)
    ended = shell.call("runs", "cancel", "1", *at)
    assert (ended.code, "run_ended" in ended.err) == (1, True)


def test_at_a_server_it_is_queued_followed_and_cancelled(marked: Path) -> None:
    at = ("--home", marked)
    with world.serving(marked, demo=False):
        told = said("train", "tabular_classification", "--data", "data:/marks", *QUICK, "--follow", *at)
        assert "finished: validation_loss" in told
        endless = ("--set", "epochs=10000", "--set", "batch=2")
        assert "run 2" in said("train", "tabular_classification", "--data", "data:/marks", *endless, *at)
        assert "run 2 is" in said("runs", "pause", "2", *at)
        assert "run 2 is" in said("runs", "cancel", "2", *at)
        (marked / "space.json").write_text('{"rate": {"low": 0.001, "high": 0.1, "log": true}}')
        searched = ("--space", marked / "space.json", "--trials", "2", *endless)
        assert "no searches yet" in said("runs", "search", *at)
        assert "search 1" in said("train", "tabular_classification", "--data", "data:/marks", *searched, *at)
        assert "0/2" in said("runs", "search", "list", *at)
        assert "by validation_loss" in said("runs", "search", "show", "1", *at)
        assert "search 1 is cancelled, " in said("runs", "search", "cancel", "1", *at)
        wrong = shell.call("train", "tabular_classification", "--data", "data:/marks", "--set", "rate=-1", *at)
        assert (wrong.code, "bad_config" in wrong.err, "rate: number > 0" in wrong.err) == (1, True, True)


def test_what_was_typed_wrongly_is_named(marked: Path) -> None:
    at = ("--home", marked)
    for words, told in (
        (("train", "alchemy", "--data", "data:/marks"), "unknown_task"),
        (("train", "alchemy"), "no training task 'alchemy'"),
        (("train", "tabular_classification", "--data", "data:/nothing"), "data_set_not_found"),
        (("train", "tabular_classification", "--data", "data:/marks", "--set", "rate"), "--set rate=0.01"),
        (("train", "tabular_classification", "--data", "data:/marks", "--name", "x" * 200), "name is"),
        (("runs", "show", "9"), "run_not_found"),
    ):
        outcome = shell.call(*words, *at)
        assert (outcome.code, told in outcome.err) == (1, True), (words, outcome.err)
    assert "no runs yet" in said("runs", *at)


def test_a_failed_run_ends_the_command_with_its_reason(marked: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,w,y\n" + "".join(f"{n},0,{'ab'[n % 2]}\n" for n in range(20)))
    columns = '{"y": {"role": "label", "kind": "category"}, "w": {"role": "weight"}}'
    said("data", "import", tmp_path / "one.csv", "--name", "one", "--columns", columns, "--home", marked)
    outcome = shell.call("train", "tabular_classification", "--data", "data:/one", "--home", marked)
    assert outcome.code == 1
    assert "failed: the weight column 'w' goes from 0 to 0" in outcome.out
    assert "fix:" in outcome.out


def test_the_errors_are_of_one_tree() -> None:
    from shuyuan.maas.training import interface

    raised = [kind for kind in vars(interface).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    kinds = [kind for kind in raised if issubclass(kind, errors.ShuyuanError)]
    assert len(kinds) == len(raised) > 10
    assert len({kind.code for kind in kinds}) == len(kinds), "one code each"
