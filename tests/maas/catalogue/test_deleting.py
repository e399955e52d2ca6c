"""Versions and models go for a reason, unless something stands on them; their files go when nobody needs them."""

from collections.abc import Callable

import pytest
from tests.maas.catalogue.test_routes import client, enter

from shuyuan.compose import Platform
from shuyuan.identity.interface import Identity
from shuyuan.kernel import audit, db, errors, storage
from shuyuan.maas.catalogue import interface, jobs
from shuyuan.maas.catalogue.service import CatalogueService
from shuyuan.maas.deployment import store as deployments

__all__ = ["client"]  # a fixture
SCHOOL, ACTOR = "north", "ann"


class Runs:
    """Runs that still have some files."""

    def __init__(self, *files: str) -> None:
        self.files = files

    def has_file(self, sha256: str) -> bool:
        return sha256 in self.files


class Shelf:
    """Models of one school, quickly."""

    def __init__(self, platform: Platform, school_id: str = SCHOOL) -> None:
        self.platform, self.school_id = platform, school_id
        self.catalogue: CatalogueService = platform.get("catalogue")
        self.db: db.Database = platform.get("db")
        self.files: storage.Storage = platform.get("storage")

    def add(self, content: bytes, model: str = "digits", **more: object) -> interface.Version:
        told = {"model": model, "runner": "onnx", "card": {"zh": "卡", "en": "card"}, "size_bytes": 1, **more}
        new = interface.NewVersion.model_validate({**told, "artefact_sha256": self.files.put(content)})
        return self.db.write(
            lambda uow: self.catalogue.register_version(uow, school_id=self.school_id, actor_id=ACTOR, version=new)
        )

    def alias(self, number: int, alias: str = "champion") -> None:
        self.catalogue.move_alias(self.school_id, ACTOR, model="digits", alias=alias, version=number, reason="r")

    def delete(self, number: int | None, reason: str = "of no use", model: str = "digits") -> None:
        self.catalogue.delete(self.school_id, ACTOR, model, number, reason)

    def drained(self, *in_runs: str) -> None:
        jobs.register(self.catalogue, self.platform.get("outbox"), Runs(*in_runs))
        self.platform.get("outbox").drain()


@pytest.fixture
def shelf(platform: Platform) -> Shelf:
    return Shelf(platform)


def test_a_version_goes_for_a_reason_and_its_number_never_comes_again(shelf: Shelf) -> None:
    first, second = shelf.add(b"1"), shelf.add(b"2")
    with pytest.raises(errors.BadInput, match="reason"):
        shelf.delete(2, " ")
    shelf.delete(2)
    assert shelf.catalogue.versions(SCHOOL, "digits") == [first]
    assert [one.name for one in shelf.catalogue.servable(SCHOOL) if one.version] == ["digits/1"]
    for reference in (second.uri, "digits/2"):
        with pytest.raises(interface.UnknownModel):
            shelf.catalogue.resolve(SCHOOL, reference)
    with pytest.raises(interface.UnknownModel, match="no version 2 of 'digits'"):
        shelf.delete(2)
    assert shelf.add(b"3").number == 3
    with shelf.db.read() as conn:
        (entry,) = (one for one in audit.entries(conn, SCHOOL) if one.action == "model_version.deleted")
    assert (entry.actor_id, entry.object_id) == (ACTOR, second.id)


def test_what_stands_on_a_version_is_named_and_keeps_it(shelf: Shelf) -> None:
    first, second = shelf.add(b"1"), shelf.add(b"2")
    shelf.platform.get("deployment")  # which tells what is tried
    asked: list[tuple[Callable[[], object], str, int]] = [
        (lambda: shelf.alias(1), "alias champion → version 1", 1),
        (lambda: shelf.add(b"3", parent_id=second.id), "models:/digits/3 was made from it", 2),
        (lambda: _tried(shelf, canary_version=3), "canary of version 3", 3),
        (lambda: _tried(shelf, canary_version=None, shadow_version=3), "shadow of version 3", 3),
    ]
    for stand, words, number in asked:
        stand()
        with pytest.raises(interface.VersionInUse, match=words):
            shelf.delete(number)
        with pytest.raises(interface.VersionInUse, match="alias champion" if "made from" in words else words):
            shelf.delete(None)  # what is deleted with it stands on nothing
    with pytest.raises(interface.VersionInUse, match="shadow of version 3 beside the champion"):
        shelf.catalogue.remove_alias(SCHOOL, ACTOR, model="digits", alias="champion", reason="r")
    assert len(shelf.catalogue.versions(SCHOOL, "digits")) == 3
    _tried(shelf, shadow_version=None)
    shelf.catalogue.remove_alias(SCHOOL, ACTOR, model="digits", alias="champion", reason="r")
    assert shelf.catalogue.aliases(SCHOOL, "digits") == {}
    with pytest.raises(interface.UnknownModel, match="no champion"):
        shelf.catalogue.resolve(SCHOOL, first.model)
    shelf.delete(None)
    assert shelf.catalogue.known(SCHOOL) == shelf.catalogue.known("nobody")


