"""The administrator's pages: people, class list, models, usage, activity log, privacy."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import update
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.learning.people import sheet
from shuyuan.learning.people.interface import RosterRow
from shuyuan.maas.gateway.interface import Total
from shuyuan.web import machine
from shuyuan.web.pages import activity, roster, usage

PAGES = (
    "/admin",
    "/admin/people",
    "/people/roster",
    "/admin/models",
    "/admin/models/tutor",
    "/admin/usage",
    "/admin/usage?days=30",
    "/admin/audit",
    "/admin/audit?verify=1",
    "/admin/audit?kind=account",
    "/admin/privacy",
)
ROSTER = "学号,姓名,年龄段\n" + "".join(f"{n},学生{n},13-15\n" for n in range(1, 33))
Answer = Any  # of whichever httpx the test client was built on
BAD = "07,又一个七号,\n,没有学号,\n40,,\n41,年龄不明,abc\n"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[schools.Office]:
    with schools.empty(tmp_path / "home", cache=tmp_path / "cache", starter="tiny") as made:
        yield made


def new_class(office: schools.Office, name: str = "Year 7, Class 2") -> str:
    """Its id."""
    made = office.admin.post("/admin/people/classes", data={"name": name})
    return str(re.findall(r"/classes/(\w+)", made.headers["location"])[0])


def check_list(office: schools.Office, class_id: str, content: bytes, name: str = "list.csv") -> Answer:
    return office.admin.post("/people/roster", data={"class_id": class_id}, files={"file": (name, content)})


def import_list(office: schools.Office, checked: Answer) -> Answer:
    fields: dict[str, list[str]] = {}
    form = checked.text.split('action="/people/roster/import"')[1]
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return office.admin.post("/people/roster/import", data=fields)


def secret(html: str) -> str:
    """What is shown this once."""
    return str(re.findall(r'class="big-code">([^<]+)<', html)[0])


def principal(office: schools.Office) -> Principal:
    return Principal("system", office.platform.get("identity").schools()[0].id, "admin")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sound_and_light(site: Site, path: str, language: str) -> None:
    with site.client("admin", language) as client:
        answer = client.get(path)
        assert answer.status_code == 200
        checks.is_sound(answer.text, language)
        assert checks.weight(answer.text) <= checks.MOST_BYTES


@pytest.mark.parametrize("role", ["student", "teacher", "developer"])
def test_every_page_and_button_is_refused_to_others(site: Site, role: str) -> None:
    buttons = (
        "/admin/backup",
        "/admin/measure",
        "/admin/people/classes",
        "/admin/people/accounts",
        "/people/roster/import",
        "/people/roster/slips",
        "/admin/people/once",
        "/admin/models/tiny/pull",
        "/admin/usage/limits",
        "/admin/privacy/erase/x",
        "/loop/turn",
    )
    with site.client(role) as client:
        for path in PAGES:
            assert client.get(path).status_code == 403, path
        for path in buttons:
            assert client.post(path).status_code == 403, path


def test_nobody_is_led_to_the_door(site: Site) -> None:
    with site.client(None) as client:
        assert client.get("/admin").headers["location"] == "/enter?back=/admin"


# people


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


def kept(html: str) -> dict[str, list[str]]:
    """What the form for language and theme carries along."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html.split('id="prefs"')[1]):
        fields.setdefault(name, []).append(unescape(value))
    return fields


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


def test_a_new_pin_is_shown_once_and_the_old_one_ends(office: schools.Office) -> None:
    class_id = new_class(office)
    import_list(office, check_list(office, class_id, b"number,name,PIN\n1,Ann,314159\n"))
    class_ = office.platform.get("people").classes(principal(office))[0]
    page = office.admin.get(f"/admin/people/classes/{class_id}").text
    button = re.findall(r'action="(/admin/people/learners/\w+/pin)"', page)[0]
    shown = office.admin.post(button).text
    pin = secret(shown)
    assert pin not in office.admin.get(f"/admin/people/classes/{class_id}").text
    zh = office.admin.post("/admin/people/once", data=kept(shown.split("</form>")[0]) | {"lang": "zh"}).text
    assert (secret(zh), '<html lang="zh-CN"' in zh) == (pin, True)
    office.admin.post("/preferences", data={"lang": "en"})
    assert office.admin.post(button.replace("learners", "accounts").replace("/pin", "/reset")).status_code == 409, (
        "a pupil gets a PIN, never a password"
    )
    coming = {"code": class_.code, "number": "1"}
    assert office.anyone().post("/enter/pupil", data=coming | {"pin": "314159"}).status_code == 401
    assert office.anyone().post("/enter/pupil", data=coming | {"pin": pin}).status_code == 303


