"""A table of our own, so that the kernel is tested without any module above it."""

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from shuyuan.kernel import db

probe = Table("kernel_probe", MetaData(), Column("id", Integer, primary_key=True), Column("text", String(40)))
child = Table(
    "kernel_probe_child",
    probe.metadata,
    Column("id", Integer, primary_key=True),
    Column("parent", ForeignKey("kernel_probe.id", deferrable=True, initially="DEFERRED"), nullable=False),
)


@pytest.fixture
def probed(database: db.Database) -> db.Database:
    """A database with the probe tables."""
    probe.metadata.create_all(database.engine)
    return database