def test_a_shared_alias_means_something_again_when_the_schools_own_is_taken_off(shelf: Shelf) -> None:
    shared = Shelf(shelf.platform, interface.SHARED)
    shared.add(b"1")
    shared.alias(1)
    shelf.add(b"2")
    shelf.alias(1)
    shelf.catalogue.remove_alias(SCHOOL, ACTOR, model="digits", alias="champion", reason="r")
    assert shelf.catalogue.resolve(SCHOOL, "digits").school_id == interface.SHARED
    assert {one.name for one in shelf.catalogue.servable(SCHOOL) if one.version} >= {"digits"}
    with pytest.raises(interface.UnknownModel, match="no alias 'champion' of this school"):
        shelf.catalogue.remove_alias(SCHOOL, ACTOR, model="digits", alias="champion", reason="r")
    shelf.delete(None)
    with pytest.raises(interface.UnknownModel, match="no version at all"):
        shelf.delete(None)  # a shared one is not this school's to delete


def test_a_file_goes_when_no_version_and_no_run_refers_to_it(shelf: Shelf) -> None:
    alone, twice, of_run = (shelf.add(content) for content in (b"1", b"2", b"3"))
    Shelf(shelf.platform, "south").add(b"2", "copies")
    shelf.delete(None)
    assert shelf.files.has(alone.artefact_sha256), "until the server hears of it"
    shelf.drained(of_run.artefact_sha256)
    kept = [shelf.files.has(one.artefact_sha256) for one in (alone, twice, of_run)]
    assert kept == [False, True, True]


def test_training_says_which_files_its_runs_have(platform: Platform) -> None:
    assert not platform.get("training").has_file("a" * 64)


def test_the_tracer_keeps_its_own_versions(shelf: Shelf) -> None:
    shelf.add(b"1", "tracer", runner="tracer")
    with pytest.raises(interface.VersionInUse, match="keeps its own versions"):
        shelf.delete(1, model="tracer")


def test_only_administrators_delete_over_http_and_say_why(client, platform: Platform) -> None:  # type: ignore[no-untyped-def]  # a fixture
    enter(client, platform, "developer")
    for path in ("/api/models/digits/versions/1", "/api/models/digits", "/api/models/digits/aliases/champion"):
        assert client.request("DELETE", path, json={"reason": "r"}).status_code == 403
    enter(client, platform, "admin")
    shelf = Shelf(platform, _school(platform))
    for content in (b"1", b"2"):
        shelf.add(content)
    shelf.alias(2)
    assert client.request("DELETE", "/api/models/digits/versions/1", json={}).status_code == 422
    gone = client.request("DELETE", "/api/models/digits/versions/1", json={"reason": "r"})
    assert [one["number"] for one in gone.json()] == [1]
    refused = client.request("DELETE", "/api/models/digits", json={"reason": "r"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_in_use")
    assert client.request("DELETE", "/api/models/digits/aliases/champion", json={"reason": "r"}).status_code == 204
    assert client.request("DELETE", "/api/models/digits", json={"reason": "r"}).status_code == 200
    assert client.get("/api/models/digits/versions").json() == []


def _school(platform: Platform) -> str:
    identity: Identity = platform.get("identity")
    return next(one.id for one in identity.schools() if one.name == "school of admin")


def _tried(shelf: Shelf, **columns: object) -> None:
    shelf.db.write(lambda uow: deployments.put(uow, SCHOOL, "digits", ACTOR, **columns))
