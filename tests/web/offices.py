"""What the administrator does on the pages: classes, lists, and what is shown only once."""

import re
from html import unescape
from typing import Any

from tests.web import schools

from shuyuan.identity.interface import Principal

Answer = Any  # of whichever httpx the test client was built on


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


def kept(html: str) -> dict[str, list[str]]:
    """What the form for language and theme carries along."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html.split('id="prefs"')[1]):
        fields.setdefault(name, []).append(unescape(value))
    return fields
