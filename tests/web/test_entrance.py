"""Coming in and going: links that are used up, refusals that say what to do, languages that stay."""

import re

import pytest
from tests.web import forms
from tests.web.conftest import Site

from shuyuan import demo
from shuyuan.web.glossary import Language

SIGNING_IN = (  # chosen at the entrance, the browser's, the account's; what comes after
    ("", "en-GB", "zh", "en"),
    ("", "zh-CN", "zh", "zh-CN"),
    ("", "zh-CN", "en", "en"),
    ("en", "zh-CN", "zh", "en"),
    ("zh", "en-GB", "en", "zh-CN"),
)


def test_the_single_use_link_opens_enter_as_and_is_used_up(site: Site) -> None:
    token = demo.link(site.platform)
    with site.client(None) as client:
        page = client.get(f"/enter/{token}")
        assert [one for one in ("Teacher", "Student", "Administrator", "Developer") if one in page.text] == [
            "Teacher",
            "Student",
            "Administrator",
            "Developer",
        ]
        accounts = forms.hidden(page.text, "account_id")
        entered = client.post(f"/enter/{token}/as", data={"account_id": accounts[1]})
        assert entered.headers["location"] == "/learn/today"
        assert client.get("/learn/today").status_code == 200
        assert client.get(f"/enter/{token}").status_code == 404
        again = re.search(r'href="(/enter/[^"]+)"', client.get("/enter").text)
        assert again
        assert client.get(again.group(1)).status_code == 200


def test_a_link_lets_in_only_whom_it_shows(site: Site) -> None:
    token = demo.link(site.platform)
    with site.client("teacher") as client:
        page = client.get("/teach/assign").text
    another = re.findall(r'name="learner" value="([^"]+)"', page)[5]
    with site.client(None) as client:
        assert client.post(f"/enter/{token}/as", data={"account_id": another}).status_code == 404
        assert client.get("/learn/today").headers["location"] == "/enter?back=/learn/today"


def test_a_wrong_pin_says_what_to_do_and_keeps_the_class_code(site: Site) -> None:
    with site.client(None) as client:
        answer = client.post("/enter/pupil", data={"code": "ABCDEF", "number": "01", "pin": "000000"})
    assert answer.status_code == 401
    assert "ask your teacher for a new PIN" in answer.text
    assert 'value="ABCDEF"' in answer.text


def test_a_form_of_another_site_is_refused(site: Site) -> None:
    with site.client("student") as client:
        answer = client.post("/preferences", data={"lang": "zh"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_language_and_theme_stay(site: Site) -> None:
    with site.client("student", "en") as client:
        client.cookies.delete("lang")
        back = client.post("/preferences", data={"lang": "zh", "back": "/learn/map?lang=en"})
        assert back.headers["location"] == "/learn/map"
        client.post("/preferences", data={"theme": "dark"})
        page = client.get("/learn/map").text
        assert '<html lang="zh-CN" data-theme="dark">' in page
        client.post("/preferences", data={"lang": "en"})


@pytest.mark.parametrize(("asked", "accept"), [("", "en-GB"), ("?lang=en", "zh-CN"), ("", "zh-CN")])
def test_the_language_of_the_entrance_is_kept_in_the_demo(site: Site, asked: str, accept: str) -> None:
    token = demo.link(site.platform)
    with site.client(None) as client:
        client.cookies.clear()
        client.headers["accept-language"] = accept
        page = client.get(f"/enter/{token}{asked}").text
        client.post(f"/enter/{token}/as", data={"account_id": forms.hidden(page, "account_id")[0]})
        inside = client.get("/teach/today").text
    language = re.findall('<html lang="([^"]+)"', page)
    assert re.findall('<html lang="([^"]+)"', inside) == language
    assert language == ["zh-CN" if asked == "" and accept == "zh-CN" else "en"]


@pytest.mark.parametrize(("chosen", "accept", "saved", "after"), SIGNING_IN)
def test_signing_in_changes_no_language_unless_the_account_has_its_own(
    site: Site, chosen: str, accept: str, saved: Language, after: str
) -> None:
    login, password = site.accounts["teacher"]
    identity = site.platform.get("identity")
    identity.set_language(identity.sign_in(login, password).principal, saved)
    with site.client(None) as client:
        client.cookies.clear()
        client.headers["accept-language"] = accept
        if chosen:
            client.post("/preferences", data={"lang": chosen, "back": "/enter"})
        client.post("/enter/adult", data={"login": login, "password": password})
        inside = client.get("/teach/today").text
        client.post("/leave")
        client.cookies.delete("lang")
        outside = client.get("/enter", headers={"accept-language": "zh-CN"}).text
    identity.set_language(identity.sign_in(login, password).principal, "zh")
    assert re.findall('<html lang="([^"]+)"', inside) == [after]
    assert '<html lang="zh-CN"' in outside, "whoever comes next is asked by their own browser"
