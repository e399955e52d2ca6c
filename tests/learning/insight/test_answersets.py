"""Which data sets of the workshop are tables of answers."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shuyuan.kernel import errors
from shuyuan.learning.insight import answersets
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.datasets import looking


def table(*columns: datasets.Column, **more: Any) -> datasets.DataSetVersion:  # Any: fields
    names = {"id": "1", "school_id": "s", "name": "answers", "number": 1, "sha256": "0" * 64, "created_by": "me"}
    parts = {part: {"rows": 3, "size_bytes": 9, "sha256": "0" * 64} for part in ("train", "test")}
    told = {**names, "rows": 4, "columns": columns, "parts": parts, "plan": {}, "created_at": datetime.now(UTC)}
    return datasets.DataSetVersion.model_validate({**told, **more})


def column(name: str, role: datasets.Role = "feature", distinct: int = 2) -> datasets.Column:
    return datasets.Column(name=name, kind="text", role=role, distinct=distinct)


ONLY_TEST = {"test": {"rows": 3, "size_bytes": 9, "sha256": "0" * 64}}
EXPORTED = [column("learner", distinct=9), column("item"), column("points"), column("correct"), column("at_s")]


def test_the_schools_own_export_suits_by_its_names_and_others_by_roles(tmp_path: Path) -> None:
    by_role = [column("who", "person", 9), column("item"), column("right", "label"), column("when", "time")]
    found = [table(*EXPORTED), table(*by_role)]
    rooms: Any = SimpleNamespace(
        versions=lambda school_id: found,
        require_trainable=lambda version: None,
        export_csv=lambda version, part, out: out.write_text("who,item,right,when\nann,q,1,5\n"),
    )
    assert [one.learners for one in answersets.sources(cast(Any, rooms), "s")] == [9, 9]
    answersets.write(rooms, found[1], tmp_path / "answers.csv")
    assert (tmp_path / "answers.csv").read_text() == "learner,item,correct,at_s\nann,q,1,5\n"


def test_a_column_of_texts_no_finer_than_the_items_is_taken_for_what_they_say(tmp_path: Path) -> None:
    headings = "learner,item,points,correct,at_s,written,prompt"
    own = [*EXPORTED[:1], column("item", distinct=40), *EXPORTED[2:], column("written", distinct=90)]
    rooms: Any = SimpleNamespace(
        require_trainable=lambda version: None, export_csv=lambda version, part, out: out.write_text(headings + "\n")
    )
    for last, read in ((column("prompt", distinct=38), "text"), (column("prompt", "ignore", 38), "prompt")):
        answersets.write(rooms, table(*own, last), tmp_path / "answers.csv")
        assert (tmp_path / "answers.csv").read_text() == headings.replace("prompt", read) + "\n"


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (table(*EXPORTED[:3], EXPORTED[4]), "no column has the role label or the name correct"),
        (table(*EXPORTED[:3], column("correct", distinct=3), EXPORTED[4]), "correct has 3 classes, not two"),
        (table(EXPORTED[0], *EXPORTED[2:]), "no column is called item"),
        (table(*EXPORTED, parts=ONLY_TEST), "all its rows are in its test part"),
    ],
)
def test_one_that_does_not_suit_is_told_why(version: datasets.DataSetVersion, why: str, tmp_path: Path) -> None:
    rooms: Any = SimpleNamespace(require_trainable=lambda version: None)
    with pytest.raises(errors.BadInput, match=why):
        answersets.write(rooms, version, tmp_path / "answers.csv")


def test_one_whose_consent_was_taken_back_is_refused_for_that(tmp_path: Path) -> None:
    rooms = cast(looking.Looking, SimpleNamespace())
    asked: Any = SimpleNamespace(require_trainable=lambda version: looking.Looking.require_trainable(rooms, version))
    with pytest.raises(datasets.ConsentMissing, match="have not agreed"):
        answersets.write(asked, table(*EXPORTED, personal=True), tmp_path / "answers.csv")
