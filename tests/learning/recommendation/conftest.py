"""The small school."""

import pytest
from tests.learning.assessment.world import World

from shuyuan.kernel import crypto, db


@pytest.fixture
def world(database: db.Database, vault: crypto.Vault) -> World:
    return World(database, vault)
