"""`shuyuan deploy|promote|rollback|bundle|edge-report|pipeline`: what is served, the way back, what goes offline."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.journeys import shell
from tests.maas import onnx_file

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import deployment
from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.deployment.edge import run as edge


@pytest.fixture
def with_versions(home: Path) -> Path:
    """The home with two versions of `digits`, none served."""
    with installation.opened(home) as platform:
        school = platform.get("identity").schools()[0].id
        for times in (1, 2):
            graph = io.BytesIO(onnx_file.linear(np.eye(2, dtype=np.float32) * times))
            platform.get("catalogue").add_file(school, "system", model="digits", source=graph, runner="onnx")
    return home


def test_a_version_is_promoted_tried_and_taken_back(with_versions: Path) -> None:
    at = ("--home", with_versions)
    refused = shell.call("promote", "digits", "--version", "1", *at)
    assert refused.code == 1
    assert "gate_not_passed" in refused.err
    assert "--by NAME --reason" in refused.err
    nobody = shell.call("promote", "digits", "--version", "1", "--by", "nobody", "--reason", "first", *at)
    assert "0 administrators" in nobody.err
    shell.call("accounts", "create", "it", "--name", "Zhou", "--role", "admin", "--school", "向阳中学", *at)
    first = shell.call("promote", "digits", "--version", "1", "--by", "it", "--reason", "the first one", *at)
    assert first.err == ""
    assert "champion is version 1" in first.words
    canary = ("deploy", "digits", "--version", "2", "--canary", "10%", "--min-calls", "20")
    unjudged = shell.call(*canary, *at).err
    assert "gate_not_passed" in unjudged
    assert "shuyuan evaluate models:/digits/2" in unjudged, "both ways are named: a verdict, and a reason"
    assert "model_not_found" in shell.call("rollback", "nosuch", *at).err
    tried = shell.call(*canary, "--reason", "in one class", *at)
    assert "version 2 answers 10% of the people" in tried.words
    beside = shell.call("deploy", "digits", "--version", "2", "--shadow", *at)
    assert "version 2 runs beside" in beside.words
    assert "last trial" not in beside.words
    with installation.opened(with_versions) as platform:
        live, school = platform.get("deployment"), platform.get("identity").schools()[0].id
        live.look()
        live.note(school, "models:/digits/2", True, 0.1)
        assert live.standing(school, "digits")
    back = shell.call("rollback", "digits", *at)
    assert "champion is version 1 (rolled_back)" in back.words
    assert "counted in the last trial, which has ended" in back.words, "these are no figures of what is served now"
    shown = shell.call("deploy", "digits", *at)
    assert "rolled_back" in shown.words
    assert "accuracy" in shell.call("gates", "figures", *at).words
    wrong = shell.call("deploy", "digits", "--version", "2", "--canary", "some", *at)
    assert "is no share" in wrong.err


def test_versions_are_named_by_aliases_and_deleted_by_somebody_for_a_reason(with_versions: Path) -> None:
    decided = ("--by", "head", "--reason", "of no use", "--home", with_versions)
    assert "--by NAME" in shell.call("delete", "digits/1", "--home", with_versions).err
    assert "names no version" in shell.call("alias", "digits", "trial", *decided).err
    assert "digits@trial is version 1" in shell.call("alias", "digits/1", "trial", *decided).words
    assert "alias trial → version 1" in shell.call("delete", "digits/1", *decided).err
    assert "no alias trial" in shell.call("alias", "digits", "trial", "--remove", *decided).words
    assert "deleted models:/digits/1" in shell.call("delete", "digits/1", *decided).words
    assert "version 2 answers for digits" in shell.call("alias", "digits/2", "champion", *decided).words
    assert "model_in_use" in shell.call("delete", "digits", *decided).err


def test_a_bundle_is_written_and_its_report_counted_once(with_versions: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    said = shell.call("bundle", "models:/digits/2", "-o", target, "--home", with_versions)
    assert said.err == ""
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "edge")
    report = edge.Report(tmp_path / "edge")
    report.note(3, 0.1, ok=True)
    report.write()
    counted = [shell.call("edge-report", report.path, "--home", with_versions).words for _ in range(2)]
    assert counted == ["counted 1 new lines", "counted 0 new lines"]
    assert "names no version" in shell.call("bundle", "digits", "-o", target, "--home", with_versions).err


def test_a_spec_that_cannot_be_read_starts_no_pipeline(with_versions: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"name": "x", "model": "digits", "data": "data:/x", "train": {}}))
    said = shell.call("pipeline", "start", spec, "--home", with_versions)
    assert "train.task" in said.err
    spec.write_text(json.dumps({"name": "x", "model": "digits", "data": "data:/x", "train": {"task": "t"}}))
    assert "data:/x" in shell.call("pipeline", "start", spec, "--home", with_versions).err
    assert shell.call("pipeline", "list", "--home", with_versions).code == 0
    assert "pipeline_not_found" in shell.call("pipeline", "show", "7", "--home", with_versions).err
    assert "pipeline_not_found" in shell.call("pipeline", "cancel", "7", "--home", with_versions).err


@pytest.fixture
def with_pupils(with_versions: Path) -> Path:
    """The home with a data set too."""
    pytest.importorskip("polars", reason="data sets need the extra `data`")
    with installation.opened(with_versions) as platform:
        school, sets = platform.get("identity").schools()[0].id, platform.get("datasets")
        new = datasets.NewDataSet(name="pupils", filename="pupils.csv")
        sets.wait(school, sets.create(school, "system", io.BytesIO(b"a,b\n1,x\n2,y\n"), new).id)
    return with_versions


def written(target: Path, **prepared: object) -> Path:
    """A spec that says how to prepare."""
    plan = {"columns": {"b": {"role": "label"}}, "split": {"by": "random"}, **prepared}
    told = {"name": "x", "model": "digits", "data": "data:/pupils", "train": {"task": "tabular_classification"}}
    target.write_text(json.dumps({**told, "prepare": {"plan": plan}}))
    return target


def test_without_a_server_the_command_does_the_pipeline_itself(with_pupils: Path, tmp_path: Path) -> None:
    spec = written(tmp_path / "spec.json", rules=[{"rule": "no_such_rule"}])
    said = shell.call("pipeline", "start", spec, "--home", with_pupils)
    assert said.code == 1
    assert "prepare failed" in said.words
    assert "there is no rule 'no_such_rule'" in said.words
    shown = shell.call("pipeline", "show", "1", "--home", with_pupils)
    assert "promote cancelled" in " ".join(shown.words.split())
    ended = shell.call("pipeline", "cancel", "1", "--home", with_pupils)
    assert "has ended" in ended.err


def test_a_schedule_is_made_paused_and_deleted(with_pupils: Path, tmp_path: Path) -> None:
    spec, at = written(tmp_path / "spec.json"), ("--home", with_pupils)
    assert "within school hours" in shell.call("pipeline", "schedule", "add", spec, "--hour", "9", *at).err
    made = shell.call("pipeline", "schedule", "add", spec, "--every", "weekly", "--weekday", "sunday", *at)
    assert "next: Sun" in made.words
    assert "02:00 Asia/Shanghai" in made.words
    known = made.words.split()[1].rstrip(",")
    assert "next: paused" in shell.call("pipeline", "schedule", "pause", known, *at).words
    assert "paused" in shell.call("pipeline", "schedule", "list", *at).words
    assert "next: Sun" in shell.call("pipeline", "schedule", "resume", known, *at).words
    assert "is deleted" in shell.call("pipeline", "schedule", "delete", known, *at).words
    assert "pipeline_not_found" in shell.call("pipeline", "schedule", "pause", known, *at).err


def test_a_share_is_read_as_people_write_it() -> None:
    assert [deployment.share_of(said) for said in ("10%", "0.25", "100%")] == [0.1, 0.25, 1.0]
    with pytest.raises(errors.BadInput):
        deployment.share_of("a tenth")
