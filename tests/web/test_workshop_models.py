"""Models in the workshop: gates and verdicts, versions in use and taken back, children, and models from elsewhere."""

import pickle

import numpy as np
from tests.maas import onnx_file
from tests.web import benches, workbench


def test_a_gate_is_set_changed_for_a_reason_and_taken_away_on_its_page(bench: benches.Bench) -> None:
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


def test_a_gate_puts_every_figure_beside_its_limit_and_a_passed_one_promotes(bench: benches.Bench) -> None:
    admin = bench.office.admin
    judged = admin.post(f"{bench.pages['report']}/judge", data={"gate": "classification"})
    page = benches.seen(admin, judged.headers["location"], "en")
    verdict = bench.office.platform.get("evaluation").verdicts(
        bench.boss.school_id, bench.pages["report"].rpartition("/")[2]
    )[0]
    assert all(f">{line.figure}</code>" in page for line in verdict.lines)
    assert bench.people["developer"].post(f"{bench.pages['model']}/promote", data={"version": "1"}).status_code == 403
    said = {"version": "1", "verdict": verdict.id if verdict.passed else "", "reason": "the first one"}
    assert admin.post(f"{bench.pages['model']}/promote", data=said).status_code == 303
    page = benches.seen(admin, bench.pages["model"], "en")
    assert "Version 1 is in use" in page
    assert "test_accuracy" not in benches.seen(admin, "/workshop/models", "en"), "figures of test are folded up"
    assert f'{bench.pages["model"]}/rollback"' not in page, "no other version was in use before"
    again = admin.post(f"{bench.pages['model']}/promote", data=said)
    assert (again.status_code, "champion already" in again.text) == (409, True)


def test_a_child_is_compressed_tried_on_a_few_and_taken_back(bench: benches.Bench) -> None:
    admin, model = bench.office.admin, "/workshop/models/compressed"
    admin.post(f"{bench.pages['second']}/register", data={"model": "compressed"})
    started = admin.post(f"{model}/compress", data={"version": "1", "method": "int8_dynamic", "data": "data:/marks/2"})
    assert started.headers["location"] == f"{model}?version=1&notice=compressing"
    page = workbench.until(
        lambda: benches.seen(admin, f"{model}?version=1", "en"),
        lambda one: 'href="/workshop/models/compressed?version=2"' in one,
    )
    assert "<code>size_bytes</code>" in page, "the table against its parent"
    child = benches.seen(admin, f"{model}?version=2", "en")
    assert 'href="/workshop/models/compressed?version=1"' in child
    assert 'id="d-reason" name="reason"' in child, "without a verdict it is tried for a reason, said in the form"
    assert '<a href="/workshop/reports?subject=models%3A/compressed/2#order">' in child, "the other way"
    assert admin.post(f"{model}/promote", data={"version": "1", "reason": "to begin with"}).status_code == 303
    wrong = admin.post(f"{model}/deploy", data={"version": "2", "share": "10", "max_error_rate": "200"})
    assert (wrong.status_code, "max_error_rate is 2.0" in wrong.text) == (400, True)
    rules = {"max_error_rate": "4", "max_latency_ratio": "3", "min_calls": "20", "window_s": "600"}
    tried = {"version": "2", "share": "25", **rules}
    assert "no reason is given" in admin.post(f"{model}/deploy", data=tried).text
    assert bench.people["developer"].post(f"{model}/deploy", data={**tried, "reason": "mine"}).status_code == 409
    assert admin.post(f"{model}/deploy", data={**tried, "reason": "smaller"}).status_code == 303
    page = benches.seen(admin, model, "en")
    assert "25 % of the people try version 2" in page
    assert "over 4 % errors, or 3 times slower" in page
    assert admin.post(f"{model}/rollback", data={"version": "2"}).status_code == 400, "a reason is needed"
    assert admin.post(f"{model}/rollback", data={"version": "2", "reason": "enough"}).status_code == 303
    assert "enough" in benches.seen(admin, model, "en")
    assert admin.get("/api/models/compressed/versions/2/bundle").content[:2] == b"PK"
    assert admin.get("/workshop/models/nobody").status_code == 404


def test_a_model_from_elsewhere_is_brought_or_refused_with_the_reason(bench: benches.Bench) -> None:
    admin = bench.people["admin"]

    def brought(name: str, filename: str, content: bytes) -> tuple[str, str]:
        sent = admin.post("/workshop/imports", data={"name": name}, files={"file": (filename, content)})
        page = sent.headers["location"]
        for language in benches.LANGUAGES:
            benches.seen(admin, page, language)
        return page, workbench.until(lambda: admin.get(page).text, lambda text: "hx-trigger" not in text)

    page, text = brought("linear", "linear.onnx", onnx_file.linear(np.eye(3, dtype=np.float32)))
    assert "models:/linear/1" in text
    asked_again = admin.get(page, headers={"hx-request": "true"}).headers["hx-redirect"]
    assert asked_again == "/workshop/models/linear?version=1&notice=brought"
    assert 'action="/workshop/models/linear/delete"' in benches.seen(admin, "/workshop/models/linear", "en")
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
    assert "model.pkl" in benches.seen(admin, "/workshop/models", "zh")


def test_a_compression_under_way_is_stopped_from_the_page(bench: benches.Bench) -> None:
    admin, compression = bench.people["admin"], bench.office.platform.get("compression")
    admin.post(f"{bench.pages['model']}/compress", data={"version": "1", "method": "int8_dynamic"})
    (one, *_) = compression.compressions(bench.boss.school_id)
    assert f"/workshop/compressions/{one.id}/cancel" in benches.seen(admin, bench.pages["model"] + "?version=1", "en")
    for _ in range(2):  # the second finds it ended, and shows the page all the same
        stopped = admin.post(f"/workshop/compressions/{one.id}/cancel")
        assert stopped.headers["location"].startswith("/workshop/models/passing?version=1")
    assert compression.compression(bench.boss.school_id, one.id).state == "cancelled"
