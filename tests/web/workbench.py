"""A small table and the way of a person through the workshop, for tests of its pages."""

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

from fastapi.testclient import TestClient
from tests.web import schools

T = TypeVar("T")
PATIENCE_S = 60.0
SMALL = {"c.epochs": "30", "c.batch": "16", "c.rate": "0.05", "c.hidden": "8"}


def table(rows: int = 120) -> bytes:
    """Marked sheets: hours and path say whether they passed."""
    dice = random.Random(3)
    lines = ["sheet,hours,path,comment,passed"]
    for n in range(rows):
        hours, path = dice.uniform(0, 10), dice.choice(["arts", "science"])
        passed = "yes" if hours + (2 if path == "science" else 0) > 6 else "no"
        lines.append(f"p{n:03d},{hours:.2f},{path},第 {n} 份作业写得{dice.choice(['认真', '潦草'])},{passed}")
    return "\n".join(lines).encode()


def upload(client: TestClient, name: str = "marks", content: bytes | None = None, **form: str) -> str:
    """Bring a file; the page of the version it became."""
    given = {"name": name, "purpose": "who passes", **form}
    answer = client.post("/workshop/data/upload", data=given, files={"file": ("marks.csv", content or table())})
    assert answer.status_code == 303, answer.text
    return finished(client, answer.headers["location"])


def prepare(client: TestClient, page: str, **form: str) -> str:
    """Clean and split with the defaults of the form, `passed` being the label; the page of the new version."""
    answer = client.post(f"{page}/prepare", data=defaults(client.get(page).text) | {"split": "stratified"} | form)
    assert answer.status_code == 303, answer.text
    return finished(client, answer.headers["location"])


def defaults(html: str) -> dict[str, str]:
    """What the form of a data set says when nobody touches it, with the last column as the label."""
    chosen = {
        name: re.findall(r'<option value="([^"]*)" selected', body)[0]
        for name, body in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', html, re.S)
        if " selected" in body
    }
    roles = sorted((name for name in chosen if name.startswith("role.")), key=lambda one: int(one[5:]))
    typed = dict(re.findall(r'<input id="[^"]*" name="(share\.\w+|seed)"[^>]* value="([^"]*)"', html))
    return chosen | typed | {roles[-1]: "label", roles[0]: "ignore"}


def train(client: TestClient, data: str, **form: str) -> str:
    """Start a small run; its page."""
    answer = client.post("/workshop/runs", data={"data": data, "task": "tabular_classification", **SMALL, **form})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).split("?")[0]


def finished(client: TestClient, work: str) -> str:
    """Wait for a work of data sets; the page it leads to."""
    told = until(lambda: client.get(work), lambda one: one.status_code == 303 or 'role="alert"' in one.text)
    assert told.status_code == 303, told.text
    return str(told.headers["location"]).split("?")[0]


def ended(office: schools.Office, page: str) -> str:
    """Wait until a run has ended; its state."""
    who = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    training = office.platform.get("training")
    run = until(lambda: training.run(who, page.rpartition("/")[2]), lambda one: one.is_ended)
    return str(run.state)


def until(look: Callable[[], T], is_done: Callable[[T], bool]) -> T:
    """Look until it is done."""
    end = time.monotonic() + PATIENCE_S
    while not is_done(found := look()):
        assert time.monotonic() < end, f"not done after {PATIENCE_S:g} s: {found}"
        time.sleep(0.05)
    return found
