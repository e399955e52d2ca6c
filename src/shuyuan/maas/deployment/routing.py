"""Which version answers whom, from memory: read by every call, replaced whole when something changes."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shuyuan.maas.deployment.tally import STRETCHES, Key, Tallies

_WHOLE = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Route:
    """One deployment at work. salt: secret and new with every canary, so that not the same people try everything."""

    school_id: str
    model: str
    started: str
    champion: int
    canary: int | None
    share: float
    shadow: int | None
    salt: bytes
    window_s: float

    def has_canary(self, person: str) -> bool:
        """Whether this person is among the canary's share."""
        drawn = hashlib.blake2b(person.encode(), digest_size=8, key=self.salt).digest()
        return int.from_bytes(drawn, "big") < self.share * _WHOLE

    @property
    def parts(self) -> Mapping[str, int]:
        """Part → version, of those that are counted."""
        told = {"champion": self.champion, "canary": self.canary, "shadow": self.shadow}
        return {part: version for part, version in told.items() if version is not None}


def bucket(window_s: float, at_s: float) -> int:
    """The stretch of time that a moment falls into."""
    return int(at_s * STRETCHES / window_s)


def reference(model: str, version: int) -> str:
    """What the catalogue knows a version by."""
    return f"models:/{model}/{version}"


def spellings(model: str) -> tuple[str, ...]:
    """Every way to name a model's champion."""
    return tuple(f"{prefix}{model}{alias}" for prefix in ("", "models:/") for alias in ("", "@champion"))


@dataclass(frozen=True, slots=True)
class _Found:
    """What calls look up: name as written → route, and counted version → route and part."""

    names: Mapping[tuple[str, str], tuple[Route, str, str | None]]  # route, canary's and shadow's reference
    versions: Mapping[tuple[str, str], tuple[Route, str]]


class Routes:
    """Implements `interface.Rollout`."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._found, self._now_s = _Found({}, {}), now_s
        self.tallies = Tallies()

    def replace(self, routes: list[Route]) -> None:
        """From now on these, and no others."""
        names, versions = (
            dict[tuple[str, str], tuple[Route, str, str | None]](),
            dict[tuple[str, str], tuple[Route, str]](),
        )
        for route in routes:
            canary = reference(route.model, route.canary) if route.canary is not None else ""
            shadow = reference(route.model, route.shadow) if route.shadow is not None else None
            for name in spellings(route.model):
                names[route.school_id, name] = route, canary, shadow
            for part, version in route.parts.items():
                if part != "shadow":
                    versions[route.school_id, reference(route.model, version)] = route, part
        self._found = _Found(names, versions)

    def choose(self, school_id: str, model: str, person: str) -> str:
        """See Rollout.choose."""
        found = self._found.names.get((school_id, model))
        if found is None or not found[1]:
            return model
        return found[1] if found[0].has_canary(person) else model

    def shadow(self, school_id: str, model: str) -> str | None:
        """See Rollout.shadow."""
        found = self._found.names.get((school_id, model))
        return None if found is None else found[2]

    def watches(self, school_id: str, version: str) -> bool:
        """See Rollout.watches."""
        return (school_id, version) in self._found.versions

    def note(self, school_id: str, version: str, ok: bool, latency_s: float) -> None:
        """See Rollout.note."""
        found = self._found.versions.get((school_id, version))
        if found is not None:
            self._add(*found, ok, latency_s)

    def compared(self, school_id: str, version: str, agreed: bool | None, *, ok: bool, latency_s: float) -> None:
        """See Rollout.compared."""
        model = version.removeprefix("models:/").rpartition("/")[0]
        found = self._found.names.get((school_id, model))
        if found is not None and found[2] == version:
            self._add(found[0], "shadow", ok, latency_s, agreed)

    def _add(self, route: Route, part: str, ok: bool, latency_s: float, agreed: bool | None = None) -> None:
        number = route.parts[part]
        key = Key(route.school_id, route.started, part, number, bucket(route.window_s, self._now_s()))
        self.tallies.add(key, ok, latency_s, agreed)
