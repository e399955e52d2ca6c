"""The starter entries hold together."""

import re

import pytest

from shuyuan.maas.catalogue import interface, starters
from shuyuan.maas.runners import interface as runners


@pytest.mark.parametrize("entry", starters.ENTRIES.values(), ids=lambda entry: entry.name)
def test_an_entry_adds_up(entry: interface.Entry) -> None:
    assert sum(entry.source.part_bytes) == entry.size_bytes
    assert len(entry.source.part_bytes) == len(entry.source.requirements)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin) for pin in entry.source.requirements)
    assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert entry.runner in runners.RUNNERS
    assert not entry.filename.endswith((".pkl", ".pt", ".bin.pickle"))


@pytest.mark.parametrize("entry", starters.ENTRIES.values(), ids=lambda entry: entry.name)
def test_a_card_says_in_both_languages_that_the_origin_is_unverified(entry: interface.Entry) -> None:
    assert "origin unverified" in entry.origin.en.lower()
    assert "未经核实" in entry.origin.zh
    assert entry.card.zh
    assert entry.card.en
    assert entry.licence


def test_the_tutor_claims_no_grading() -> None:
    assert "never grades" in starters.ENTRIES["tutor"].card.en
    assert "从不用于评分" in starters.ENTRIES["tutor"].card.zh


def test_what_each_card_claims_is_what_a_service_does_with_it() -> None:
    claims = {name: entry.tasks for name, entry in starters.ENTRIES.items()}
    assert claims == {
        "tutor": ("chat", "summarize", "translate"),  # its words
        "tiny": ("chat",),
        "embed": ("embed", "classify"),  # labels are found by nearness of meaning
    }


def test_tiny_claims_english_only() -> None:
    assert starters.ENTRIES["tiny"].languages == ("en",)
