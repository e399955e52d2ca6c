"""Reports being made: in the background, cancelled, begun again, lost, and never written over."""

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.asking import actions, asked
from tests.maas.evaluation.conftest import COPY, Once, School

from shuyuan.kernel import errors
from shuyuan.maas.evaluation import interface, store


def test_a_child_that_dies_is_started_once_more_and_then_told_as_lost(school: School) -> None:
    dying = school.service(
        command=(sys.executable, "-c", "import sys; print('out of memory', file=sys.stderr); sys.exit(9)")
    )
    with pytest.raises(interface.EvaluationLost, match="code 9: out of memory"):
        dying.evaluate(school.id, "a", asked(school))
    (kept,) = dying.reports(school.id)
    assert kept.state == "failed"
    dying.close()


def test_a_report_ordered_in_the_background_is_made(school: School) -> None:
    evaluation = school.evaluation
    ordered = evaluation.start(school.principal("developer"), asked(school))
    assert ordered.state == "running"
    evaluation._pool.submit(int).result()  # the one thread has come past it
    assert evaluation.report(school.id, ordered.id).state == "finished"


def test_a_report_that_is_being_made_is_cancelled_and_nothing_of_it_stays(school: School) -> None:
    sleeping = school.service(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    first, waiting = (sleeping.start(school.principal("developer"), asked(school)) for _ in range(2))
    for one in (first, waiting):
        assert sleeping.cancel_report(school.principal("developer"), one.id).state == "cancelled"
    sleeping._pool.submit(int).result()  # the one thread has come past both: no child was waited for
    assert [one.state for one in sleeping.reports(school.id)] == ["cancelled"] * 2
    assert not list((school.platform.settings.home / "evaluations").iterdir())
    assert (actions(school).count("report.cancelled"), actions(school).count("report.made")) == (2, 0)
    with pytest.raises(interface.ReportEnded, match="is cancelled"):
        sleeping.cancel_report(school.principal(), first.id)
    with pytest.raises(errors.Forbidden):
        sleeping.cancel_report(school.principal("teacher"), first.id)
    sleeping.close()


def test_what_a_server_finds_of_a_report_that_another_one_cancelled_is_not_kept(school: School) -> None:
    making, other = school.service(), school.service()
    job = making._maker.begin(school.id, "a", asked(school), None)
    other.cancel_report(school.principal(), job.head.id)
    with pytest.raises(interface.ReportCancelled):
        making._maker.make(job, None)
    assert making.report(school.id, job.head.id).report_sha256 == ""


def test_what_a_server_had_begun_the_next_one_finishes(school: School) -> None:
    first = school.service(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    ordered = first.start(school.principal(), asked(school, "test"))
    first.close()  # the child is ended, the report stays as it was
    assert first.report(school.id, ordered.id).state == "running"
    second = school.service()
    assert second.resume() == 1
    second._pool.submit(int).result()
    made_now = second.report(school.id, ordered.id)
    assert made_now.state == "finished"
    assert made_now.test_readings == 1
    assert len(second.readings(school.id)) == 1
    assert second.resume() == 0
    second.close()


def test_a_finished_report_is_not_written_over(school: School) -> None:
    report = school.evaluation.evaluate(school.id, "a", asked(school))
    with pytest.raises(AssertionError):
        school.platform.get("db").write(lambda uow: _overwritten(uow, school.id, report.id))
    assert school.evaluation.report(school.id, report.id).state == "finished"


def _overwritten(uow: object, school_id: str, report_id: str) -> None:
    assert store.finish_report(uow, school_id, report_id, state="failed")  # type: ignore[arg-type]  # a unit of work


def test_files_that_are_not_what_the_child_said_are_refused(school: School, once: Once, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(once.given, changed)
    (changed / "out" / "report.en.html").write_text("something else")
    copying = (sys.executable, "-I", "-S", "-c", COPY.format(source=str(changed)))
    with pytest.raises(interface.EvaluationLost, match="not the file"):
        school.service(command=copying).evaluate(school.id, "a", asked(school))
    assert school.evaluation.reports(school.id)[0].state == "failed"
