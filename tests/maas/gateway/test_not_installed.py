"""A model whose runner is not installed is refused with what to type, not with a Python error."""

import asyncio
import importlib.util

import pytest
from tests.maas.gateway.scripted import ScriptedEngine, ScriptedLocator

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface, models


def test_a_missing_part_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = models.Models(ScriptedLocator(), ScriptedEngine())
    assert asyncio.run(found.locate(catalogue.SHARED, "tiny", "chat")).name == "tiny"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(interface.NotInstalled, match="llama") as refused:
        asyncio.run(found.locate(catalogue.SHARED, "tiny", "chat"))
    assert "pip install 'shuyuan[llm]'" in refused.value.fix
    assert refused.value.status == 409
