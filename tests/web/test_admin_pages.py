"""The administrator's pages as a whole, usage, activity log, privacy."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from tests.web import checks, schools
from tests.web.conftest import Site
from tests.web.offices import check_list, import_list, new_class, principal

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.maas.gateway.interface import Total
from shuyuan.web.pages import activity, usage

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
