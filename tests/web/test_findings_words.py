"""What cleaning found is said in both languages; what came before codes is shown as it was written."""

import re

import pytest

from shuyuan.maas.datasets import findings as made
from shuyuan.maas.datasets.interface import Finding
from shuyuan.web import glossary
from shuyuan.web.pages.workshop import findings

PLACE = re.compile(r"{(\w+)")


@pytest.mark.parametrize("code", made.DETAILS)
def test_every_code_of_a_finding_has_words_with_its_values(code: str) -> None:
    for text in glossary.words()[f"workshop.found.{code}"]:
        assert set(PLACE.findall(text)) == set(PLACE.findall(made.DETAILS[code]))


def test_a_finding_is_said_in_the_readers_language_and_an_older_one_as_it_was() -> None:
    new = made.found("types", ("not_kind", {"kind": "number"}), column="age", count=3, action="made missing")

    def zh(key: str, **values: object) -> str:
        return glossary.say("zh", key, **values)

    assert zh(findings.detail(new), **findings.values(new, zh)) == "不是数值"
    assert (zh(findings.rule(new)), zh(findings.action(new))) == ("不合类型的值", "当作缺失")
    old = Finding(rule="types", count=3, action="made missing", detail="not number")
    assert (findings.detail(old), zh(findings.action(old))) == ("", "当作缺失")
    assert findings.action(Finding(rule="own", action="did something")) == ""
