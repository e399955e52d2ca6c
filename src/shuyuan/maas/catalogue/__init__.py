"""Which models exist, where their files come from, which version an alias points to.

Owns entries (the starter list), pulls into a shared content-addressed cache, versions, aliases and
lineage. Emits nothing yet. Refuses to open a file whose sha-256 is not the one the entry names, to run
any code that came with a model, and to store a version as pickle.
"""
