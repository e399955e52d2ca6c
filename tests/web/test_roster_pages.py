"""Class lists: checked, imported, refused with the reason; PINs on slips."""

import io
import re

import openpyxl
import pytest
from tests.web import checks, schools
from tests.web.offices import check_list, import_list, kept, new_class, principal

from shuyuan.learning.people import sheet
from shuyuan.learning.people.interface import RosterRow
from shuyuan.web import machine
from shuyuan.web.pages import roster

ROSTER = "学号,姓名,年龄段\n" + "".join(f"{n},学生{n},13-15\n" for n in range(1, 33))


BAD = "07,又一个七号,\n,没有学号,\n40,,\n41,年龄不明,abc\n"


def test_a_list_is_checked_then_imported_and_thirty_two_pupils_come_in(office: schools.Office) -> None:
    class_id = new_class(office)
    checked = check_list(office, class_id, (ROSTER + BAD).encode("gb18030"))
    checks.is_sound(checked.text, "en")
    assert "32 lines can go in, 4 cannot" in checked.text
    first = checked.text.split("<tbody>")[1]
    assert first.index("又一个七号") < first.index("学生1<"), "lines with a problem come first"
    for words in ("in the list twice", "number is missing", "name is missing", "age band is not understood"):
        assert words in checked.text
    assert office.platform.get("people").learners(principal(office), class_id) == [], "nothing is written by a check"
    done = import_list(office, checked)
    checks.is_sound(done.text, "en")
    assert "32 added, 0 corrected, 4 left out" in done.text
    slips = re.findall(
        r"<dd><code>(\w{6})</code></dd><dt>[^<]+</dt><dd><code>(\d+)</code></dd><dt>PIN</dt><dd><code>(\d{6})</code>",
        done.text,
    )
    assert len(slips) == 32
    assert "this machine only" not in done.text, "the address is one that other devices may open"
    for code, number, pin in slips:
        entered = office.anyone().post("/enter/pupil", data={"code": code, "number": number, "pin": pin})
        assert entered.headers["location"] == "/learn/today"
    again = check_list(office, class_id, ROSTER.encode())
    assert "Choose another file" in again.text
    assert "/people/roster/import" not in again.text, "nothing is left to do"


def test_pins_shown_once_survive_a_change_of_language_and_theme(office: schools.Office) -> None:
    done = import_list(office, check_list(office, new_class(office), b"number,name\n1,Ann\n2,Ben\n,Nobody\n")).text
    pins = re.findall(r"<code>(\d{6})</code>", done)
    assert len(pins) == 2
    zh = office.admin.post("/people/roster/slips", data=kept(done.split("</form>")[0]) | {"lang": "zh"})
    checks.is_sound(zh.text, "zh")
    assert re.findall(r"<code>(\d{6})</code>", zh.text) == pins
    assert "没有学号" in zh.text, "the lines left out are told again too"
    dark = office.admin.post("/people/roster/slips", data=kept(zh.text.split("</form>")[0]) | {"theme": "dark"}).text
    assert 'lang="zh-CN" data-theme="dark"' in dark
    assert re.findall(r"<code>(\d{6})</code>", dark) == pins
    assert "data-once" in dark, "leaving asks first"
    assert office.admin.post("/people/roster/slips", data={"content": "e30"}).status_code in (400, 422)


def test_slips_with_an_address_of_this_machine_only_say_so_and_what_to_do(office: schools.Office) -> None:
    office.admin.headers["host"] = "127.0.0.1:8000"
    checked = check_list(office, new_class(office), b"number,name\n1,Ann\n")
    for page in (checked.text, import_list(office, checked).text):
        assert "http://127.0.0.1:8000 opens on this machine only" in page
        assert "--host 0.0.0.0 --tls-cert" in page


@pytest.mark.parametrize(
    ("host", "only"),
    [("127.0.0.2", True), ("localhost", True), ("::1", True), ("10.0.0.5", False), ("a.example", False)],
)
def test_an_address_is_of_this_machine_only(host: str, only: bool) -> None:
    assert machine.only_here(host) is only


def test_columns_nobody_reads_are_named_in_the_check(office: schools.Office) -> None:
    checked = check_list(office, new_class(office), "学号,姓名,电话,<b>\n1,Ann,139,x\n".encode())
    assert "Ignored columns: 电话, &lt;b&gt;." in checked.text
    assert "Ignored columns" not in check_list(office, new_class(office, "B"), b"number,name\n1,Ann\n").text


def test_a_workbook_of_several_classes_goes_into_each(office: schools.Office) -> None:
    new_class(office, "7A")
    new_class(office, "7B")
    book, content = openpyxl.Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet()
    for row in (("number", "name", "class"), ("1", "Ann", "7A"), ("1", "Ben", "7B"), ("2", "Cai", "7C")):
        sheet.append(row)
    book.save(content)
    checked = check_list(office, "", content.getvalue(), "list.xlsx")
    assert "No such class" in checked.text
    import_list(office, checked)
    assert [one.size for one in office.platform.get("people").classes(principal(office))] == [1, 1]


def test_a_file_that_is_no_list_says_so(office: schools.Office) -> None:
    answer = check_list(office, new_class(office), b"a,b\n1,2\n")
    assert answer.status_code == 400
    assert "no column for number and name" in answer.text


def test_a_damaged_list_in_the_form_is_refused(office: schools.Office) -> None:
    answer = office.admin.post("/people/roster/import", data={"content": "a", "class_id": new_class(office)})
    assert answer.status_code == 422


def test_every_problem_of_the_importer_has_words_of_its_own(office: schools.Office) -> None:
    bad = (
        "学号,姓名,班级,年龄段,PIN\n1,A,,,12\n2,B,,abc,\n3,C,other,,\n!,D,,,\n,E,,,\n6,,,,\n7,"
        + "x" * 80
        + ",,,\n8,F,,,\n8,G,,,\n"
    )
    report = office.platform.get("people").import_roster(
        principal(office), new_class(office), "bad.csv", bad.encode(), dry_run=True
    )
    refused = [row for row in report.rows if row.action == "refuse"]
    assert [roster.problem(row) for row in refused] == [
        "bad_pin",
        "bad_age",
        "other_class",
        "bad_number",
        "no_number",
        "no_name",
        "bad_name",
        "twice",
    ]
    assert roster.problem(RosterRow(1, "", "", "", "something new", "refuse")) == "other"


def test_a_list_that_passes_the_check_passes_the_import_and_the_form_says_the_cap(office: schools.Office) -> None:
    class_id = new_class(office)
    lines, rest = divmod(sheet.MAX_BYTES - len(ROSTER.encode()), 1000)
    padding = b" " * rest + (b" " * 999 + b"\n") * lines
    checked = check_list(office, class_id, ROSTER.encode() + padding)
    assert checked.status_code == 200
    assert import_list(office, checked).status_code == 200
    assert office.platform.get("people").class_(principal(office), class_id).size == 32
    refused = check_list(office, class_id, ROSTER.encode() + padding + b"\n")
    assert refused.status_code == 413
    assert f"{sheet.MAX_BYTES // 1_000_000} MB" in refused.text
