"""The demo home that a real first start made."""

from tests.journeys.fixtures import first_start, quiet_environment

__all__ = ["first_start", "quiet_environment"]
