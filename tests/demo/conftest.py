"""The demo home that a real first start made."""

from tests.journeys.fixtures import first_start

__all__ = ["first_start"]
