"""The small school."""

import pytest

from shuyuan.kernel import crypto, db
from tests.learning.assessment.world import World


@pytest.fixture
def world(database: db.Database, vault: crypto.Vault) -> World:
    return World(database, vault)
