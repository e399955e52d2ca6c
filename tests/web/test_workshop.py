"""The model workshop: every page for every role in both languages, and forms that do what they say."""

import pickle
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.maas import onnx_file
from tests.web import checks, schools, workbench

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.maas.pipelines import store as pipelines
from shuyuan.maas.pipelines.interface import Spec

pytest.importorskip("torch", reason="training needs torch: make train")
pytest.importorskip("polars", reason="data sets are read with polars: make train")
LANGUAGES = ("zh", "en")
LISTS = ("data", "runs", "reports", "models", "pipelines", "lab")
ROLES = ("admin", "developer", "teacher")


@dataclass
class Bench:
    """A school with one data set in two versions, a run, its version, a report and a child. Pages by name."""

    office: schools.Office
    people: dict[str, TestClient]
    pages: dict[str, str]

    @property
    def boss(self) -> Principal:
        found: Principal = self.office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
        return found


def staff(office: schools.Office) -> dict[str, TestClient]:
    """A browser for each role; the administrator is there already."""
    identity = office.platform.get("identity")
    school = identity.schools()[0]
    for role in ("developer", "teacher"):
        made = {"school_id": school.id, "role": role, "name": role, "login": role, "secret": schools.PASSWORD}
        office.platform.get("db").write(lambda uow, made=made: identity.create_account(uow, **made))
    return {"admin": office.admin} | {role: office.enter(role, schools.PASSWORD) for role in ("developer", "teacher")}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with schools.empty(tmp_path_factory.mktemp("workshop") / "home", starter="none") as office:
        admin, pages = office.admin, dict[str, str]()
        pages["raw"] = workbench.upload(admin)
        pages["data"] = workbench.prepare(admin, pages["raw"])
        pages["run"] = workbench.train(admin, "data:/marks/2")
        pages["second"] = workbench.train(admin, "data:/marks/2", **{"c.epochs": "3"})
        assert workbench.ended(office, pages["run"]) == "finished"
        assert workbench.ended(office, pages["second"]) == "finished"
        register = admin.post(f"{pages['run']}/register", data={"model": "passing"})
        assert register.headers["location"] == "/workshop/models/passing?version=1&notice=registered"
        pages["model"] = "/workshop/models/passing"
        order = {"subject": "models:/passing/1", "data": "data:/marks/2", "part": "validation", "groups": "path"}
        pages["report"] = admin.post("/workshop/reports", data=order).headers["location"]
        workbench.until(lambda: admin.get(pages["report"]).text, lambda page: "hx-trigger" not in page)
        runs = [pages[name].rpartition("/")[2] for name in ("run", "second")]
        pages["compare"] = f"/workshop/runs/compare?run={runs[0]}&run={runs[1]}"
        yield Bench(office, staff(office), pages)


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TestClient]]:
    """The staff of a school that has nothing yet."""
    with schools.empty(tmp_path_factory.mktemp("fresh") / "home", starter="none") as office:
        yield staff(office)


def seen(client: TestClient, path: str, language: str) -> str:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer.status_code == 200, (path, answer.status_code)
    checks.is_sound(answer.text, language)
    assert checks.weight(answer.text) <= checks.MOST_BYTES
    return answer.text


