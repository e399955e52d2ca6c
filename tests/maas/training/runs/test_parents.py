"""What a run goes on from: a run or a version, its weights, its columns, and from whose rows it learned."""

import json
from pathlib import Path

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import columns, interface, store


def test_a_run_goes_on_from_a_run_or_a_version(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    first = rooms.ended(training, training.start(who, rooms.new()))
    version = training.register(who, first.id, "marks")
    platform.get("catalogue").move_alias(
        school_id, who.account_id, model="marks", alias="champion", version=1, reason="it is the only one"
    )
    for reference, told in ((first.uri, first.uri), ("models:/marks@champion", "models:/marks/1")):
        child = rooms.ended(training, training.start(who, rooms.new(parent=reference)))
        assert child.parent == told, "what it began with never moves"
        job = json.loads((training.supervisor.folder(child.id).path / "job.json").read_text())
        with open(job["init"]["weights"]) as weights, open(job["init"]["spec"]) as spec:
            assert weights.read() == first.weights_sha256
            assert json.load(spec)["features"] == {"columns": ["x"]}
        assert training.register(who, child.id, "marks").parent_id == version.id


def test_a_parent_without_weights_is_refused(make: Make, platform: Platform, school_id: str) -> None:
    training, who, catalogue = make("--refuse"), rooms.person(school_id), platform.get("catalogue")
    failed = rooms.ended(training, training.start(who, rooms.new()))
    training.close()
    trained = make("--steps", 1)
    finished = rooms.ended(trained, trained.start(who, rooms.new()))
    sha256 = platform.get("storage").put(b"an imported graph")
    card = catalogue_api.LocalText(zh="导入", en="imported")
    for lineage in ({}, {"run": finished.uri}):  # imported; compressed from what a run made
        brought = catalogue_api.NewVersion(
            model="brought", runner="onnx", artefact_sha256=sha256, size_bytes=17, card=card, lineage=lineage
        )
        platform.get("db").write(
            lambda uow, brought=brought: catalogue.register_version(
                uow, school_id=school_id, actor_id="system", version=brought
            )
        )
    for parent in (failed.uri, "models:/brought/1", "models:/brought/2"):
        with pytest.raises(interface.NoWeights, match="no weights"):
            training.start(who, rooms.new(parent=parent))
    with pytest.raises(catalogue_api.UnknownModel):
        training.start(who, rooms.new(parent="models:/nothing/1"))


class Several(rooms.Sets):
    """Beside `data:/marks/1` another one; of the first the persons may say no."""

    withdrawn = False

    def version(self, school_id: str, reference: str) -> datasets_api.DataSetVersion:
        """See DataSets."""
        found = super().version(school_id, "data:/marks/1")
        return found if "marks" in reference else found.model_copy(update={"id": "e" * 26, "name": "other"})

    def require_trainable(self, version: datasets_api.DataSetVersion) -> None:
        """See DataSets."""
        if self.withdrawn and version.name == "marks":
            raise datasets_api.ConsentMissing("nobody agrees any more", fix="ask")


def test_what_learned_from_rows_whose_persons_said_no_is_not_gone_on_from(
    make: Make, school_id: str, tmp_path: Path
) -> None:
    sets = Several(tmp_path, school_id)
    training, who = make("--steps", 1, "--pace", 0, sets=sets), rooms.person(school_id)
    first = rooms.ended(training, training.start(who, rooms.new()))
    version = training.register(who, first.id, "marks")
    second, third = (
        rooms.ended(training, training.start(who, rooms.new(data="data:/other/1", parent=parent)))
        for parent in (version.uri, first.uri)
    )
    training.close()
    idle = make(at_work=False, sets=sets)
    waiting = idle.start(who, rooms.new(data="data:/other/1", parent=third.uri))
    sets.withdrawn = True
    for parent in (first.uri, version.uri, second.uri, third.uri):
        with pytest.raises(interface.NoWeights, match="learned from data:/marks/1, which may not be learned from"):
            idle.start(who, rooms.new(data="data:/other/1", parent=parent))
    with pytest.raises(interface.NoWeights):
        idle.register(who, second.id, "others")
    idle.open()
    ended = rooms.ended(idle, waiting)
    assert (ended.state, (ended.error or {})["code"]) == ("failed", "no_weights"), "said while it was in the queue"


def test_a_parent_that_reads_other_columns_is_refused_before_anything_is_stored(
    make: Make, platform: Platform, school_id: str, sets: rooms.Sets
) -> None:
    training, who = make("--steps", 1, "--pace", 0), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    training.close()
    idle, database = make(at_work=False), platform.get("db")

    def reading(**kinds: str) -> None:
        """The run's encoders read these columns."""
        told = {"columns": [{"name": name, "kind": kind} for name, kind in kinds.items()]}
        sha256 = platform.get("storage").put(json.dumps(told).encode())
        files = {name: file.model_dump() for name, file in run.artefacts.items()}
        files["features.json"] = {"sha256": sha256, "size_bytes": 100}
        database.write(lambda uow: store.change(uow, run.id, ("finished",), artefacts=files))

    for kinds, said in (
        ({"a": "number", "height": "number"}, "reads the column 'height', and no column of this name is used here"),
        ({"a": "image"}, "reads the column 'a' as image, and here it is of kind number"),
        ({"y": "category"}, "reads the column 'y', which is the label here"),
    ):
        reading(**kinds)
        with pytest.raises(columns.BadTraining, match=said) as refused:
            idle.start(who, rooms.new(parent=run.uri))
        assert "without" in refused.value.fix
    assert len(idle.runs(who)) == 1
    reading(a="integer", b="category")
    idle.start(who, rooms.new(parent=run.uri))
