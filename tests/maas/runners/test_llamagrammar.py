"""Which objects are closed before a grammar is made, and what is known of one that has no answer."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shuyuan.maas.runners import interface, llamagrammar, llamaprobe

NEVER = threading.Event()
ONE: Mapping[str, object] = {"type": "object", "properties": {"a": {"const": 1}}}


def made(schema: Mapping[str, object]) -> dict[str, Any]:  # Any: JSON
    """What the engine is given, without how blanks are written."""
    told: dict[str, Any] = json.loads(llamagrammar.of(schema).split("%json ", 1)[1])
    assert told.pop("x-guidance")
    return told


def test_an_object_holds_what_is_named_and_what_is_required() -> None:
    assert made(ONE) == {**ONE, "additionalProperties": False}
    asked = {**ONE, "required": ["a", "z"]}
    properties = {"a": {"const": 1}, "z": {}}
    assert made(asked) == {**asked, "properties": properties, "additionalProperties": False}
    assert made({**asked, "additionalProperties": True})["properties"] == ONE["properties"]


def test_parts_that_speak_of_the_same_object_stay_open() -> None:
    other = {"properties": {"b": {"type": "object", "properties": {}}}, "required": ["b"]}
    besides: list[dict[str, object]] = [{"properties": {"a": {}}}, {"required": ["a"]}]
    for beside in besides:
        (branch,) = made({**beside, "anyOf": [{"anyOf": [other]}]})["anyOf"]
        assert branch["anyOf"][0].keys() == other.keys()
        assert branch["anyOf"][0]["properties"]["b"]["additionalProperties"] is False
    assert "additionalProperties" not in made({"properties": {"a": {}}, "anyOf": [other]})
    alone = made({"type": "object", "anyOf": [other]})["anyOf"]
    assert alone[0]["additionalProperties"] is False


class Says:
    """Answers a probe with what a model would have written."""

    def __init__(self, *said: interface.Chunk) -> None:
        self.said, self.asked = said, list[dict[str, object]]()

    def __call__(self, request: dict[str, object], _: interface.Cancellation) -> Iterator[interface.Chunk]:
        self.asked.append(request)
        return iter(self.said)


@pytest.mark.parametrize(
    ("said", "reason", "holds"),
    [
        ('{"x', "length", True),
        ("", "length", True),  # half a letter of UTF-8
        ("x", "length", False),
        (" x", "length", False),
        ("", "stop", False),
    ],
)
def test_a_grammar_is_asked_about_once(said: str, reason: interface.FinishReason, holds: bool) -> None:
    ask = Says(interface.Chunk(text=said), interface.Chunk(finish_reason=reason))
    probe = llamaprobe.Probe(ask)
    for _ in range(2):
        if holds:
            probe.require("g", NEVER)
        else:
            with pytest.raises(interface.BadPayload, match="no answer can keep to this schema"):
                probe.require("g", NEVER)
    assert [request["grammar"] for request in ask.asked] == ["g"]


def test_nothing_is_learnt_from_a_caller_who_left() -> None:
    ask = Says(interface.Chunk(finish_reason="cancelled"))
    probe = llamaprobe.Probe(ask)
    for _ in range(2):
        probe.require("g", NEVER)
    assert len(ask.asked) == 2
