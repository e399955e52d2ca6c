"""Servers of peers, each run by the interpreter of its own environment; nothing here is imported by ours."""
