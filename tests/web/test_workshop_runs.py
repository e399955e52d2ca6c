"""Runs in the workshop: their curves, their comparison, folds, the lab, and who may start and stop them."""

import random
import re

from tests.web import benches, checks, workbench


def test_a_run_shows_its_curves_as_picture_and_as_table(bench: benches.Bench) -> None:
    page = benches.seen(bench.office.admin, bench.pages["run"], "en")
    assert page.count("<polyline") >= 2, "train and validation"
    assert '<th scope="col" class="r">validation</th>' in page
    assert "hx-trigger" not in page, "it has ended: nothing is asked again"
    assert f"/api/runs/{bench.pages['run'].rpartition('/')[2]}/out/model.onnx" in page
    assert "models:/passing/1" in page


def test_runs_are_compared_over_each_other_with_what_differs(bench: benches.Bench) -> None:
    page = benches.seen(bench.office.admin, bench.pages["compare"], "en")
    assert "2 runs, 1 settings differ" in page
    assert re.search(r"<code>epochs</code></th><td class=\"num\">30</td><td class=\"num\">3</td>", page)
    assert "accuracy (validation)" in page
    assert "(test)" not in page, "nothing is chosen by the test part"
    assert "Figures of the test part are left out" in page
    assert "They were measured on different data" not in page
    run = benches.seen(bench.office.admin, bench.pages["run"] + "?notice=started", "en")
    assert re.search(r"<details><summary>Figures of the test part.*accuracy \(test\)", run, re.S), "behind a fold"
    assert "It is in the queue" not in run, "it has finished since"
    assert bench.office.admin.get("/workshop/runs/compare").headers["location"] == "/workshop/runs?notice=pick_two"


def test_a_setting_out_of_bounds_is_named_and_what_was_typed_stays(bench: benches.Bench) -> None:
    form = {"data": "data:/marks/2", "task": "tabular_classification", "c.rate": "-1", "c.hidden": "8, 4"}
    answer = bench.office.admin.post("/workshop/runs", data=form)
    assert answer.status_code == 400
    checks.is_sound(answer.text, "en")
    assert "rate is -1" in answer.text
    assert 'name="c.rate" value="-1"' in answer.text
    assert 'name="c.hidden" value="8, 4"' in answer.text
    assert "rate is &#39;fast&#39;" in bench.office.admin.post("/workshop/runs", data={**form, "c.rate": "fast"}).text


def test_a_teacher_trains_and_stops_but_neither_registers_nor_uploads(bench: benches.Bench) -> None:
    teacher = bench.people["teacher"]
    run = workbench.train(teacher, "data:/marks/2", **{"c.epochs": "10000"})
    page = benches.seen(teacher, run, "en")
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
    assert "Register" not in benches.seen(teacher, bench.pages["run"], "en")


def test_a_cross_validation_is_begun_on_the_page_and_told_fold_by_fold(bench: benches.Bench) -> None:
    run = f"runs:/{bench.pages['second'].rpartition('/')[2]}"
    admin = bench.office.admin
    assert admin.post("/workshop/cross-validations", data={"run": run, "k": "1"}).status_code == 400
    page = admin.post("/workshop/cross-validations", data={"run": run, "k": "2"}).headers["location"]
    workbench.until(lambda: admin.get(page).text, lambda told: "hx-trigger" not in told)
    for language in benches.LANGUAGES:
        told = benches.seen(bench.people["teacher"], page, language)
        assert told.count("<code") > 2
        assert "/workshop/reports/" in told
    assert page.rpartition("/")[2] in admin.get("/workshop/reports").text


def test_the_lab_compares_three_ways_on_rows_of_the_same_persons(bench: benches.Bench) -> None:
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
    benches.seen(admin, page, "en")
    told = workbench.until(lambda: benches.seen(admin, page, "en"), lambda one: "hx-trigger" not in one)
    assert " by AUC: " in told, told
    assert "<code>{" in told, "the report as JSON"
    assert all(way in told for way in ("One per learner", "Incremental", "Distributed"))
    assert "实验室" in benches.seen(admin, page, "zh")
    assert page in benches.seen(admin, "/workshop/lab", "en")
    assert bench.people["teacher"].get("/workshop/lab").status_code == 403
    theirs = workbench.upload(admin, "theirs", "\n".join(lines).encode(), personal="1")
    workbench.prepare(admin, theirs, **{"role.0": "person", "split": "random", "kind.0": "identifier"})
    assert admin.post("/workshop/lab", data={**asked, "data": "data:/theirs/2"}).status_code == 403, "no consent"
