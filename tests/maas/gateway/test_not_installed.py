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
    found.forget()
    with pytest.raises(interface.NotInstalled, match="llama") as refused:
        asyncio.run(found.locate(catalogue.SHARED, "tiny", "chat"))
    assert "pip install 'shuyuan[llm]'" in refused.value.fix
    assert refused.value.status == 409


def test_whoever_asks_at_the_same_moment_shares_one_look_and_what_is_found_is_believed_for_a_while() -> None:
    class Counting(ScriptedLocator):
        looks = 0

        def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
            self.looks += 1
            return super().locate(model, school_id)

    locator = Counting()
    found = models.Models(locator, ScriptedEngine())

    async def run() -> None:
        await asyncio.gather(*[found.locate("school", "tiny", "chat") for _ in range(50)])
        await found.locate("school", "tiny", "chat")
        assert locator.looks == 1
        late = asyncio.create_task(found.locate("school", "embed", "embed"))
        await asyncio.sleep(0)
        found.forget()  # an alias moved while somebody looked
        await asyncio.gather(late, found.locate("school", "embed", "embed"))
        await found.locate("school", "embed", "embed")
        assert locator.looks == 3

    asyncio.run(run())
