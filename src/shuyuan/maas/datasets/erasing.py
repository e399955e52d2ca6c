"""Rows of persons are taken out of a version and of everything made from it; what held them is purged.

A no of one person reaches copies: the whole family of versions is done in one work, registered in one unit with the
tombstones of what it replaces. A job holds keyed hashes of the persons alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, errors
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.datasets import consents, interface, store
from shuyuan.maas.datasets import parts as datasets_parts
from shuyuan.science.features import pseudonyms

MOST_PERSONS = 10_000
Json = Mapping[str, Any]  # Any: JSON
Stored = Callable[[dict[str, Any]], dict[str, Any]]


def key_of(vault: crypto.Vault, school_id: str) -> str:
    """The school's key of pseudonyms, hex: the same in every import of a school, another in another school."""
    return vault.keyed_hash("datasets.pseudonyms", school_id)


def job(version: interface.DataSetVersion, family: Sequence[str], key: str, persons: Sequence[str], why: str) -> Json:
    """What a work is told. Raises BadInput without persons, DataSetPurged, WrongColumns without a column of persons."""
    consents.require_rows(version)
    if not 0 < len(persons) <= MOST_PERSONS:
        raise errors.BadInput(f"{len(persons)} persons were given", fix=f"give 1 to {MOST_PERSONS:,}")
    if not version.with_role("person"):
        raise interface.WrongColumns(
            f"no column of {version.uri} says which rows are whose", fix="prepare it with a column of role person"
        )
    forms = {form for one in persons for form in _forms(one.strip(), bytes.fromhex(key))}
    return {"work": "erase", "reads": list(family), "persons": sorted(forms), "why": consents.said(why)}


def sources(versions: Sequence[interface.DataSetVersion], parts: datasets_parts.Parts) -> list[dict[str, Any]]:
    """What the child reads of every version."""
    return [
        {
            "id": one.id,
            "columns": [column.model_dump(mode="json") for column in one.columns],
            "sources": [{"path": str(parts.open(one, part)), "part": part} for part in one.parts],
        }
        for one in versions
        if one.purged_at is None
    ]


def stored(result: Json, files: Stored) -> dict[str, dict[str, Any]]:
    """version id → what becomes the row of the one that takes its place; {} where nobody is left in it."""
    touched = {one: told for one, told in result["versions"].items() if told["rows"]}
    return {one: files(told["made"]) if "made" in told else {} for one, told in touched.items()}


class Erasing:
    """Registers what came of it."""

    def __init__(self, audit: kernel_audit.Audit, consents: consents.Consents) -> None:
        self._audit, self._consents = audit, consents

    def register(
        self,
        uow: kernel_db.UnitOfWork,
        school_id: str,
        actor_id: str,
        work_id: str,
        told: Json,
        made: Mapping[str, dict[str, Any]],
    ) -> list[str]:
        """New versions, the end of the work and tombstones; returns the files that nothing holds any more.

        Raises DataSetInUse when a version was made from them meanwhile, AlreadyEnded.
        """
        reads: list[str] = told["reads"]
        versions = store.by_ids(uow.conn, school_id, reads)
        if set(store.family(uow.conn, school_id, reads[0])) - set(reads):
            raise interface.DataSetInUse(f"a version was made from {versions[0].uri} meanwhile", fix="start it again")
        taken_by: dict[str, interface.DataSetVersion] = {}
        for one in versions:
            if made.get(one.id):
                taken_by[one.id] = self._add(uow, actor_id, one, made[one.id], taken_by.get(one.parent_id or ""))
        first = taken_by.get(reads[0], versions[0])
        if not store.move_work(uow, work_id, "finished", version=first.uri):
            raise AlreadyEnded
        buried = [one for one in versions if one.id in made and one.purged_at is None]
        for one in buried:
            self._audit.record(
                uow, school_id=school_id, actor_id=actor_id, action="data_set.persons_erased", object_id=one.id
            )
        return self._consents.bury(uow, buried, actor_id, told["why"])[1] if buried else []

    def _add(
        self,
        uow: kernel_db.UnitOfWork,
        actor_id: str,
        was: interface.DataSetVersion,
        said: Mapping[str, Any],  # Any: columns as JSON
        parent: interface.DataSetVersion | None,
    ) -> interface.DataSetVersion:
        kept = {name: getattr(was, name) for name in ("purpose", "consent", "basis", "personal")}
        more = {"plan": dict(was.plan), "parent_id": parent and parent.id, "source": was.uri}
        return store.add_version(uow, was.school_id, actor_id, was.name, {**said, **kept, **more})[0]


class AlreadyEnded(Exception):
    """The work was cancelled meanwhile: nothing of it stays."""


def _forms(person: str, key: bytes) -> set[str]:
    """All that may stand for a person in a table: the pseudonym, and the ones of addresses in learning records."""
    address = person if person.startswith("mailto:") else f"mailto:{person}"
    return {pseudonyms.of(key, person), pseudonyms.keyed(key, "mbox", address)}
