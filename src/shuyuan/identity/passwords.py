"""Passwords and PINs: the rules they must meet and their argon2id hashes.

A secret is first keyed with the installation's master key (a pepper), so that a stolen database alone cannot be
searched, not even for the million possible PINs. Then argon2id (RFC 9106): passwords at the OWASP minimum of
19 MiB, 2 passes, 1 lane (about 40 ms on the machine this was written on); PINs at 8 MiB, 1 pass (5 ms), since
no hash can save 20 bits and a class list of thousands is hashed at once. At most `PARALLEL` hashes run
together, which bounds the memory of a class signing in.
"""

import secrets
import threading
import unicodedata
from functools import cache

import argon2

from shuyuan.identity.interface import Hashed, Role
from shuyuan.kernel import crypto, errors

MIN_PASSWORD, MAX_PASSWORD, PIN_DIGITS = 10, 200, 6
PARALLEL = 4
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_PIN = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
_slots = threading.BoundedSemaphore(PARALLEL)


def hash_secret(vault: crypto.Vault, secret: str, role: Role) -> Hashed:
    """Check `secret` against the rule for `role` and hash it. Slow on purpose: call outside units of work."""
    plain = _normal(secret)
    if not (role == "student" and is_pin(plain)):
        _check_password(plain, role)
    with _slots:
        return Hashed((_PIN if role == "student" else _PASSWORD).hash(_peppered(vault, plain)))


def matches(vault: crypto.Vault, stored: str | None, secret: str, *, pupil: bool) -> bool:
    """Whether `secret` is the one behind `stored`. Without one (`stored` None) the same work is done for nothing."""
    known = stored or _decoy(pupil)
    with _slots:
        try:
            fits = _PASSWORD.verify(known, _peppered(vault, _normal(secret)[:MAX_PASSWORD]))
        except argon2.exceptions.VerificationError:
            return False
    return fits and stored is not None


def is_pin(secret: str) -> bool:
    """Six ASCII digits."""
    return len(secret) == PIN_DIGITS and secret.isascii() and secret.isdigit()


def new_pin() -> str:
    """A random PIN."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"


def new_password() -> str:
    """A random password a person can type: 14 unambiguous characters, 69 bits."""
    return "".join(secrets.choice(_READABLE) for _ in range(14))


def _check_password(plain: str, role: Role) -> None:
    if not MIN_PASSWORD <= len(plain) <= MAX_PASSWORD:
        instead = f", or a PIN of {PIN_DIGITS} digits" if role == "student" else ""
        raise errors.BadInput(
            f"the password has {len(plain)} characters",
            code="weak_password",
            fix=f"use {MIN_PASSWORD} to {MAX_PASSWORD} characters{instead}",
        )
    if len(set(plain)) < 4:
        raise errors.BadInput(
            f"the password repeats {len(set(plain))} characters",
            code="weak_password",
            fix="use at least 4 different characters",
        )


def _normal(secret: str) -> str:
    return unicodedata.normalize("NFKC", secret).strip()  # full-width digits of a Chinese keyboard are digits


def _peppered(vault: crypto.Vault, plain: str) -> str:
    return vault.keyed_hash("identity.secret", plain)


@cache
def _decoy(pupil: bool) -> str:
    """A hash of nobody's secret, as costly as a real one."""
    return (_PIN if pupil else _PASSWORD).hash(secrets.token_hex(32))
