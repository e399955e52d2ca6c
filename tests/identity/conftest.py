"""A school, and another one beside it."""

import pytest
from tests.identity import cast

from shuyuan.compose import Platform


@pytest.fixture
def school(platform: Platform) -> cast.Cast:
    return cast.gather(platform, "north")


@pytest.fixture
def other(platform: Platform, school: cast.Cast) -> cast.Cast:
    return cast.gather(platform, "south")
