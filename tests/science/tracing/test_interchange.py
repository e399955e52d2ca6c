"""Answers as text: read as they were written, refused by the line where one would have to guess."""

import io
import json

import pytest

from shuyuan.science.tracing import interchange
from shuyuan.science.tracing.interactions import Answer

ROWS = [Answer("ann", "q1", ("add", "carry"), True, 60.0), Answer("bo", "问二", (), False, 120.0)]


def test_what_is_written_is_read_again() -> None:
    file = io.StringIO()
    assert interchange.write_csv(ROWS, file) == 2
    file.seek(0)
    assert interchange.read_csv(file) == ROWS


def test_what_items_say_is_written_once_each_and_read_again_but_for_an_item_that_says_two_things() -> None:
    file = io.StringIO()
    says = {"q1": "1 + 1, “two”", "问二": ""}
    assert interchange.write_csv([*ROWS, *ROWS, Answer("cy", None, (), True)], file, says.__getitem__) == 5
    assert file.getvalue().count("1 + 1") == 1
    file.seek(0)
    assert interchange.read_csv(file)[1:3] == ROWS[:1] + ROWS[:1]
    file.seek(0)
    assert interchange.read_texts(file) == ({"q1": says["q1"]}, {})
    assert interchange.read_texts(io.StringIO("user,problem,label\nann,q1,1\n")) == ({}, {})
    two = 'user,problem,label,Text\na,q1,1,one\nb,q1,1,two\nb,q1,1,three\nb,q2,1,"on\ntwo lines"\nb,q3,1,a\nc,q3,1,b\n'
    assert interchange.read_texts(io.StringIO(two)) == ({"q2": "on\ntwo lines"}, {"q1": 3, "q3": 8})


def test_json_holds_the_same_columns() -> None:
    file = io.StringIO()
    assert interchange.write_json(ROWS, file) == 2
    told = json.loads(file.getvalue())
    assert told["columns"] == list(interchange.COLUMNS)
    assert told["rows"] == [["ann", "q1", ["add", "carry"], True, 60], ["bo", "问二", [], False, 120]]


def test_other_names_and_iso_times_are_read_and_rows_out_of_order_are_put_in_order() -> None:
    text = "person,item,label,at\na,q1,true,2026-03-02T08:00:10+00:00\na,q2,false,2026-03-02T08:00:00\n"
    one, two = interchange.read_csv(io.StringIO(text))
    assert (one.item_id, one.correct, two.item_id) == ("q2", False, "q1")
    assert two.at_s - one.at_s == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column learner"),
        ("learner,item,correct\n", "no row"),
        ("learner,item\na,q\n", "no column correct"),
        ("learner,item,correct\na,q,1\n,q,1\n", "line 3 names no learner"),
        ("learner,item,correct\na,q,maybe\n", "line 2: correct is 'maybe'"),
        ("learner,item,correct,at_s\na,q,1,noon\n", "line 2: the time is 'noon'"),
        ("learner,item,correct,at_s\na,q,1,nan\n", "line 2: the time is 'nan'"),
        ("learner,item,correct,at_s\na,q,1,5\na,q,1,2026-01-01\n", "line 3 has a date '2026-01-01' where line 2 has s"),
        ("learner,item,correct,at_s\na,q,1,2026-01-01\n\na,q,1,\n", "line 4 has no time where line 2 has a date"),
        (f"learner,item,correct,text\na,q,1,\na,q,1,{'x' * 140_000}\n", r"line 3 is no row of a CSV: field larger"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(interchange.Unreadable, match=said):
        interchange.read_csv(io.StringIO(text))
