"""The first administrator's form, and Setup: a checklist measured from the real state."""

import re
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete
from tests.maas import starter_files
from tests.web import checks, schools

from shuyuan.kernel import audit
from shuyuan.web import capacity, machine

FORM = {"school": "Hill School", "name": "Zhou", "login": "office"}


def state(html: str, title: str) -> str:
    """ "Ready" or "To do" of a line of the checklist."""
    before = html.split(f"<h3>{title}</h3>")[0]
    return str(re.findall(r"(Ready|To do)</span>", before)[-1])


def says(html: str, title: str) -> str:
    return str(re.findall(rf"<h3>{title}</h3><p[^>]*>([^<]*)", html)[0])


def test_the_link_makes_school_and_administrator_signs_in_and_leads_to_setup(tmp_path: Path) -> None:
    with schools.opened(tmp_path / "home", starter="none") as (platform, client):
        token = platform.get("identity").create_link("first_admin")
        page = client.get(f"/enter/{token}")
        checks.is_sound(page.text, "en")
        assert "At least 10 characters" in page.text
        passwords = {"password": schools.PASSWORD, "again": schools.PASSWORD}
        made = client.post(f"/enter/{token}/first", data=FORM | passwords)
        assert made.headers["location"] == "/admin"
        setup = client.get("/admin")
        assert setup.status_code == 200
        assert state(setup.text, "Class list") == "To do"
        assert [school.name for school in platform.get("identity").schools()] == ["Hill School"]
        client.post("/leave")
        assert client.get(f"/enter/{token}").status_code == 404, "the link opens once"
        assert client.post(f"/enter/{token}/first", data=FORM | passwords).status_code == 404
        entered = client.post("/enter/adult", data={"login": "office", "password": schools.PASSWORD})
        assert entered.headers["location"] == "/admin"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "ink on rice paper", "again": "ink on rice papers"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "at least 10 characters"),
        ({"password": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "4 of them different"),
        ({"login": "x", "password": schools.PASSWORD, "again": schools.PASSWORD}, "please change this"),
    ],
)
def test_a_refused_form_says_why_keeps_what_was_typed_and_leaves_the_link_open(
    tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    with schools.opened(tmp_path / "home", starter="none") as (platform, client):
        token = platform.get("identity").create_link("first_admin")
        refused = client.post(f"/enter/{token}/first", data=FORM | wrong)
        assert refused.status_code == 400
        assert words in refused.text
        assert 'value="Hill School"' in refused.text
        assert schools.PASSWORD not in refused.text
        assert client.get(f"/enter/{token}").status_code == 200
        assert platform.get("identity").schools() == []


def test_a_new_school_sees_what_remains(office: schools.Office) -> None:
    page = office.admin.get("/admin").text
    checks.is_sound(page, "en")
    for title in ("Courses", "Class list", "Teachers", "Language model", "Consent", "Person responsible", "Backup"):
        assert state(page, title) == "To do", title
    assert state(page, "Disk") == ("Ready" if machine.disk_free(office.platform.settings.home) > 2.1e9 else "To do")
    assert "Nothing</b>" in page, "what leaves this machine"
    assert "Not measured yet" in page


def test_a_remote_model_is_named_as_what_leaves_the_machine(tmp_path: Path) -> None:
    with schools.empty(tmp_path / "home", starter="none", openai_base_url="http://models.example/v1") as office:
        page = office.admin.get("/admin").text
    assert "Nothing</b>" not in page
    assert "http://models.example/v1" in page


def test_the_courses_that_come_with_it_load_with_one_button(office: schools.Office) -> None:
    office.admin.post("/admin/courses")
    page = office.admin.get("/admin").text
    assert state(page, "Courses") == "Ready"
    school_id = office.platform.get("identity").schools()[0].id
    found = office.platform.get("courses").courses(school_id)
    assert f"{len(found)} courses with {sum(one.items for one in found)} questions" in page


def test_a_backup_is_written_readable_by_its_owner_only_and_noted(office: schools.Office) -> None:
    assert office.admin.post("/admin/backup").headers["location"] == "/admin?notice=backed_up"
    written = list((office.platform.settings.home / "backups").glob("*.zip"))
    assert len(written) == 1
    assert stat.S_IMODE(written[0].stat().st_mode) == 0o600
    assert state(office.admin.get("/admin").text, "Backup") == "Ready"
    assert "backup.written" in office.admin.get("/admin/audit?kind=backup").text


def test_the_last_three_backups_of_the_page_are_kept_and_others_left_alone(office: schools.Office) -> None:
    folder = office.platform.settings.home / machine.BACKUPS
    folder.mkdir()
    older = [folder / f"{machine.FROM_THE_PAGE}2020010{day}-000000.zip" for day in range(1, 5)]
    by_hand = folder / "before-the-holidays.zip"
    for path in (*older, by_hand):
        path.touch()
    office.admin.post("/admin/backup")
    left = set(folder.iterdir())
    assert left >= {older[2], older[3], by_hand}
    assert len(left) == 4
    page = office.admin.get("/admin?notice=backed_up").text
    assert page.count(str(folder)) == 2, "the notice and the line say where"
    assert page.count("holds the master key") == 2


def test_what_takes_long_says_so_and_cannot_be_pressed_twice(office: schools.Office) -> None:
    page = office.admin.get("/admin").text
    for action in ("/admin/courses", "/admin/backup", "/admin/measure"):
        form = page.split(f'hx-post="{action}"', 1)[1].split("</form>", 1)[0]
        assert 'hx-disabled-elt="find button"' in form
        assert "<progress>" in form


def test_what_the_responsible_person_does_is_not_more_than_what_is_true(office: schools.Office) -> None:
    page = office.admin.get("/admin").text
    assert "shown when a message has signs of harm" in page
    assert "Shuyuan sends no mail" in page


def test_the_state_of_setup_outlives_the_activity_log(office: schools.Office) -> None:
    boss = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    office.admin.post("/admin/responsible", data={"account_id": boss.account_id})
    needs = SimpleNamespace(**{name: office.platform.get(name) for name in ("db", "identity", "audit")})
    capacity.keep(needs, boss, capacity.Capacity("tiny", 0.5, 15))  # type: ignore[arg-type]  # what it calls
    with office.platform.get("db").read() as conn:
        assert {one.action for one in audit.entries(conn, boss.school_id)} >= {"responsible.named", "capacity.measured"}
    office.platform.get("db").write(lambda uow: uow.conn.execute(delete(audit.entry)))
    page = office.admin.get("/admin").text
    assert says(page, "Person responsible") == "Zhou"
    assert "<b>3</b>" in page


def test_the_person_responsible_is_one_of_the_staff_and_shown_by_name(office: schools.Office) -> None:
    page = office.admin.get("/admin").text
    chosen = re.findall(r'<option value="([^"]+)">Zhou', page)[0]
    office.admin.post("/admin/responsible", data={"account_id": chosen})
    page = office.admin.get("/admin").text
    assert state(page, "Person responsible") == "Ready"
    assert says(page, "Person responsible") == "Zhou"
    office.admin.post("/admin/people/accounts", data={"name": "Dev", "login": "dev", "role": "developer"})
    identity = office.platform.get("identity")
    admin = identity.sign_in("office", schools.PASSWORD).principal
    developer = next(one.id for one in identity.accounts(admin) if one.role == "developer")
    assert office.admin.post("/admin/responsible", data={"account_id": developer}).status_code == 400
    assert office.admin.post("/admin/responsible", data={"account_id": "somebody"}).status_code == 404


def test_measuring_without_a_model_says_what_is_missing(office: schools.Office) -> None:
    page = office.admin.post("/admin/measure").text
    assert "That did not happen" in page
    assert "tiny" in page
    assert "Not measured yet" in page


def test_a_measurement_is_shown_with_how_it_was_made_and_kept(tmp_path: Path) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="tiny") as office:
        assert office.admin.post("/admin/measure").headers["location"] == "/admin?notice=measured#capacity"
        school_id = office.platform.get("identity").schools()[0].id
        found = capacity.last(office.platform.get("identity"), school_id)
        assert found is not None
        page = office.admin.get("/admin").text
        assert f"<b>{found.at_once}</b>" in page
        assert f"{found.tokens_per_s:.1f} tokens a second" in page
        with office.platform.get("db").read() as conn:
            assert next(audit.entries(conn, school_id, action="capacity.")).object_id == "tiny"
        assert "tiny</code> chat" in office.admin.get("/admin/usage").text, "it counts like any other call"


def test_as_many_as_have_their_answer_in_time() -> None:
    assert capacity.Capacity("m", first_token_s=0.5, tokens_per_s=15).at_once == 3  # 8.5 s an answer, 30 s to wait
    assert capacity.Capacity("m", first_token_s=6, tokens_per_s=4).at_once == 0
