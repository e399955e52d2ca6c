"""The administrator's pages of classes and adults: what is set stays, secrets are shown once."""

import re

from tests.web import checks, schools
from tests.web.offices import check_list, import_list, kept, new_class, principal, secret

from shuyuan.identity.interface import Principal


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
