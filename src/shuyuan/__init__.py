"""Shuyuan (书院): an open, self-hosted Model-as-a-Service platform for education."""

__version__ = "0.1.0"
