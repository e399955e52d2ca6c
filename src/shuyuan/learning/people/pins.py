"""PINs: six random digits a pupil can remember. Identity checks and hashes them."""

import secrets

DIGITS = 6


def new_pin() -> str:
    """A random PIN."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