# every page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_an_empty_workshop_says_what_to_do_first(newcomers: dict[str, TestClient], role: str, language: str) -> None:
    for name in [*LISTS[: 3 if role == "teacher" else 6], "../workshop/new-run"]:
        page = seen(newcomers[role], f"/workshop/{name}", language)
        assert 'class="empty"' in page or 'class="note"' in page, name
    if role == "teacher":
        assert newcomers[role].get("/workshop/models").status_code == 403
        assert "/workshop/models" not in seen(newcomers[role], "/workshop/data", language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_every_page_is_sound_for_its_role(bench: Bench, role: str, language: str) -> None:
    client = bench.people[role]
    for name in LISTS[: 3 if role == "teacher" else 6]:
        assert "/workshop/data" in seen(client, f"/workshop/{name}", language)
    for name in ("raw", "data", "run", "compare", "report"):
        seen(client, bench.pages[name], language)
    seen(client, "/workshop/new-run?data=data:/marks/2", language)
    held = {"zh": "没有留出", "en": "No rows are held out"}[language]
    assert held in seen(client, "/workshop/new-run?data=data:/marks/1", language)
    for gate in ("", "/classification", "/new"):
        seen(client, f"/workshop/gates{gate}", language)
    if role != "teacher":
        seen(client, bench.pages["model"], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_task_and_method_has_its_form_from_its_schema(bench: Bench, language: str) -> None:
    for task in bench.office.platform.get("training").tasks():
        page = seen(bench.office.admin, f"/workshop/new-run?data=data:/marks/2&task={task.name}", language)
        missing = [name for name in task.config["properties"] if f'name="c.{name}' not in page]
        assert not missing, (task.name, missing)
        assert (task.title.zh if language == "zh" else task.title.en) in page
        if task.name in ("tabular_classification", "image_classification"):
            unfit = {"zh": "照现在这样无法开始", "en": "It could not start as it stands"}[language]
            assert (unfit in page) == (task.name == "image_classification"), "said before the button is pressed"
    for method in bench.office.platform.get("compression").methods():
        page = seen(bench.office.admin, f"{bench.pages['model']}?method={method.name}", language)
        assert all(f'name="c.{name}' in page for name in method.config_schema["properties"])


def test_a_gate_is_set_changed_for_a_reason_and_taken_away_on_its_page(bench: Bench) -> None:
    admin, form = bench.office.admin, {"name": "ours", "figure.0": "accuracy", "comparison.0": ">=", "limit.0": "0.5"}
    assert admin.post("/workshop/gates", data=form).headers["location"] == "/workshop/gates/ours?notice=gate_set"
    assert admin.post("/workshop/gates", data=form).status_code == 400, "changed without a reason"
    wrong = admin.post("/workshop/gates", data=form | {"reason": "more", "figure.1": "acuracy", "limit.1": "1"})
    assert wrong.status_code == 400
    assert "acuracy" in wrong.text, "what was typed stays"
    stricter = form | {"reason": "stricter", "limit.0": "champion ± 0.01", "expected": "1"}
    assert 'name="expected" value="1"' in admin.get("/workshop/gates/ours").text
    assert admin.post("/workshop/gates", data=stricter).status_code == 303
    assert admin.post("/workshop/gates", data=stricter).status_code == 409, "it is change 2 by now"
    evaluation = bench.office.platform.get("evaluation")
    assert evaluation.gate(bench.boss.school_id, "ours").conditions[0].limit == "champion + 0.01"
    assert "stricter" in admin.get("/workshop/gates").text
    assert bench.people["developer"].post("/workshop/gates", data=form).status_code == 403
    gone = admin.post("/workshop/gates/ours/remove", data={"reason": "only a try"})
    assert gone.headers["location"] == "/workshop/gates?notice=gate_removed"


def test_a_cross_validation_is_begun_on_the_page_and_told_fold_by_fold(bench: Bench) -> None:
    run = f"runs:/{bench.pages['second'].rpartition('/')[2]}"
    admin = bench.office.admin
    assert admin.post("/workshop/cross-validations", data={"run": run, "k": "1"}).status_code == 400
    page = admin.post("/workshop/cross-validations", data={"run": run, "k": "2"}).headers["location"]
    workbench.until(lambda: admin.get(page).text, lambda told: "hx-trigger" not in told)
    for language in LANGUAGES:
        told = seen(bench.people["teacher"], page, language)
        assert told.count("<code") > 2
        assert "/workshop/reports/" in told
    assert page.rpartition("/")[2] in admin.get("/workshop/reports").text


def test_pupils_and_strangers_do_not_see_it(bench: Bench) -> None:
    assert bench.office.anyone().get("/workshop/data").headers["location"].startswith("/enter")


def test_a_form_of_another_site_is_refused(bench: Bench) -> None:
    answer = bench.office.admin.post(
        f"{bench.pages['raw']}/delete", headers={"sec-fetch-site": "cross-site", "origin": "http://evil.example"}
    )
    assert answer.status_code == 403
    assert bench.office.admin.get(bench.pages["raw"]).status_code == 200


# data sets


def test_a_data_set_shows_columns_findings_rows_and_lineage(bench: Bench) -> None:
    page = seen(bench.office.admin, bench.pages["data"], "en")
    assert "120 rows, 5 columns" in page
    assert "It is ready; what is predicted is passed" in page
    assert len(re.findall(r"<td>p\d{3}</td>", page)) == 20, "twenty rows are shown"
    assert 'href="/workshop/data/marks/1"' in page, "its parent"
    assert "Imbalance of classes" in page
    assert "/api/datasets/marks/2/parts/test?format=csv" in page
    assert (
        bench.office.admin.get("/api/datasets/marks/2/parts/test?format=csv")
        .text.lstrip("\ufeff")
        .startswith("sheet,hours")
    )


def test_kinds_and_roles_are_corrected_by_the_plan_and_the_rest_stays(bench: Bench) -> None:
    version = bench.office.platform.get("datasets").version(bench.boss.school_id, "data:/marks/2")
    assert {one.name: one.role for one in version.columns}["sheet"] == "ignore"
    assert version.plan["columns"]["passed"]["role"] == "label"
    assert {one["rule"] for one in version.plan["rules"]} >= {"types", "missing", "duplicates", "leakage"}
    assert set(version.parts) == {"train", "validation", "test"}
    first = bench.office.platform.get("datasets").version(bench.boss.school_id, "data:/marks/1")
    assert set(first.parts) == {"train"}, "the version it was made from never changes"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"share.train": "90"}, "the shares add up to"),
        ({"share.test": "many"}, "many"),
        ({"role.1": "label"}, "there are several labels"),
        ({"split": "time"}, "needs a column of role time"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_value_and_fix_and_keeps_what_was_said(
    bench: Bench, form: dict[str, str], said: str
) -> None:
    admin = bench.office.admin
    given = workbench.defaults(admin.get(bench.pages["raw"]).text) | {"split": "random", "share.train": "70"} | form
    answer = admin.post(f"{bench.pages['raw']}/prepare", data=given)
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert said in answer.text
    if "share.train" in form:
        assert 'value="90"' in answer.text


@pytest.mark.parametrize(
    ("form", "file", "said"),
    [
        ({"name": "Not A Name"}, b"a,b\n1,2\n", "Not A Name"),
        ({"name": "ok", "format": "csv"}, b"", "empty"),
        ({"name": "ok"}, None, "no file was chosen"),
    ],
)
def test_a_file_that_is_refused_says_why_and_keeps_the_form(
    bench: Bench, form: dict[str, str], file: bytes | None, said: str
) -> None:
    files = {"file": ("x.csv", file)} if file is not None else None
    answer = bench.office.admin.post("/workshop/data/upload", data={"purpose": "kept words", **form}, files=files)
    if answer.status_code == 303:  # it was taken in, and refused once it was read
        work = answer.headers["location"]
        page = workbench.until(lambda: bench.office.admin.get(work).text, lambda one: 'role="alert"' in one)
    else:
        assert answer.status_code == 400
        page = answer.text
        assert "kept words" in page
    checks.is_sound(page, "en")
    assert said in page
    assert "Reading ok" not in page, "it has ended"


def test_data_of_persons_without_consent_cannot_be_trained_on(bench: Bench) -> None:
    admin = bench.office.admin
    page = workbench.upload(admin, "private", personal="1")
    assert "may not be trained on" in seen(admin, page, "en")
    asked = {"data": "data:/private/1", "task": "tabular_classification"}
    answer = admin.post("/workshop/runs", data=asked)
    assert answer.status_code == 403
    assert "Ask them first" in answer.text
    assert "请先取得同意" in admin.post("/workshop/runs?lang=zh", data=asked).text
    assert admin.post(f"{page}/delete").headers["location"] == "/workshop/data?notice=deleted"
    assert admin.get(page).status_code == 404
    admin.cookies.set("lang", "en")


def test_a_data_set_in_use_stays(bench: Bench) -> None:
    answer = bench.office.admin.post(f"{bench.pages['data']}/delete")
    assert answer.status_code == 409
    assert "Something was made with it" in answer.text


# runs


def test_a_run_shows_its_curves_as_picture_and_as_table(bench: Bench) -> None:
    page = seen(bench.office.admin, bench.pages["run"], "en")
    assert page.count("<polyline") >= 2, "train and validation"
    assert '<th scope="col" class="r">validation</th>' in page
    assert "hx-trigger" not in page, "it has ended: nothing is asked again"
    assert f"/api/runs/{bench.pages['run'].rpartition('/')[2]}/out/model.onnx" in page
    assert "models:/passing/1" in page


def test_runs_are_compared_over_each_other_with_what_differs(bench: Bench) -> None:
    page = seen(bench.office.admin, bench.pages["compare"], "en")
    assert "2 runs, 1 settings differ" in page
    assert re.search(r"<code>epochs</code></th><td class=\"num\">30</td><td class=\"num\">3</td>", page)
    assert "accuracy (validation)" in page
    assert "(test)" not in page, "nothing is chosen by the test part"
    assert "Figures of the test part are left out" in page
    assert "They were measured on different data" not in page
    run = seen(bench.office.admin, bench.pages["run"] + "?notice=started", "en")
    assert re.search(r"<details><summary>Figures of the test part.*accuracy \(test\)", run, re.S), "behind a fold"
    assert "It is in the queue" not in run, "it has finished since"
    assert bench.office.admin.get("/workshop/runs/compare").headers["location"] == "/workshop/runs?notice=pick_two"


def test_a_setting_out_of_bounds_is_named_and_what_was_typed_stays(bench: Bench) -> None:
    form = {"data": "data:/marks/2", "task": "tabular_classification", "c.rate": "-1", "c.hidden": "8, 4"}
    answer = bench.office.admin.post("/workshop/runs", data=form)
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert "rate is -1" in answer.text
    assert 'name="c.rate" value="-1"' in answer.text
    assert 'name="c.hidden" value="8, 4"' in answer.text
    assert "rate is &#39;fast&#39;" in bench.office.admin.post("/workshop/runs", data={**form, "c.rate": "fast"}).text


def test_a_teacher_trains_and_stops_but_neither_registers_nor_uploads(bench: Bench) -> None:
    teacher = bench.people["teacher"]
    run = workbench.train(teacher, "data:/marks/2", **{"c.epochs": "10000"})
    page = seen(teacher, run, "en")
    assert 'hx-trigger="every 2s"' in page
    changed = teacher.get(f"{run}?seen=paused", headers={"hx-request": "true"})
    assert changed.headers["hx-refresh"] == "true", "the page is renewed once the state is another"
    assert teacher.post(f"{run}/pause").headers["location"] == f"{run}?notice=pausing"
    assert teacher.post(f"{run}/cancel").headers["location"] == f"{run}?notice=cancelling"
    assert workbench.ended(bench.office, run) == "cancelled"
    assert teacher.post(f"{run}/cancel").status_code == 409
    assert teacher.post(f"{bench.pages['run']}/register", data={"model": "mine"}).status_code == 403
    assert teacher.post("/workshop/data/upload", data={"name": "x"}).status_code == 403
    assert teacher.post(f"{run}/explode").status_code == 404
    assert "Register" not in seen(teacher, bench.pages["run"], "en")


# reports, models, pipelines


def test_a_gate_puts_every_figure_beside_its_limit_and_a_passed_one_promotes(bench: Bench) -> None:
    admin = bench.office.admin
    judged = admin.post(f"{bench.pages['report']}/judge", data={"gate": "classification"})
    page = seen(admin, judged.headers["location"], "en")
    verdict = bench.office.platform.get("evaluation").verdicts(
        bench.boss.school_id, bench.pages["report"].rpartition("/")[2]
    )[0]
    assert all(f">{line.figure}</code>" in page for line in verdict.lines)
    assert bench.people["developer"].post(f"{bench.pages['model']}/promote", data={"version": "1"}).status_code == 403
    said = {"version": "1", "verdict": verdict.id if verdict.passed else "", "reason": "the first one"}
    assert admin.post(f"{bench.pages['model']}/promote", data=said).status_code == 303
    page = seen(admin, bench.pages["model"], "en")
    assert "Version 1 is in use" in page
    assert f'{bench.pages["model"]}/rollback"' not in page, "no other version was in use before"
    again = admin.post(f"{bench.pages['model']}/promote", data=said)
    assert (again.status_code, "champion already" in again.text) == (409, True)


def test_a_child_is_compressed_tried_on_a_few_and_taken_back(bench: Bench) -> None:
    admin, model = bench.office.admin, bench.pages["model"]
    started = admin.post(f"{model}/compress", data={"version": "1", "method": "int8_dynamic", "data": "data:/marks/2"})
    assert started.headers["location"] == f"{model}?version=1&notice=compressing"
    page = workbench.until(
        lambda: seen(admin, f"{model}?version=1", "en"), lambda one: 'href="/workshop/models/passing?version=2"' in one
    )
    assert "<code>size_bytes</code>" in page, "the table against its parent"
    child = seen(admin, f"{model}?version=2", "en")
    assert 'href="/workshop/models/passing?version=1"' in child
    if bench.office.platform.get("deployment").deployment(bench.boss.school_id, "passing").champion is None:
        admin.post(f"{model}/promote", data={"version": "1", "reason": "to begin with"})
    wrong = admin.post(f"{model}/deploy", data={"version": "2", "share": "10", "max_error_rate": "200"})
    assert (wrong.status_code, "max_error_rate is 2.0" in wrong.text) == (400, True)
    rules = {"max_error_rate": "4", "max_latency_ratio": "3", "min_calls": "20", "window_s": "600"}
    tried = {"version": "2", "share": "25", **rules}
    assert "no reason is given" in admin.post(f"{model}/deploy", data=tried).text
    assert bench.people["developer"].post(f"{model}/deploy", data={**tried, "reason": "mine"}).status_code == 409
    assert admin.post(f"{model}/deploy", data={**tried, "reason": "smaller"}).status_code == 303
    page = seen(admin, model, "en")
    assert "25 % of the people try version 2" in page
    assert "over 4 % errors, or 3 times slower" in page
    assert admin.post(f"{model}/rollback", data={"version": "2"}).status_code == 400, "a reason is needed"
    assert admin.post(f"{model}/rollback", data={"version": "2", "reason": "enough"}).status_code == 303
    assert "enough" in seen(admin, model, "en")
    assert admin.get("/api/models/passing/versions/2/bundle").content[:2] == b"PK"
    assert admin.get("/workshop/models/nobody").status_code == 404


def test_a_model_from_elsewhere_is_brought_or_refused_with_the_reason(bench: Bench) -> None:
    admin = bench.people["admin"]

    def brought(name: str, filename: str, content: bytes) -> tuple[str, str]:
        sent = admin.post("/workshop/imports", data={"name": name}, files={"file": (filename, content)})
        page = sent.headers["location"]
        for language in LANGUAGES:
            seen(admin, page, language)
        return page, workbench.until(lambda: admin.get(page).text, lambda text: "hx-trigger" not in text)

    page, text = brought("linear", "linear.onnx", onnx_file.linear(np.eye(3, dtype=np.float32)))
    assert "models:/linear/1" in text
    asked_again = admin.get(page, headers={"hx-request": "true"}).headers["hx-redirect"]
    assert asked_again == "/workshop/models/linear?version=1&notice=brought"
    assert 'action="/workshop/models/linear/delete"' in seen(admin, "/workshop/models/linear", "en")
    refused = admin.post("/workshop/models/linear/delete", data={"version": "1", "reason": " "})
    assert (refused.status_code, "without a reason" in refused.text) == (400, True)
    gone = admin.post("/workshop/models/linear/delete", data={"version": "1", "reason": "of no use"})
    assert gone.headers["location"] == "/workshop/models?notice=model_deleted"
    _, text = brought("estimator", "model.pkl", pickle.dumps([1]))
    assert "any code" in text
    assert "from_sklearn" in text
    wrong = admin.post("/workshop/imports", data={"name": "Not A Name"}, files={"file": ("a.onnx", b"x")})
    assert wrong.status_code == 400
    assert 'value="Not A Name"' in wrong.text
    assert "model.pkl" in seen(admin, "/workshop/models", "zh")


def test_a_compression_under_way_is_stopped_from_the_page(bench: Bench) -> None:
    admin, compression = bench.people["admin"], bench.office.platform.get("compression")
    admin.post(f"{bench.pages['model']}/compress", data={"version": "1", "method": "int8_dynamic"})
    (one, *_) = compression.compressions(bench.boss.school_id)
    assert f"/workshop/compressions/{one.id}/cancel" in seen(admin, bench.pages["model"] + "?version=1", "en")
    for _ in range(2):  # the second finds it ended, and shows the page all the same
        stopped = admin.post(f"/workshop/compressions/{one.id}/cancel")
        assert stopped.headers["location"].startswith("/workshop/models/passing?version=1")
    assert compression.compression(bench.boss.school_id, one.id).state == "cancelled"


def test_a_pipeline_starts_from_the_short_form_and_is_seen_step_by_step(bench: Bench) -> None:
    admin = bench.office.admin
    form = {
        "model": "night",
        "data": "data:/marks/2",
        "task": "tabular_classification",
        "epochs": "2000",
        "promote": "1",
    }
    started = admin.post("/workshop/pipelines", data=form)
    page = seen(admin, started.headers["location"], "zh")
    assert "<svg" in page
    assert all(word in page for word in ("训练", "上线审核", "设为现用"))
    assert "&#34;epochs&#34;: 2000" in page
    assert admin.post(f"{started.headers['location']}/cancel").status_code == 303
    admin.cookies.set("lang", "en")


def test_a_held_pipeline_says_until_when_and_what_one_may_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monday = datetime(2026, 9, 7, 2, tzinfo=UTC)  # ten in the morning in Shanghai
    monkeypatch.setattr(bench.office.platform.get("deployment"), "_now", lambda: monday)
    told = {"name": "night", "model": "passing", "data": "data:/marks/2", "train": {"task": "tabular_classification"}}

    boss = bench.boss

    def held(uow: db.UnitOfWork) -> str:
        made = pipelines.add(uow, boss.school_id, boss.account_id, Spec.model_validate(told))
        pipelines.change(uow, made, state="held", reason="classes may be sitting")
        return made

    at = f"/workshop/pipelines/{bench.office.platform.get('db').write(held)}"
    page = seen(bench.office.admin, at, "zh")
    assert "18:00 之后自动继续" in page
    assert 'href="/workshop/models/passing">passing</a>' in page
    assert "classes may be sitting" not in page, "nothing raw"
    assert "下课之前" in seen(bench.office.admin, bench.pages["model"], "zh")
    bench.office.platform.get("db").write(lambda uow: pipelines.change(uow, at.rpartition("/")[2], state="cancelled"))
    bench.office.admin.cookies.set("lang", "en")


def test_a_pipeline_that_starts_by_itself_is_paused_and_deleted(bench: Bench) -> None:
    admin = bench.office.admin
    form = {"model": "night", "data": "data:/marks/2", "task": "tabular_classification", "every": "weekly"}
    told = admin.post("/workshop/pipelines", data=form | {"hour": "2", "weekday": "6", "name": "each week"})
    assert told.headers["location"] == "/workshop/pipelines?notice=scheduled"
    page = seen(admin, "/workshop/pipelines", "en")
    assert "Every week Sunday 02:00" in page
    assert "night ← data:/marks<" in page, "the newest version each time"
    (made,) = bench.office.platform.get("pipelines").schedules(bench.boss.school_id)
    at = f"/workshop/pipelines/schedules/{made.id}"
    assert admin.post(f"{at}/pause").status_code == 303
    assert 'class="tag wait">已暂停' in seen(admin, "/workshop/pipelines", "zh")
    assert bench.people["teacher"].post(f"{at}/delete").status_code == 403
    assert admin.post(f"{at}/delete").status_code == 303
    refused = admin.post("/workshop/pipelines", data=form | {"task": "bandit", "method": "int8_dynamic"})
    assert (refused.status_code, "a compressed child cannot be judged" in refused.text) == (400, True)
    assert "each week" not in seen(admin, "/workshop/pipelines", "en")


@pytest.mark.parametrize("written", ["{", "[]", '{"name": "x"}', '{"name": "x", "model": "m", "data": "d", "oops": 1}'])
def test_a_pipeline_in_wrong_json_is_refused_and_stays_in_the_field(bench: Bench, written: str) -> None:
    answer = bench.office.admin.post("/workshop/pipelines", data={"json": written})
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert 'role="alert"' in answer.text
    assert written.replace('"', "&#34;") in answer.text


def test_another_schools_work_has_no_page(bench: Bench) -> None:
    identity = bench.office.platform.get("identity")
    other = identity.create_school("Valley").id
    made = {"school_id": other, "role": "admin", "name": "v", "login": "valley", "secret": schools.PASSWORD}
    bench.office.platform.get("db").write(lambda uow: identity.create_account(uow, **made))
    stranger = bench.office.enter("valley", schools.PASSWORD)
    for name in ("raw", "data", "run", "compare", "report", "model"):
        assert stranger.get(bench.pages[name]).status_code == 404, name
    assert "marks" not in stranger.get("/workshop/data").text


def test_the_lab_compares_three_ways_on_rows_of_the_same_persons(bench: Bench) -> None:
    admin, dice = bench.office.admin, random.Random(5)
    lines = ["who,a,right"]
    for n in range(160):
        a = dice.uniform(-1, 1)
        lines.append(f"s{n % 4},{a:.3f},{'yes' if a > 0 else 'no'}")
    raw = workbench.upload(admin, "answers", "\n".join(lines).encode(), personal="1", consent="1")
    asked = {"data": "data:/answers/2", "epochs": "3", "rounds": "2", "processes": "1"}
    assert admin.post("/workshop/lab", data=asked).status_code == 404
    workbench.prepare(admin, raw, **{"role.0": "person", "split": "random", "kind.0": "identifier"})
    assert admin.post("/workshop/lab", data={**asked, "rounds": "1"}).status_code == 400
    assert "needs a person column" in admin.post("/workshop/lab", data={**asked, "data": "data:/marks/2"}).text
    page = admin.post("/workshop/lab", data=asked).headers["location"]
    seen(admin, page, "en")
    told = workbench.until(lambda: seen(admin, page, "en"), lambda one: "hx-trigger" not in one)
    assert " by AUC: " in told, told
    assert "<code>{" in told, "the report as JSON"
    assert all(way in told for way in ("One per learner", "Incremental", "Distributed"))
    assert "实验室" in seen(admin, page, "zh")
    assert page in seen(admin, "/workshop/lab", "en")
    assert bench.people["teacher"].get("/workshop/lab").status_code == 403
    theirs = workbench.upload(admin, "theirs", "\n".join(lines).encode(), personal="1")
    workbench.prepare(admin, theirs, **{"role.0": "person", "split": "random", "kind.0": "identifier"})
    assert admin.post("/workshop/lab", data={**asked, "data": "data:/theirs/2"}).status_code == 403, "no consent"
