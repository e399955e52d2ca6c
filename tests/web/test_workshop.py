"""The model workshop as a whole: every page for every role in both languages, and to whom it is closed."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.web import benches, schools


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TestClient]]:
    """The staff of a school that has nothing yet."""
    with schools.empty(tmp_path_factory.mktemp("fresh") / "home", starter="none") as office:
        yield benches.staff(office)


@pytest.mark.parametrize("language", benches.LANGUAGES)
@pytest.mark.parametrize("role", benches.ROLES)
def test_an_empty_workshop_says_what_to_do_first(newcomers: dict[str, TestClient], role: str, language: str) -> None:
    for name in [*benches.LISTS[: 3 if role == "teacher" else 6], "../workshop/new-run"]:
        page = benches.seen(newcomers[role], f"/workshop/{name}", language)
        assert 'class="empty"' in page or 'class="note"' in page, name
    if role == "teacher":
        assert newcomers[role].get("/workshop/models").status_code == 403
        assert "/workshop/models" not in benches.seen(newcomers[role], "/workshop/data", language)


@pytest.mark.parametrize("language", benches.LANGUAGES)
@pytest.mark.parametrize("role", benches.ROLES)
def test_every_page_is_sound_for_its_role(bench: benches.Bench, role: str, language: str) -> None:
    client = bench.people[role]
    for name in benches.LISTS[: 3 if role == "teacher" else 6]:
        assert "/workshop/data" in benches.seen(client, f"/workshop/{name}", language)
    for name in ("raw", "data", "run", "compare", "report"):
        benches.seen(client, bench.pages[name], language)
    benches.seen(client, "/workshop/new-run?data=data:/marks/2", language)
    held = {"zh": "没有留出", "en": "No rows are held out"}[language]
    assert held in benches.seen(client, "/workshop/new-run?data=data:/marks/1", language)
    for gate in ("", "/classification", "/new"):
        benches.seen(client, f"/workshop/gates{gate}", language)
    if role != "teacher":
        benches.seen(client, bench.pages["model"], language)


@pytest.mark.parametrize("language", benches.LANGUAGES)
def test_every_task_and_method_has_its_form_from_its_schema(bench: benches.Bench, language: str) -> None:
    for task in bench.office.platform.get("training").tasks():
        page = benches.seen(bench.office.admin, f"/workshop/new-run?data=data:/marks/2&task={task.name}", language)
        missing = [name for name in task.config["properties"] if f'name="c.{name}' not in page]
        assert not missing, (task.name, missing)
        assert (task.title.zh if language == "zh" else task.title.en) in page
        if task.name in ("tabular_classification", "image_classification"):
            unfit = {"zh": "照现在这样无法开始", "en": "It could not start as it stands"}[language]
            assert (unfit in page) == (task.name == "image_classification"), "said before the button is pressed"
    for method in bench.office.platform.get("compression").methods():
        page = benches.seen(bench.office.admin, f"{bench.pages['model']}?method={method.name}", language)
        assert all(f'name="c.{name}' in page for name in method.config_schema["properties"])


def test_pupils_and_strangers_do_not_see_it(bench: benches.Bench) -> None:
    assert bench.office.anyone().get("/workshop/data").headers["location"].startswith("/enter")


def test_a_form_of_another_site_is_refused(bench: benches.Bench) -> None:
    answer = bench.office.admin.post(
        f"{bench.pages['raw']}/delete", headers={"sec-fetch-site": "cross-site", "origin": "http://evil.example"}
    )
    assert answer.status_code == 403
    assert bench.office.admin.get(bench.pages["raw"]).status_code == 200


def test_another_schools_work_has_no_page(bench: benches.Bench) -> None:
    identity = bench.office.platform.get("identity")
    other = identity.create_school("Valley").id
    made = {"school_id": other, "role": "admin", "name": "v", "login": "valley", "secret": schools.PASSWORD}
    bench.office.platform.get("db").write(lambda uow: identity.create_account(uow, **made))
    stranger = bench.office.enter("valley", schools.PASSWORD)
    for name in ("raw", "data", "run", "compare", "report", "model"):
        assert stranger.get(bench.pages[name]).status_code == 404, name
    assert "marks" not in stranger.get("/workshop/data").text
