"""Pipelines in the workshop: started from the short form, held, scheduled, or refused as written."""

from datetime import UTC, datetime

import pytest
from tests.web import benches, checks

from shuyuan.kernel import db
from shuyuan.maas.pipelines import store as pipelines
from shuyuan.maas.pipelines.interface import Spec


def test_a_pipeline_starts_from_the_short_form_and_is_seen_step_by_step(bench: benches.Bench) -> None:
    admin = bench.office.admin
    form = {
        "model": "night",
        "data": "data:/marks/2",
        "task": "tabular_classification",
        "epochs": "2000",
        "promote": "1",
    }
    started = admin.post("/workshop/pipelines", data=form)
    page = benches.seen(admin, started.headers["location"], "zh")
    assert "<svg" in page
    assert all(word in page for word in ("训练", "上线审核", "设为现用"))
    assert "&#34;epochs&#34;: 2000" in page
    assert admin.post(f"{started.headers['location']}/cancel").status_code == 303
    admin.cookies.set("lang", "en")


def test_a_held_pipeline_says_until_when_and_what_one_may_do(
    bench: benches.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = datetime(2026, 9, 7, 2, tzinfo=UTC)  # ten in the morning in Shanghai
    monkeypatch.setattr(bench.office.platform.get("deployment"), "_now", lambda: monday)
    told = {"name": "night", "model": "passing", "data": "data:/marks/2", "train": {"task": "tabular_classification"}}

    boss = bench.boss

    def held(uow: db.UnitOfWork) -> str:
        made = pipelines.add(uow, boss.school_id, boss.account_id, Spec.model_validate(told))
        pipelines.change(uow, made, state="held", reason="classes may be sitting")
        return made

    at = f"/workshop/pipelines/{bench.office.platform.get('db').write(held)}"
    page = benches.seen(bench.office.admin, at, "zh")
    assert "18:00 之后自动继续" in page
    assert 'href="/workshop/models/passing">passing</a>' in page
    assert "classes may be sitting" not in page, "nothing raw"
    assert "下课之前" in benches.seen(bench.office.admin, bench.pages["model"], "zh")
    bench.office.platform.get("db").write(lambda uow: pipelines.change(uow, at.rpartition("/")[2], state="cancelled"))
    bench.office.admin.cookies.set("lang", "en")


def test_a_pipeline_that_starts_by_itself_is_paused_and_deleted(bench: benches.Bench) -> None:
    admin = bench.office.admin
    form = {"model": "night", "data": "data:/marks/2", "task": "tabular_classification", "every": "weekly"}
    told = admin.post("/workshop/pipelines", data=form | {"hour": "2", "weekday": "6", "name": "each week"})
    assert told.headers["location"] == "/workshop/pipelines?notice=scheduled"
    page = benches.seen(admin, "/workshop/pipelines", "en")
    assert "Every week Sunday 02:00" in page
    assert "night ← data:/marks<" in page, "the newest version each time"
    (made,) = bench.office.platform.get("pipelines").schedules(bench.boss.school_id)
    at = f"/workshop/pipelines/schedules/{made.id}"
    assert admin.post(f"{at}/pause").status_code == 303
    assert 'class="tag wait">已暂停' in benches.seen(admin, "/workshop/pipelines", "zh")
    assert bench.people["teacher"].post(f"{at}/delete").status_code == 403
    assert admin.post(f"{at}/delete").status_code == 303
    refused = admin.post("/workshop/pipelines", data=form | {"task": "bandit", "method": "int8_dynamic"})
    assert (refused.status_code, "a compressed child cannot be judged" in refused.text) == (400, True)
    assert "each week" not in benches.seen(admin, "/workshop/pipelines", "en")


@pytest.mark.parametrize("written", ["{", "[]", '{"name": "x"}', '{"name": "x", "model": "m", "data": "d", "oops": 1}'])
def test_a_pipeline_in_wrong_json_is_refused_and_stays_in_the_field(bench: benches.Bench, written: str) -> None:
    answer = bench.office.admin.post("/workshop/pipelines", data={"json": written})
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert 'role="alert"' in answer.text
    assert written.replace('"', "&#34;") in answer.text
