"""Families of nets as plain sizes, one a file, without torch; `shapes` knows them by name."""
