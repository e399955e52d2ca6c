"""`shuyuan tests simulate`: figures, a page with plots, the same again by the same seed, and errors with their fix."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shuyuan.entrypoints.commands import simulating
from shuyuan.entrypoints.simulatedtests import words
from shuyuan.kernel import errors

app = typer.Typer()
simulating.register(app)
SMALL = ("--items", "60", "--examinees", "50", "--longest", "12")
HEAD = "item,topic,discrimination,difficulty,guessing\n"


def run(*asked: object) -> str:
    found = CliRunner().invoke(app, ["tests", "simulate", *map(str, asked)])
    if isinstance(found.exception, errors.ShuyuanError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def refused(*asked: object) -> str:
    with pytest.raises(errors.ShuyuanError) as told:
        run(*asked)
    assert told.value.fix
    return f"{told.value.message} | {told.value.fix}"


def test_the_same_seed_gives_the_same_figures_and_another_one_others(tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("1.json", "2.json", "3.json"))
    said = run(*SMALL, "--json", first)
    assert run(*SMALL, "--json", again) == said
    run(*SMALL, "--seed", 1, "--json", other)
    assert first.read_bytes() == again.read_bytes()
    assert json.loads(first.read_text())["figures"] != json.loads(other.read_text())["figures"]
    assert all(words.say(key, "en") in said for key in json.loads(first.read_text())["figures"])


def test_a_bank_of_ones_own_gives_a_page_with_every_plot_that_asks_nobody_for_anything(tmp_path: Path) -> None:
    rows = "".join(f"q{n},{'<b>' if n % 3 else ''},{1 + n % 4 / 4},{(n - 20) / 10},\n" for n in range(40))
    bank, page, found = tmp_path / "bank.csv", tmp_path / "report.html", tmp_path / "found.json"
    bank.write_text("\ufeff" + HEAD + rows)
    rules = ("--examinees", 50, "--longest", 10, "--fixed", "--rule", "weighted", "--share", "<b>=0.5-0.6")
    run(bank, *rules, "--report", page, "--json", found, "--language", "en")
    told, text = json.loads(found.read_text()), page.read_text()
    assert text.count("<svg") == text.count("</svg>") == 6
    for key in ("scatter", "by_error", "by_bias", "lengths", "exposures", "steps"):
        assert f'aria-label="{words.say(key, "en")}"' in text
    assert not any(one in text for one in ("http:", "https:", "<script", "url(", "@import", "<b></td>", "nan"))
    assert set(told["examinees"]["items"]) == {10}
    assert (
        0.5 <= next(one["share"] for one in told["by_topic"] if one["name"] == "<b>") < 0.601
    )  # of the bank it is two thirds
    steps = [one["median"] for one in told["error_after"]]
    assert steps[0] == pytest.approx(1, abs=0.01)
    assert steps == sorted(steps, reverse=True)
    assert sum(one["people"] for one in told["by_ability"]) == 50
    run(bank, "--examinees", 20, "--longest", 10, "--report", page)
    assert "题目曝光率" in page.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "q1,t,1,0,0\nq2,t,-1,0,0\n", "line 3: discrimination is '-1'"),
        (HEAD + "q1,t,1,hard,0\n", "line 2: difficulty is 'hard'"),
        (HEAD + "q1,t,1,nan,0\n", "line 2: difficulty is 'nan'"),
        (HEAD + "q1,t,1,0,1\n", "line 2: guessing is '1'"),
        (HEAD + "q1,t,1,0,0\nq1,t,1,0,0\n", "line 3: item 'q1' is named already in line 2"),
        ("item,difficulty\nq1,0\n", "no discrimination: the columns are item, difficulty"),
        (
            '[{"item_id": "q1", "a": 1, "b": 0}, {"item_id": "q2", "a": null, "b": 0}]',
            "question 2: discrimination is ''",
        ),
        ('{"items": 3}', "neither a list"),
        (HEAD, "there is no item"),
    ],
)
def test_a_bank_that_cannot_be_read_is_refused_by_line_and_value(tmp_path: Path, text: str, said: str) -> None:
    bank = tmp_path / ("bank.json" if text[0] in "[{" else "bank.csv")
    bank.write_text(text)
    assert said in refused(bank)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--longest", 0), "--longest is 0"),
        (("--error", 0), "--error is 0"),
        (("--error", "nan"), "--error is nan"),
        (("--exposure", 0), "--exposure is 0"),
        (("--exposure", 1.5), "--exposure is 1.5"),
        (("--fewest", 30), "--fewest is 30 | give a value from 1 to the longest, 24"),
        (("--examinees", 0), "--examinees is 0"),
        (("--rule", "luck"), "--rule is luck | give a value out of information"),
        (("--items", 20), "the bank has 20 questions, fewer than the longest test of 24 | say --longest 20"),
        (("--share", "t9=0.2"), "no question is of topic 't9' | the topics are: t1"),
        (("--share", "t1=2"), "--share 't1=2' is no share"),
        (("--share", "t1=0-0.5"), "the shares allow 12 questions at most"),
        (("--items", 30, "--topics", 2, "--share", "t1=0.9"), "is 22 of 24 questions; the bank has 15"),
        (("--topics", 2, "--share", "t1=0.6", "--share", "t2=0.6"), "the shares need 28 questions"),
        (("none.csv",), "there is no file none.csv"),
        (("none.csv", "--items", 30), "the bank is read from none.csv"),
        (("--report", "nowhere/report.html"), "there is no folder nowhere"),
        (("--json", "."), ". is a folder"),
        (("--language", "fr"), "no language 'fr'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_value_and_the_fix(asked: tuple[object, ...], said: str) -> None:
    assert said in refused(*asked)


def test_a_limit_that_a_small_bank_cannot_keep_is_said() -> None:
    assert "The exposure limit was not kept" in run("--items", 12, "--examinees", 50, "--longest", 12, "--fixed")
    assert "limit was not kept" not in run(*SMALL, "--exposure", 1, "--spread", 0)
