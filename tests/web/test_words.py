"""The words: both languages, complete, nothing unused, and the glossary as the product sets it."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from shuyuan.maas.gateway import interface as gateway_api
from shuyuan.web import glossary

WEB = Path(glossary.__file__).parent
SOURCES = [*WEB.rglob("*.html"), *WEB.rglob("*.py")]
CJK = re.compile(r"[\u3400-\u9fff]")
PLACE = re.compile(r"{(\w+)}")

GLOSSARY = {
    "school": "School",
    "term": "Term",
    "class": "Class",
    "group": "Group",
    "learner": "Student",
    "guardian": "Parent or carer",
    "roster": "Class list",
    "course": "Course",
    "unit": "Unit",
    "lesson": "Lesson",
    "point": "Topic",
    "item": "Question",
    "item_bank": "Question bank",
    "hint_ladder": "Step-by-step hints",
    "practice": "Practice",
    "assignment": "Assignment",
    "paper": "Paper",
    "personal_paper": "Personal paper",
    "mock_exam": "Mock exam",
    "blueprint": "Test plan",
    "answer_key": "Mark scheme",
    "mark": "Mark",
    "attempt": "Attempt",
    "response": "Answer",
    "mastery": "Understanding so far",
    "uncertainty": "Not enough evidence",
    "memory": "Due for review",
    "misconception": "Common mistake",
    "mistakes": "Mistakes",
    "facility": "% correct",
    "tutor": "AI tutor",
    "statement": "Learning record",
    "consent": "Consent",
    "model": "Model",
    "version": "Version",
    "champion": "In use",
    "data_set": "Data set",
    "run": "Training run",
    "gate": "Release check",
    "deployment": "Deployment",
    "canary": "Trial rollout",
    "key": "API key",
    "quota": "Allowance",
    "ledger": "Usage",
    "audit": "Activity log",
    "danmaku": "Live comments",
    "credential": "Certificate",
}


def used() -> tuple[set[str], set[str]]:
    """Keys quoted anywhere in the pages, and prefixes of keys put together there."""
    keys, prefixes = set[str](), set[str]()
    for source in SOURCES:
        text = source.read_text("utf-8")
        keys |= set(re.findall(r"""["']([a-z_0-9]+(?:\.[a-z_0-9]+)+)["']""", text))
        prefixes |= set(re.findall(r"""\(["']([a-z_0-9.]+[._])["']\s*~""", text))
        prefixes |= set(re.findall(r"""f["']([a-z_0-9.]+\.)\{""", text))
        keys |= {
            f"{a}{b}"
            for a, b in re.findall(r"""\(["']([a-z_0-9.]+_)["']\s*~\s*\w+(?:\.\w+)*\s*~\s*["'](_\w+)["']""", text)
        }
    return keys, prefixes


def test_every_quoted_key_of_a_template_is_defined() -> None:
    known = glossary.words()
    for source in WEB.rglob("*.html"):
        for key in re.findall(r"""\bt\(\s*["']([^"']+)["']\s*[,)]""", source.read_text("utf-8")):
            assert key in known, f"{source.name} says {key}, which no file in words/ defines"


def test_no_word_is_left_over() -> None:
    keys, prefixes = used()
    unused = [key for key in glossary.words() if key not in keys and not key.startswith(("word.", *prefixes))]
    assert not unused, f"words that no page says: {unused}"


def test_both_languages_say_every_key_with_the_same_values() -> None:
    for key, (zh, en) in glossary.words().items():
        assert zh.strip(), f"{key} has no Chinese"
        assert en.strip(), f"{key} has no English"
        assert set(PLACE.findall(zh)) <= set(PLACE.findall(en)) | {"n"}, (
            f"{key}: the languages ask for different values"
        )
        assert not CJK.search(en) or key == "app.name", f"{key}: Chinese in the English text"


def test_chinese_text_puts_no_space_round_the_middle_dot() -> None:
    for key, (zh, _) in glossary.words().items():
        assert not re.search(r"\s·|·\s", zh), f"{key}: a space beside · in {zh!r}"


def test_no_template_holds_words_of_its_own() -> None:
    for source in WEB.rglob("*.html"):
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<svg.*?</svg>", "", source.read_text("utf-8"), flags=re.S)
        spoken = [part.strip() for part in re.split(r"<[^>]*>", text)]
        loose = [part for part in spoken if CJK.search(part) and part not in ("中", "中文")]
        assert not loose, f"{source.name} has words of its own: {loose}"


@pytest.mark.parametrize(("code", "label"), GLOSSARY.items())
def test_the_glossary_has_the_label_of_each_code_word(code: str, label: str) -> None:
    assert glossary.say("en", f"word.{code}") == label
    assert CJK.search(glossary.say("zh", f"word.{code}"))


def test_the_glossary_has_no_word_the_product_does_not_name() -> None:
    assert {key.removeprefix("word.") for key in glossary.words() if key.startswith("word.")} == set(GLOSSARY)


def test_english_counts_one_and_many() -> None:
    assert glossary.say("en", "when.days_ago", n=1) == "1 day ago"
    assert glossary.say("en", "when.days_ago", n=2) == "2 days ago"
    assert glossary.say("zh", "when.days_ago", n=1) == "1 天前"


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(KeyError, match=r"no\.such\.word"):
        glossary.say("en", "no.such.word")


def test_every_service_of_the_ledger_has_words_for_the_usage_page() -> None:
    booked = set[str]()
    for source in Path(gateway_api.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "booked":
                booked |= {str(arg.value) for arg in node.args[2:3] if isinstance(arg, ast.Constant)}
    assert {"chat", "embeddings", "ocr"} <= booked
    wanted = {f"call.service.{one}" for one in booked} | {f"call.purpose.{p}" for p in get_args(gateway_api.Purpose)}
    assert not wanted - set(glossary.words())
