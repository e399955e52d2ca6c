"""Class codes and student numbers, in the forms people type."""

import re
import secrets
import unicodedata

from shuyuan.kernel import errors

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # no 0 O 1 I L
CODE_LENGTH, MAX_NUMBER = 6, 32
_NUMBER = re.compile(r"[\w.\-]+")


def new_code() -> str:
    """A class code: 6 characters that nobody reads two ways; 887 million of them."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def clean_number(number: str) -> str:
    """A student number without blanks and full-width digits; BadInput when it cannot be one."""
    plain = unicodedata.normalize("NFKC", number).strip()
    if not plain:
        raise errors.BadInput("the student number is missing", fix="give every pupil a number")
    if len(plain) > MAX_NUMBER:
        raise errors.BadInput(
            f"the student number has {len(plain)} characters", fix=f"use at most {MAX_NUMBER} letters and digits"
        )
    if not _NUMBER.fullmatch(plain):
        raise errors.BadInput(f"the student number {plain!r} has other signs", fix="use letters, digits, - _ .")
    return plain
