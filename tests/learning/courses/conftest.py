"""One grader for the whole session; property tests without a clock (the machine is shared)."""

from collections.abc import Iterator

import hypothesis
import pytest

from shuyuan.learning.courses.grading import grader

hypothesis.settings.register_profile("no-clock", deadline=None)
hypothesis.settings.load_profile("no-clock")


@pytest.fixture(scope="session")
def judge() -> Iterator[grader.Grader]:
    made = grader.Grader()
    yield made
    made.close()
