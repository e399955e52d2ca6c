"""A school, and another one beside it."""

from tests.identity.conftest import other, school

__all__ = ["other", "school"]
