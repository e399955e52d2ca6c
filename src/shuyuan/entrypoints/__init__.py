"""Thin ways in: parse, call, print."""