def test_an_adult_gets_a_password_once_joins_a_class_and_can_be_stopped(office: schools.Office) -> None:
    class_id = new_class(office)
    made = office.admin.post("/admin/people/accounts", data={"name": "Lin", "login": "lin", "role": "teacher"})
    checks.is_sound(made.text, "en")
    password = secret(made.text)
    assert password not in office.admin.get("/admin/people").text
    teacher = office.enter("lin", password)
    assert "Year 7, Class 2" not in teacher.get("/teach/today").text
    page = office.admin.get(f"/admin/people/classes/{class_id}").text
    account_id = re.findall(r'<option value="(\w+)">Lin', page)[0]
    office.admin.post(f"/admin/people/classes/{class_id}/teachers", data={"account_id": account_id})
    assert "Year 7, Class 2" in teacher.get("/teach/today").text
    office.admin.post(f"/admin/people/accounts/{account_id}/active", data={"on": ""})
    assert teacher.get("/teach/today").headers["location"] == "/enter?back=/teach/today"
    assert office.anyone().post("/enter/adult", data={"login": "lin", "password": password}).status_code == 401


def test_a_taken_login_and_a_pupils_role_are_refused_with_the_reason(office: schools.Office) -> None:
    taken = office.admin.post("/admin/people/accounts", data={"name": "Lin", "login": "office", "role": "teacher"})
    assert taken.status_code == 409
    assert "is taken" in taken.text
    pupil = office.admin.post("/admin/people/accounts", data={"name": "Lin", "login": "lin", "role": "student"})
    assert pupil.status_code == 400


def test_the_last_administrator_stays(office: schools.Office) -> None:
    page = office.admin.get("/admin/people").text
    me = re.findall(r"/admin/people/accounts/(\w+)/reset", page)[0]
    assert f"/admin/people/accounts/{me}/active" not in page
    assert office.admin.post(f"/admin/people/accounts/{me}/active", data={"on": ""}).status_code == 409


def test_courses_and_tutor_of_a_class_are_saved(office: schools.Office) -> None:
    office.admin.post("/admin/courses")
    class_id = new_class(office)
    office.admin.post(f"/admin/people/classes/{class_id}", data={"course_id": ["large-models"], "tutor": "1"})
    class_ = office.platform.get("people").class_(principal(office), class_id)
    assert (class_.course_ids, class_.tutor_on) == (("large-models",), True)
    assert re.search(r'value="large-models" checked', office.admin.get(f"/admin/people/classes/{class_id}").text)


def test_saving_a_setting_leaves_the_order_of_the_courses(office: schools.Office) -> None:
    office.admin.post("/admin/courses")
    class_id, mine = new_class(office), ("year7-expressions", "large-models")
    people = office.platform.get("people")
    people.set_courses(principal(office), class_id, mine)
    office.admin.post(f"/admin/people/classes/{class_id}", data={"course_id": sorted(mine), "tutor": "1"})
    assert people.class_(principal(office), class_id).course_ids == mine


def test_the_setting_of_the_tutor_says_how_it_stands(office: schools.Office) -> None:
    class_id = new_class(office)
    where = f"/admin/people/classes/{class_id}"
    assert "off now" in office.admin.get(where).text
    office.admin.post(where, data={"tutor": "1"})
    page = office.admin.get(where).text
    assert "on now" in page
    assert "off now" not in page


def test_another_schools_class_is_not_there(office: schools.Office) -> None:
    identity, people = office.platform.get("identity"), office.platform.get("people")
    other = people.create_class(Principal("system", identity.create_school("Valley").id, "admin"), "Theirs")
    for path in (f"/admin/people/classes/{other.id}", "/admin/privacy/erase/nobody"):
        assert office.admin.get(path).status_code == 404
    assert "Theirs" not in office.admin.get(f"/admin/privacy?class_id={other.id}").text


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


# usage


def test_a_limit_is_set_and_a_number_that_is_none_refused(office: schools.Office) -> None:
    assert (
        office.admin.post("/admin/usage/limits", data={"who": "", "tokens": "1,000", "requests": ""}).status_code == 303
    )
    page = office.admin.get("/admin/usage").text
    assert "of 1,000 tokens" in page
    assert "quota.changed" in office.admin.get("/admin/audit?kind=quota").text
    wrong = office.admin.post("/admin/usage/limits", data={"tokens": "many"})
    assert wrong.status_code == 400
    assert "is no allowance" in wrong.text


