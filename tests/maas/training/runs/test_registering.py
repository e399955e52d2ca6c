"""A finished run becomes a version: once, with lineage, figures, spec and a card; and the next run begins with it."""

import pytest
import yaml
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface


def test_a_version_tells_what_it_was_made_from(
    make: Make, platform: Platform, school_id: str, sets: rooms.Sets
) -> None:
    training, who, catalogue = make("--steps", 3), rooms.person(school_id), platform.get("catalogue")
    run = rooms.ended(training, training.start(who, rooms.new(name="first")))
    version = training.register(who, str(run.number), "marks")
    assert (version.uri, version.runner, version.tasks) == ("models:/marks/1", "onnx", ("predict",))
    assert version.lineage["run"] == run.uri
    assert (version.lineage["data"], version.lineage["data_sha256"]) == ("data:/marks/1", run.data_sha256)
    assert version.figures == run.figures
    assert version.spec["labels"] == ["no", "yes"]
    assert version.spec["features"] == {"columns": ["x"]}, "encoders go with the model"
    assert catalogue.artefact(version).decode() == f"graph {run.weights_sha256}"
    assert "data:/marks/1" in version.card.zh
    assert "models:/marks/1" in sets.used, "the data set cannot be deleted any more"
    assert catalogue.versions(rooms.school(platform, "别的学校"), "marks") == []


def test_a_run_whose_consent_was_taken_back_meanwhile_becomes_no_version(
    make: Make, platform: Platform, school_id: str, sets: rooms.Sets
) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    sets.consent = False
    with pytest.raises(datasets_api.ConsentMissing):
        training.register(who, run.id, "marks")


def test_registered_again_it_is_the_same_version(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    first = training.register(who, run.id, "marks")
    assert training.register(who, run.id, "marks").id == first.id
    assert len(platform.get("catalogue").versions(school_id, "marks")) == 1
    assert training.register(who, run.id, "other").uri == "models:/other/1"
    assert set(training.run(who, run.id).registered) == {"models:/marks/1", "models:/other/1"}


def test_registered_again_after_its_version_was_deleted_it_is_the_next_one(
    make: Make, platform: Platform, school_id: str
) -> None:
    training, who, catalogue = make("--steps", 1), rooms.person(school_id), platform.get("catalogue")
    run = rooms.ended(training, training.start(who, rooms.new()))
    first = training.register(who, run.id, "marks")
    catalogue.delete(school_id, who.account_id, "marks", first.number, "of no use")
    again = training.register(who, run.id, "marks")
    assert again.id != first.id
    assert catalogue.artefact(again)
    assert list(training.run(who, run.id).registered) == [again.uri]


def test_the_card_is_readable_by_others_tools(make: Make, school_id: str) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    training.register(who, run.id, "marks")
    text = training.artefact(who, run.id, "card.md").read_text("utf-8")
    _, front, body = text.split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["datasets"] == ["data:/marks/1"]
    assert told["pipeline_tag"] == "tabular-classification"
    results = told["model-index"][0]["results"][0]
    assert results["dataset"]["revision"] == run.data_sha256
    assert {"validation_accuracy": 0.9}.items() <= {one["type"]: one["value"] for one in results["metrics"]}.items()
    assert "a lesson \\| on learning" in body, "what people wrote cannot break the page"
    assert "数据收集的目的" in body


def test_what_is_not_finished_is_not_registered(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--refuse"), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    with pytest.raises(interface.RunNotFinished, match="failed"):
        training.register(who, run.id, "marks")
    assert platform.get("catalogue").versions(school_id, "marks") == []


def test_a_name_the_catalogue_refuses_leaves_nothing_behind(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    with pytest.raises(Exception, match="cannot be named"):
        training.register(who, run.id, "A Name")
    assert training.run(who, run.id).registered == ()
