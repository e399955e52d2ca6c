"""Which extra a runner still needs: looked for, never imported."""

import ctypes.util
import importlib.util
from collections.abc import Iterator

import pytest

from shuyuan.maas.catalogue import extras


@pytest.fixture(autouse=True)
def looked_up_anew() -> Iterator[None]:
    extras._on_system.cache_clear()
    yield
    extras._on_system.cache_clear()


@pytest.mark.parametrize("system", ["libespeak-ng.so.1", None])
def test_a_voice_may_come_from_the_system_instead_of_the_extra(
    system: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: system if name == "espeak-ng" else None)
    assert extras.missing("espeak") == ("" if system else "voice")
    assert extras.missing("ocr") == "ocr"