def test_a_monthly_allowance_stays_monthly_until_another_period_is_chosen(office: schools.Office) -> None:
    gateway, boss = office.platform.get("gateway"), principal(office)
    pupil = office.platform.get("db").write(
        lambda uow: office.platform.get("identity").create_account(
            uow, school_id=boss.school_id, role="developer", name="Dev", login="dev", secret=None
        )
    )
    holder = Principal(pupil, boss.school_id, "developer")
    for scope, scope_id in (("school", boss.school_id), ("account", pupil)):
        gateway.set_limits(boss, scope, scope_id, tokens=500, requests=None, period="month")
    for who in ("", pupil):
        office.admin.post("/admin/usage/limits", data={"who": who, "tokens": "700"})
    now = {one.scope: one for one in gateway.usage(holder)}
    assert {name: (one.tokens_limit, one.period) for name, one in now.items()} == {
        "school": (700, "month"),
        "account": (700, "month"),
    }
    assert "The school this month: 0 of 700 tokens" in office.admin.get("/admin/usage").text
    office.admin.post("/admin/usage/limits", data={"tokens": "700", "period": "day"})
    assert "The school today: 0 of 700 tokens" in office.admin.get("/admin/usage").text


def test_days_are_differences_of_what_came_since() -> None:
    today = datetime(2031, 5, 7, tzinfo=UTC)
    since = [
        (today - timedelta(days=1), [Total("a", "m", 5, 30, 20), Total("b", "m", 1, 5, 5)]),
        (today, [Total("a", "m", 2, 10, 10)]),
    ]
    days = usage.by_day(since)
    assert [(one.requests, one.tokens) for one in days] == [(4, 40), (2, 20)]
    assert [one.share for one in days] == [1.0, 0.5]


# the activity log


def test_the_log_is_filtered_paged_and_names_people(office: schools.Office) -> None:
    new_class(office)
    me = re.findall(r'<option value="(\w+)">Zhou', office.admin.get("/admin").text)[0]
    for _ in range(activity.PAGE + 5):
        office.admin.post("/admin/responsible", data={"account_id": me})
    page = office.admin.get("/admin/audit?kind=responsible").text
    assert page.count("responsible.named") == activity.PAGE
    assert "Zhou" in page
    assert "class.created" not in page
    older = re.findall(r'href="(/admin/audit\?before=[^"]+)"', page)[0].replace("&amp;", "&")
    rest = office.admin.get(older).text
    assert rest.count("responsible.named") == 5
    assert "Back to the newest" in rest
    assert "Year 7, Class 2" in office.admin.get("/admin/audit?kind=class").text


def test_the_log_speaks_the_language_of_the_reader(office: schools.Office) -> None:
    new_class(office)
    office.admin.post("/preferences", data={"lang": "zh"})
    page = office.admin.get("/admin/audit").text
    assert "新建班级" in page
    assert "</span> 管理员</span>" in page, "the values of its fields too"
    assert not re.findall(r"<code>[a-z_]+\.[a-z_]+</code>", page), "no raw code"


def test_a_changed_entry_breaks_the_chain_on_the_page(office: schools.Office) -> None:
    assert "chain unbroken" in office.admin.get("/admin/audit?verify=1").text
    office.platform.get("db").write(
        lambda uow: uow.conn.execute(
            update(audit.entry).where(audit.entry.c.seq == 2).values(action="nothing.happened")
        )
    )
    page = office.admin.get("/admin/audit?verify=1").text
    assert "entry 2 was changed" in page
    assert "chain unbroken" not in page


# privacy


def test_consent_is_saved_and_withdrawn(office: schools.Office) -> None:
    class_id = new_class(office)
    import_list(office, check_list(office, class_id, b"number,name\n1,Ann\n2,Ben\n"))
    people, school_id = office.platform.get("people"), principal(office).school_id
    ann = next(one for one in people.learners(principal(office), class_id) if one.name == "Ann")
    office.admin.post(f"/admin/privacy/{class_id}", data={"agreed": [f"{ann.id}~improvement"]})
    assert people.consented(school_id, "improvement") == {ann.id}
    assert people.consented(school_id, "learning") >= {ann.id}, "learning itself is no choice of this page"
    assert "1 of 2 pupils agreed" in office.admin.get("/admin/privacy").text
    office.admin.post(f"/admin/privacy/{class_id}", data={})
    assert people.consented(school_id, "improvement") == frozenset()


def test_erasing_takes_the_student_number_and_cannot_be_undone(office: schools.Office) -> None:
    class_id = new_class(office)
    import_list(office, check_list(office, class_id, b"number,name\n17,Ann\n"))
    (ann,) = office.platform.get("people").learners(principal(office), class_id)
    ask = f"/admin/privacy/erase/{ann.id}"
    assert "Ann" in office.admin.get(ask).text
    wrong = office.admin.post(ask, data={"number": "71"})
    assert wrong.status_code == 400
    assert "nothing was erased" in wrong.text
    done = office.admin.post(ask, data={"number": "17"})
    assert "Erased" in office.admin.get(done.headers["location"]).text
    assert "Ann" not in office.admin.get(f"/admin/people/classes/{class_id}").text
    assert "Ann" not in office.admin.get("/admin/audit").text
