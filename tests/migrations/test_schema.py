"""The migrated schema is the schema in code, on both databases, and migrating twice changes nothing."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from shuyuan import compose, migrations
from shuyuan.kernel import crypto, db

VERSIONS = Path(migrations.__file__).parent / "versions"


def test_the_migrated_schema_equals_the_tables_in_code(database: db.Database) -> None:
    compose.load_tables()
    with database.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        difference = [one for one in compare_metadata(context, db.metadata) if not _is_json_variant(one)]
    assert difference == [], 'run python -m scripts.revise "what changed"'


def test_migrating_again_changes_nothing(database: db.Database) -> None:
    before = sorted(inspect(database.engine).get_table_names())
    migrations.upgrade(database)
    assert sorted(inspect(database.engine).get_table_names()) == before
    assert migrations.current(database) == max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def test_every_table_of_every_module_is_in_compose() -> None:
    compose.load_tables()
    source = Path(compose.__file__).parent
    named = {module.replace(".", "/") for module in compose.TABLES}
    for path in source.rglob("tables.py"):
        dotted = "shuyuan/" + path.relative_to(source).with_suffix("").as_posix()
        assert dotted in named or dotted == "shuyuan/kernel/db/tables", f"{dotted} is missing in compose.TABLES"


def test_every_row_has_a_school_except_the_installation_s_own() -> None:
    compose.load_tables()
    own = {"crypto_person_key", "audit_head", "identity_school", "leases_round"}
    for table in db.metadata.sorted_tables:
        if table.name not in own and not table.name.startswith("identity_failure"):
            assert "school_id" in table.c, f"{table.name} has no school_id"


def test_personal_fields_are_sealed() -> None:
    """What can hold a name, an answer or a chat is an EncryptedText; this list grows with the schema, never shrinks."""
    compose.load_tables()
    sealed = {
        f"{column.table.name}.{column.name}"
        for table in db.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, crypto.EncryptedText)
    }
    assert sealed >= {"identity_account.name", "records_response.answer", "tutor_turn.message", "tutor_turn.answer"}


def _is_json_variant(difference: object) -> bool:
    """Alembic reflects JSON of SQLite and JSONB of PostgreSQL as their own types; the variant holds both."""
    if not isinstance(difference, list):
        return False
    return all(step[0] == "modify_type" and "JSON" in repr(step) for step in difference)
