"""Schools, accounts, sessions, API keys, opaque groups, exam mode, and the table of who may call what.

Beneath both planes. Emits nothing; refuses default passwords and stores no secret in the clear.
"""
