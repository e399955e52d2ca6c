"""Pages of searches: each trial with its values and figures, the best so far, and a run like one of them."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.web import benches, schools, searched, workbench

pytest.importorskip("torch", reason="training needs torch: make train")
pytest.importorskip("polars", reason="data sets are read with polars: make train")


class Shop:
    """A school with a data set in two versions and a search of the administrator's."""

    def __init__(self, office: schools.Office) -> None:
        self.office, self.people = office, benches.staff(office)
        office.platform.get("training").close()  # a search stays as it is
        self.boss = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
        self.search_id = searched.added(office.platform, self.boss.school_id, self.boss.account_id)
        self.page = f"/workshop/searches/{self.search_id}"
        workbench.prepare(office.admin, workbench.upload(office.admin))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with schools.empty(tmp_path_factory.mktemp("searches") / "home", starter="none") as office:
        yield Shop(office)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", ["admin", "developer", "teacher"])
def test_every_page_of_searches_is_sound(shop: Shop, role: str, language: str) -> None:
    client = shop.people[role]
    assert shop.page in benches.seen(client, "/workshop/searches", language)
    benches.seen(client, shop.page, language)
    benches.seen(client, "/workshop/new-search?data=data:/marks/2", language)


def test_a_search_shows_its_best_every_trial_and_a_picture(shop: Shop) -> None:
    page = benches.seen(shop.people["teacher"], shop.page, "en")
    assert "The best: loss (validation) = 0.333" in page
    assert page.count('class="dot"') == 1 + 4, "the key, and each trial that has the figure"
    assert "loss_not_finite" in page, "why a trial failed"
    rows = re.findall(r"<tbody>(.*?)</tbody>", page, re.S)[0].split("<tr>")[1:]
    assert len(rows) == 5
    assert "0.012" in rows[2]
    assert "0.8335" in rows[2], "its accuracy"
    assert ">best<" in rows[2]
    assert 'hx-trigger="every 3s"' in page, "it is under way"
    assert "5 of 8 tried" in page


def test_a_run_is_started_with_the_values_of_a_trial(shop: Shop) -> None:
    page = benches.seen(shop.people["teacher"], shop.page, "en")
    like = re.findall(r'class="btn primary" href="([^"]*)"', page)[0]
    form = benches.seen(shop.people["teacher"], like, "en")
    for name, value in (("rate", "0.012"), ("epochs", "9")):
        assert re.search(rf'name="c\.{name}" value="{value}"', form), name
    assert "<option selected>sgd</option>" in form


def test_what_varies_is_asked_and_what_was_typed_wrong_is_shown_again(shop: Shop) -> None:
    admin = shop.people["admin"]
    said = {"data": "data:/marks/2", "task": "tabular_classification", "s.rate.low": "0.01", "trials": "3"}
    half = admin.post("/workshop/searches", data=said)
    assert (half.status_code, "fill in both ends" in half.text) == (400, True)
    assert 'name="s.rate.low" value="0.01"' in half.text
    nothing = admin.post("/workshop/searches", data=said | {"s.rate.low": ""})
    assert "the space has 0 fields" in nothing.text


def test_a_search_begins_from_its_form_and_is_stopped(shop: Shop) -> None:
    teacher: TestClient = shop.people["teacher"]
    said = {"data": "data:/marks/2", "task": "tabular_classification", "trials": "3", "c.epochs": "2"}
    said |= {"s.rate.low": "0.01", "s.rate.high": "0.1", "s.rate.log": "1", "s.optimiser.choice": "sgd"}
    begun = teacher.post("/workshop/searches", data=said)
    assert begun.status_code == 303, begun.text
    page = begun.headers["location"].split("?")[0]
    found = shop.office.platform.get("training").search(shop.boss, page.rpartition("/")[2])
    assert found.space == {"rate": {"low": 0.01, "high": 0.1, "log": True}, "optimiser": {"choices": ["sgd"]}}
    assert teacher.post(f"{shop.page}/cancel").status_code == 403, "the administrator's"
    assert teacher.post(f"{page}/cancel").headers["location"].endswith("notice=search_stopped")
    assert "stopped" in benches.seen(teacher, page, "en")
    again = teacher.post(f"{page}/cancel")
    assert (again.status_code, "is cancelled" in again.text) == (409, True)
