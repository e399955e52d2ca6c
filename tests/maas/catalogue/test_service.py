"""Versions, aliases and their audit trail, on both databases."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import select

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors, storage
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface
from shuyuan.maas.catalogue.service import CatalogueService

OURS, THEIRS, ACTOR = "school-a", "school-b", "someone"
CARD = interface.LocalText(zh="卡片", en="card")


class Desk:
    """A catalogue with short ways to say things."""

    def __init__(self, database: db.Database, vault: crypto.Vault, home: Path) -> None:
        self.database, self.audit = database, kernel_audit.Audit(vault)
        self.store = storage.Storage((home / "artefacts").as_uri())
        self.settings = Settings(home=home, cache=home / "cache", starter="none")
        self.catalogue = CatalogueService(database, self.store, self.audit, self.settings)

    def new(self, content: bytes, **more: object) -> interface.NewVersion:
        given = {"model": "tracer", "runner": "tracer", "card": CARD, "size_bytes": len(content), **more}
        return interface.NewVersion.model_validate({**given, "artefact_sha256": self.store.put(content)})

    def register(self, school_id: str, content: bytes = b"weights", **more: object) -> interface.Version:
        version = self.new(content, **more)
        return self.database.write(
            lambda uow: self.catalogue.register_version(uow, school_id=school_id, actor_id=ACTOR, version=version)
        )

    def promote(self, school_id: str, number: int, reason: str = "better", model: str = "tracer") -> interface.Alias:
        return self.database.write(
            lambda uow: self.catalogue.promote(
                uow,
                school_id=school_id,
                actor_id=ACTOR,
                model=model,
                alias="champion",
                version=number,
                reason=reason,
            )
        )


@pytest.fixture
def desk(database: db.Database, vault: crypto.Vault, tmp_path: Path) -> Desk:
    return Desk(database, vault, tmp_path)


def test_versions_are_numbered_per_school_and_keep_figures_and_lineage(desk: Desk) -> None:
    first = desk.register(OURS, figures={"auc": 0.71}, lineage={"data_set": "d1"})
    second = desk.register(OURS, b"better", parent_id=first.id)
    assert (first.number, second.number) == (1, 2)
    assert second.parent_id == first.id
    assert desk.catalogue.versions(OURS, "tracer") == [second, first]
    assert first.figures == {"auc": 0.71}
    assert first.lineage == {"data_set": "d1"}
    assert desk.catalogue.artefact(second) == b"better"


def test_what_can_be_called_is_named_once_by_champion_alias_or_number(desk: Desk) -> None:
    for school_id, content in ((OURS, b"1"), (OURS, b"2"), (OURS, b"3"), (interface.SHARED, b"4"), (THEIRS, b"5")):
        desk.register(school_id, content, model="digits", runner="onnx")
    desk.register(OURS, b"weights")  # the tracer, which a reader of its own runs
    desk.register(interface.SHARED, b"8", model="plain", runner="onnx")
    for alias, number in (("champion", 2), ("trial", 2), ("older", 1)):
        desk.catalogue.move_alias(OURS, ACTOR, model="digits", alias=alias, version=number, reason="r")
    desk.promote(interface.SHARED, 1, model="plain")
    found = {one.name: one.version for one in desk.catalogue.servable(OURS) if one.version}
    assert list(found) == ["digits/3", "digits", "digits@older", "plain"]
    for name, version in found.items():
        assert desk.catalogue.resolve(OURS, name) == version
    assert [one.name for one in desk.catalogue.servable(THEIRS) if one.version] == ["digits/1", "plain"]


@pytest.mark.parametrize(
    ("written", "message", "fix"),
    [
        ("digits/9", "there is no version 9 of 'digits'; versions: 1, 2; aliases: trial → 1", "write digits/2"),
        ("models:/digits", "'digits' has no champion", "shuyuan promote digits --version 2"),
        ("digits@beta", "'digits' has no alias 'beta'; versions: 1, 2", "/api/models/digits/aliases/beta"),
        ("nobody", "there is no model 'nobody'", "digits, tutor"),
        ("tiny/2", "'tiny' is a starter", "write tiny"),
        ("no model", "there is no model 'no model'", "digits"),
    ],
)
def test_a_name_that_means_nothing_is_answered_with_what_there_is(
    desk: Desk, written: str, message: str, fix: str
) -> None:
    for content in (b"1", b"2"):
        desk.register(OURS, content, model="digits", runner="onnx")
    desk.catalogue.move_alias(OURS, ACTOR, model="digits", alias="trial", version=1, reason="r")
    with pytest.raises(interface.UnknownModel) as refused:
        desk.catalogue.resolve(OURS, written)
    assert message in refused.value.message
    assert fix in refused.value.fix
    with pytest.raises(interface.UnknownModel, match="there is no model") as theirs:
        desk.catalogue.resolve(THEIRS, "digits/1")
    assert "digits" not in theirs.value.fix, "another school's names are not told"


def test_promoting_moves_the_alias_and_rolling_back_is_promoting_the_earlier(desk: Desk) -> None:
    first, second = desk.register(OURS), desk.register(OURS, b"b")
    desk.promote(OURS, 1)
    desk.promote(OURS, 2)
    assert desk.catalogue.resolve(OURS, "models:/tracer@champion") == second
    back = desk.promote(OURS, 1, reason="worse in class")
    assert (back.version_number, back.previous_id) == (1, second.id)
    assert desk.catalogue.resolve(OURS, "tracer") == first
    history = desk.catalogue.alias_history(OURS, "tracer")
    assert [(move.version_number, move.reason) for move in history] == [
        (1, "worse in class"),
        (2, "better"),
        (1, "better"),
    ]


def test_a_school_never_sees_another_schools_version(desk: Desk) -> None:
    theirs = desk.register(THEIRS)
    assert desk.catalogue.versions(OURS, "tracer") == []
    with pytest.raises(interface.UnknownModel):
        desk.catalogue.resolve(OURS, theirs.uri)
    with pytest.raises(interface.UnknownModel):
        desk.promote(OURS, 1)
    with pytest.raises(errors.NotFound):
        desk.register(OURS, parent_id=theirs.id)


def test_a_shared_version_serves_schools_that_have_none_of_their_own(desk: Desk) -> None:
    shared = desk.register(interface.SHARED)
    desk.promote(interface.SHARED, 1)
    assert desk.catalogue.resolve(OURS, "tracer@champion") == shared
    own = desk.register(OURS, b"own")
    desk.promote(OURS, 1)
    assert desk.catalogue.resolve(OURS, "tracer@champion") == own
    assert desk.catalogue.resolve(THEIRS, "tracer@champion") == shared


def test_registering_and_promoting_are_in_the_audit_log(desk: Desk) -> None:
    desk.register(OURS)
    desk.promote(OURS, 1)
    with desk.database.read() as conn:
        rows = conn.execute(select(kernel_audit.entry.c.action).order_by(kernel_audit.entry.c.seq)).scalars()
        assert list(rows) == ["model_version.registered", "model_alias.moved"]
        assert desk.audit.verify(conn).fault is None


def test_an_artefact_that_is_not_stored_cannot_be_registered(desk: Desk) -> None:
    lost = desk.new(b"x").model_copy(update={"artefact_sha256": "0" * 64})
    with pytest.raises(errors.BadInput, match="not stored"):
        desk.database.write(
            lambda uow: desk.catalogue.register_version(uow, school_id=OURS, actor_id=ACTOR, version=lost)
        )


def test_a_starter_entrys_name_is_not_taken(desk: Desk) -> None:
    with pytest.raises(errors.BadInput, match="'tutor'"):
        desk.register(OURS, model="tutor")


def test_a_promotion_without_a_reason_is_refused(desk: Desk) -> None:
    desk.register(OURS)
    with pytest.raises(errors.BadInput, match="reason"):
        desk.promote(OURS, 1, reason=" ")


@pytest.mark.parametrize(
    "reference",
    [
        "nothing",
        "models:/tracer/9",
        "models:/tracer@beta",
        "../etc/passwd",
        "",
        "models:/tracer/" + "9" * 23,
        "models:/tracer/²",
    ],
)
def test_an_unknown_reference_is_named(desk: Desk, reference: str) -> None:
    desk.register(OURS)
    with pytest.raises(interface.UnknownModel):
        desk.catalogue.resolve(OURS, reference)


def put_in_use(desk: Desk, school_id: str, content: bytes, **more: object) -> interface.Version:
    """An ONNX version of `scorer`, promoted."""
    version = desk.register(school_id, content, model="scorer", runner="onnx", tasks=("predict",), **more)
    desk.promote(school_id, version.number, model="scorer")
    return version


def test_a_school_loads_its_own_version_first_and_the_shared_one_else(desk: Desk) -> None:
    shared = put_in_use(desk, interface.SHARED, b"shared")
    own = put_in_use(desk, OURS, b"own", spec={"labels": ["cat", "dog"]})
    for reference in ("scorer", "models:/scorer@champion", "models:/scorer/1"):
        mine, other = desk.catalogue.locate(reference, OURS), desk.catalogue.locate(reference, THEIRS)
        assert (mine.school_id, mine.sha256, mine.path.read_bytes()) == (OURS, own.artefact_sha256, b"own")
        assert (other.school_id, other.sha256, other.path.read_bytes()) == (
            interface.SHARED,
            shared.artefact_sha256,
            b"shared",
        )
        assert desk.catalogue.locate(reference) == other
        assert mine.version == other.version
        assert mine.key != other.key
    assert mine.spec == {"labels": ["cat", "dog"]}


def test_a_school_never_loads_another_schools_version(desk: Desk) -> None:
    put_in_use(desk, THEIRS, b"theirs")
    for reference in ("scorer", "models:/scorer@champion", "models:/scorer/1"):
        for school_id in (OURS, interface.SHARED):
            with pytest.raises(interface.UnknownModel):
                desk.catalogue.locate(reference, school_id)
    assert "scorer" not in desk.catalogue.known(OURS)
    assert "scorer" not in desk.catalogue.known()
    assert "scorer" in desk.catalogue.known(THEIRS)


def test_a_shared_onnx_version_is_located_as_a_verified_local_file(desk: Desk) -> None:
    version = desk.register(interface.SHARED, b"graph", model="scorer", runner="onnx", tasks=("predict",))
    found = desk.catalogue.locate("models:/scorer/1")
    assert (found.version, found.tasks) == (version.uri, ("predict",))
    assert hashlib.sha256(found.path.read_bytes()).hexdigest() == version.artefact_sha256
    assert "scorer" in desk.catalogue.known()


def test_a_model_used_in_place_is_not_served(desk: Desk) -> None:
    desk.register(interface.SHARED)
    with pytest.raises(interface.UnknownModel, match="tracer"):
        desk.catalogue.locate("models:/tracer/1")


def test_models_tells_what_is_here(desk: Desk) -> None:
    assert {info.entry.name: info.here for info in desk.catalogue.models()} == {
        "tutor": False,
        "tiny": False,
        "embed": False,
        "minilm": False,
        "ocr": False,
        "whisper": False,
    }
    with pytest.raises(interface.NotPulled):
        desk.catalogue.locate("tiny")


def test_who_remembers_names_is_told_once_a_change_is_in_the_database_and_never_before(desk: Desk) -> None:
    seen: list[int] = []
    desk.catalogue.on_change.append(lambda: seen.append(len(desk.catalogue.versions(OURS, "tracer"))))
    desk.register(OURS)
    assert seen == [1]
    desk.promote(OURS, 1)
    assert seen == [1, 1]
    version = desk.new(b"other")

    def fails(uow: db.UnitOfWork) -> None:
        desk.catalogue.register_version(uow, school_id=OURS, actor_id=ACTOR, version=version)
        raise errors.Conflict("not today", fix="try tomorrow")

    with pytest.raises(errors.Conflict):
        desk.database.write(fails)
    assert seen == [1, 1]
