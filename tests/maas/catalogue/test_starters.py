"""The starter entries hold together."""

import re
from importlib import metadata

import pytest
from pydantic import ValidationError
from tests.maas import starter_files

from shuyuan.maas.catalogue import interface, starters


@pytest.mark.parametrize("entry", starters.ENTRIES.values(), ids=lambda entry: entry.name)
def test_an_entry_adds_up(entry: interface.Entry) -> None:
    assert sum(entry.source.part_bytes) == entry.size_bytes
    assert len(entry.source.part_bytes) == len(entry.source.requirements)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin) for pin in entry.source.requirements)
    assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert entry.runner in interface.RUNNER_KINDS
    assert not any(name.endswith((".pkl", ".pt", ".bin.pickle")) for name in (entry.filename, *_beside(entry)))


@pytest.mark.parametrize("entry", starters.ENTRIES.values(), ids=lambda entry: entry.name)
def test_every_further_file_has_its_own_name_hash_and_archive(entry: interface.Entry) -> None:
    assert len({entry.filename, *_beside(entry)}) == 1 + len(entry.also)
    assert all(re.fullmatch(r"[0-9a-f]{64}", member.sha256) for member in entry.also)
    assert all(0 <= member.requirement < len(entry.source.requirements) for member in entry.also)
    assert entry.total_bytes == entry.size_bytes + sum(member.size_bytes for member in entry.also)


@pytest.mark.parametrize("entry", starters.ENTRIES.values(), ids=lambda entry: entry.name)
def test_a_card_says_in_both_languages_that_the_origin_is_unverified(entry: interface.Entry) -> None:
    assert "origin unverified" in entry.origin.en.lower()
    assert "未经核实" in entry.origin.zh
    assert entry.card.zh
    assert entry.card.en
    assert entry.licence


def test_a_runner_that_is_not_installed_is_refused_and_one_by_entry_point_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = starters.ENTRIES["tiny"].model_dump() | {"runner": "wizard"}
    with pytest.raises(ValidationError, match="runner 'wizard' is not installed"):
        interface.Entry.model_validate(facts)
    added = metadata.EntryPoint(name="wizard", value="somewhere:Wizard", group=interface.RUNNER_GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [added] if group == added.group else [])
    interface.runner_kinds.cache_clear()
    try:
        assert interface.Entry.model_validate(facts).runner == "wizard"
    finally:
        interface.runner_kinds.cache_clear()


def test_the_tutor_claims_no_grading() -> None:
    assert "never grades" in starters.ENTRIES["tutor"].card.en
    assert "从不用于评分" in starters.ENTRIES["tutor"].card.zh


def test_what_each_card_claims_is_what_a_service_does_with_it() -> None:
    claims = {name: entry.tasks for name, entry in starters.ENTRIES.items()}
    assert claims == {
        "tutor": ("chat", "complete", "summarize", "translate"),  # its words
        "tiny": ("chat", "complete"),
        "embed": ("embed", "classify", "rerank"),  # labels and passages are found by nearness of meaning
        "minilm": ("embed", "classify", "rerank"),
        "ocr": ("ocr",),
        "whisper": ("transcribe",),
    }


@pytest.mark.parametrize("name", ["tiny", "minilm", "whisper"])
def test_these_claim_english_only(name: str) -> None:
    assert starters.ENTRIES[name].languages == ("en",)


def test_whisper_says_that_chinese_is_unproven() -> None:
    assert "Chinese is unproven" in starters.ENTRIES["whisper"].card.en
    assert "中文效果未经验证" in starters.ENTRIES["whisper"].card.zh


@pytest.mark.parametrize("name", ["minilm", "ocr", "whisper"])
def test_a_starter_of_several_files_is_whole_on_this_machine(name: str) -> None:
    entry, found = starters.ENTRIES[name], starter_files.require(name).locate(name)
    for filename, size_bytes in ((m.filename, m.size_bytes) for m in entry.also):
        assert (found.path.parent / filename).stat().st_size == size_bytes
    assert found.path.stat().st_size == entry.size_bytes


def _beside(entry: interface.Entry) -> list[str]:
    return [member.filename for member in entry.also]
