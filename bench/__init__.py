"""Measured claims: every number the project states is printed by a script here."""
