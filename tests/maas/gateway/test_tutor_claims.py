"""The `tutor` card claims translations and summaries: shown with the real model, through the service itself."""

import asyncio
from pathlib import Path

import pytest
from tests.maas.starter_files import require

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import engine as serving_engine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
TEXT = (
    "Plants need light, water and air. With light they make sugar from water and air. The sugar feeds the whole "
    "plant, and the air gets back the oxygen that people and animals breathe. Without light a plant soon dies."
)


def test_it_translates_both_ways_and_summarises_in_either_language(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, teacher: Principal, tmp_path: Path
) -> None:
    models = require("tutor")

    async def run() -> tuple[interface.Translation, interface.Translation, interface.Summary, interface.Summary]:
        engine = serving_engine.LocalEngine(models)
        gateway = GatewayService(database, models, engine, Settings(home=tmp_path), audit.Audit(vault), identity)
        try:
            return (
                await gateway.translate(teacher, "The school library opens at eight.", target="zh", model="tutor"),
                await gateway.translate(teacher, "学校图书馆八点开门。", target="en", model="tutor"),
                await gateway.summarize(teacher, TEXT, sentences=1, language="en", model="tutor"),
                await gateway.summarize(teacher, TEXT, sentences=1, language="zh", model="tutor"),
            )
        finally:
            await gateway.drain()
            await engine.close()

    to_chinese, to_english, english, chinese = asyncio.run(run())
    assert "图书馆" in to_chinese.text
    assert "library" in to_english.text.lower()
    assert "plant" in english.text.lower()
    assert "植物" in chinese.text
    for told in (english, chinese):
        assert len(told.text) < len(TEXT), told.text
        assert not told.truncated, told.text
