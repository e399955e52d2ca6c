"""Rows of persons are taken out of a version and of everything made from it; what held them is purged.

A no of one person reaches copies: the whole family of versions is done in one work, registered in one unit with the
tombstones of what it replaces. A job holds keyed hashes of the persons alone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
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


def job(
    version: interface.DataSetVersion,
    family: Sequence[interface.DataSetVersion],
    key: str,
    persons: Sequence[str],
    why: str,
) -> Json:
    """What a work is told. Raises BadInput without persons, DataSetPurged, WrongColumns without a column of persons.

    family: all that the rows are in, tombstones too. A version in which nothing tells whose rows are whose is named.
    """
    consents.require_rows(version)
    if not 0 < len(persons) <= MOST_PERSONS:
        raise errors.BadInput(f"{len(persons)} persons were given", fix=f"give 1 to {MOST_PERSONS:,}")
    for one in _with_rows(family):
        if not _persons(one, family):
            raise interface.WrongColumns(
                f"no column of {one.uri} says which rows are whose",
                fix="prepare it with a column of role person; if it has none, take its consent back and purge it",
            )
    forms = {form for one in persons for form in _forms(one.strip(), bytes.fromhex(key))}
    reads = [one.id for one in family]
    return {"work": "erase", "reads": reads, "persons": sorted(forms), "why": consents.said(why)}


def sources(versions: Sequence[interface.DataSetVersion], parts: datasets_parts.Parts) -> list[dict[str, Any]]:
    """What the child reads of every version."""
    return [
        {
            "id": one.id,
            "columns": [column.model_dump(mode="json") for column in one.columns],
            "persons": _persons(one, versions),
            "unmarked": one.created_at < pseudonyms.MARKED_SINCE,
            "sources": [{"path": str(parts.open(one, part)), "part": part} for part in one.parts],
        }
        for one in _with_rows(versions)
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
                parent = taken_by.get(one.parent_id or "")
                taken_by[one.id] = self._add(uow, actor_id, one, made[one.id], parent.id if parent else one.parent_id)
        first = (_with_rows(versions) or versions)[0]
        if not store.move_work(uow, work_id, "finished", version=taken_by.get(first.id, first).uri):
            raise AlreadyEnded
        buried = [one for one in _with_rows(versions) if one.id in made]
        for one in buried:
            self._audit.record(
                uow, school_id=school_id, actor_id=actor_id, action="data_set.persons_erased", object_id=one.id
            )
        gone = self._consents.bury(uow, buried, actor_id, told["why"])[1] if buried else []
        for was, now in taken_by.items():  # those in which nobody was touched stay in the family
            store.adopt(uow, school_id, was, now.id)
        return gone

    def _add(
        self,
        uow: kernel_db.UnitOfWork,
        actor_id: str,
        was: interface.DataSetVersion,
        said: Mapping[str, Any],  # Any: columns as JSON
        parent_id: str | None,
    ) -> interface.DataSetVersion:
        kept = {name: getattr(was, name) for name in ("purpose", "consent", "basis", "personal")}
        more = {"plan": dict(was.plan), "parent_id": parent_id, "source": was.uri}
        return store.add_version(uow, was.school_id, actor_id, was.name, {**said, **kept, **more})[0]


class AlreadyEnded(Exception):
    """The work was cancelled meanwhile: nothing of it stays."""


def _forms(person: str, key: bytes) -> set[str]:
    """All that may stand for a person in a table: the pseudonym, and the ones of addresses in learning records.

    Each as it was before there was a mark too, and as it is when such a table was read as if it held persons.
    """
    address = person if person.startswith("mailto:") else f"mailto:{person}"
    words = {pseudonyms.of(key, person), pseudonyms.MARK + pseudonyms.keyed(key, "mbox", address)}
    unmarked = {one.removeprefix(pseudonyms.MARK) for one in words}
    unmarked |= {person} if pseudonyms.is_one(person, datetime.min.replace(tzinfo=UTC)) else set()
    return words | unmarked | {pseudonyms.of(key, one) for one in unmarked}


def _with_rows(versions: Sequence[interface.DataSetVersion]) -> list[interface.DataSetVersion]:
    return [one for one in versions if one.purged_at is None]


def _persons(version: interface.DataSetVersion, family: Sequence[interface.DataSetVersion]) -> list[str]:
    """Its columns that tell whose rows are whose: called so in itself or in another one of the family."""
    called = {column.name for one in family for column in one.with_role("person")}
    return [column.name for column in version.columns if column.name in called]
