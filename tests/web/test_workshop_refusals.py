"""Why something was refused, in the language of the page: by field, by code, and never in raw words alone."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.datasets.interface import NewDataSet, Plan
from shuyuan.maas.deployment.interface import Rules
from shuyuan.maas.training import configs
from shuyuan.web import glossary
from shuyuan.web.pages.workshop import lab, refusals, schemas

TABLE = Path(__file__).parents[2] / "docs/life-cycle/README.md"


@pytest.mark.parametrize(
    ("of", "form", "zh"),
    [
        (NewDataSet, {"name": "My Data"}, "“名称”只能用小写字母、数字、点和横线，并以字母或数字开头。"),
        (NewDataSet, {}, "“名称”还没有填。"),
        (Plan, {"split": {"by": "random", "shares": [0.9, 0.15, 0.15]}}, "三个部分的比例加起来要等于 100 %"),
        (Rules, {"min_calls": 1}, "“至少调用”现在是 1，要求 ≥ 5。"),
        (Rules, {"window_s": "long"}, "“看最近（秒）”要填数字。"),
    ],
)
def test_a_field_that_is_refused_is_named_by_its_label(of: type[BaseModel], form: dict[str, object], zh: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        of.model_validate(form)
    told = refusals.told(refusals.misfilled(wrong.value), "zh")
    assert (told.text.startswith(zh), told.is_whole) == (True, True), told.text


def test_settings_out_of_bounds_are_named_by_their_labels() -> None:
    with pytest.raises(errors.BadInput) as wrong:
        configs.check("tabular_classification", {"epochs": 0, "rate": -1})
    told = refusals.told(wrong.value, "zh").text
    assert "“训练轮数”现在是 0，要求 ≥ 1" in told
    assert "“学习率”现在是 -1，要求 > 0" in told
    assert refusals.told(wrong.value.to_dict(), "zh").text == told, "also where a child process says it"
    with pytest.raises(errors.BadInput) as wrong:
        schemas.values({"properties": {"rate": {"type": "number"}}}, {"c.rate": ["fast"]})
    assert refusals.told(wrong.value, "zh").text == "“学习率”要填数字。"
    with pytest.raises(errors.BadInput) as wrong:
        lab._within("rounds", "1", 4, 2, 100)
    assert refusals.told(wrong.value, "zh").text == "“增量的轮次”要填整数，范围 2 – 100。"


def test_every_code_of_the_life_cycle_has_our_own_words() -> None:
    rows = [row for row in TABLE.read_text("utf-8").splitlines() if row.startswith("| `")]
    codes = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert len(codes) > 50
    assert [code for code in sorted(codes) if f"workshop.why.{code}" not in glossary.words()] == []


def test_a_code_without_words_is_told_by_its_kind_and_its_raw_text_is_not_hidden() -> None:
    for error in (errors.Conflict("held", code="never_heard_of"), {"code": "never_heard_of", "message": "held"}):
        told = refusals.told(error, "zh")
        assert not told.is_whole
        assert re.search(r"[\u4e00-\u9fff]", told.text)
