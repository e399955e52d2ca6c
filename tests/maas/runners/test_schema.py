"""A thousand hostile schemas: each is refused in words, or llama.cpp's engine compiles it and the model lives on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.maas import starter_files

import shuyuan
from shuyuan.maas.runners import interface, schema


def nested(levels: int) -> object:
    inner: object = {"type": "integer"}
    for _ in range(levels):
        inner = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return inner


def doubling(levels: int) -> object:
    defs = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**defs, f"d{levels}": {"type": "integer"}}, "$ref": "#/$defs/d0"}


HOSTILE: dict[str, object] = {
    "deep": nested(20),
    "deeper than Python": nested(900),
    "doubling references": doubling(25),
    "itself": {"$ref": "#"},
    "a circle": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "a tree": {"$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"},
    "a file": {"$ref": "file:///etc/passwd"},
    "an address": {"$ref": "https://example.org/s.json"},
    "nobody": {"$ref": "#/$defs/nobody"},
    "a huge enum": {"enum": [str(n) for n in range(5_000)]},
    "a long constant": {"const": "x" * 50_000},
    "limits the wrong way": {"type": "array", "items": {}, "minItems": 5, "maxItems": 2},
    "letters the wrong way": {"type": "string", "minLength": 5, "maxLength": 1},
    "a million items": {"type": "array", "items": {}, "minItems": 1_000_000},
    "a negative limit": {"type": "string", "minLength": -1},
    "a limit that is no number": {"type": "integer", "minimum": "a"},
    "a number without end": {"type": "number", "minimum": float("inf")},
    "arrays of arrays": {"type": "array", "maxItems": 900, "items": {"type": "array", "maxItems": 900, "items": {}}},
    "repeats of repeats": {"type": "string", "pattern": "^((a*)*)*$"},
    "counted repeats of repeats": {"type": "string", "pattern": "^((a{100}){100}){100}$"},
    "a hundred thousand letters": {"type": "string", "pattern": "^a{100000}$"},
    "looking back": {"type": "string", "pattern": r"^(a)\1$"},
    "looking ahead": {"type": "string", "pattern": "^(?=a)b$"},
    "no pattern": {"type": "string", "pattern": "^(a$"},
    "not a schema": [],
    "true": True,
    "unknown type": {"type": "foo"},
    "type of a map": {"type": [{}]},
    "format of a map": {"format": {}},
    "not": {"not": {"type": "integer"}},
    "items false": {"type": "array", "items": False},
    "half a surrogate": {"const": "\ud800"},
    "control characters": {"type": "object", "properties": {"a\0b": {}}},
    "many properties": {"type": "object", "properties": {f"p{n}": {} for n in range(2_000)}},
    "required and not allowed": {"properties": {"a": {}}, "required": ["a", "z"], "additionalProperties": False},
    "too many places": {"type": "array", "prefixItems": [{}] * 3, "maxItems": 1},
}

LEAF = st.sampled_from(
    [
        {},
        {"type": "integer", "minimum": -5, "maximum": 9},
        {"type": "number", "exclusiveMinimum": 0.5, "maximum": 0.75},
        {"type": "integer", "minimum": 0.2, "maximum": 0.8},
        {"type": "string", "maxLength": 2_000},
        {"type": "string", "minLength": 3, "pattern": "^[a-z]{2,8}$"},
        {"type": "string", "pattern": "^(?:ab|cd){1,500}x?$"},
        {"type": "string", "pattern": r"[^\"\\]+\d{3}"},
        {"type": "string", "format": "date-time"},
        {"type": ["null", "boolean"]},
        {"enum": ["::= root", '"', "中文", None, 1.5, True]},
        {"enum": [f"word {n}" for n in range(400)]},
        {"const": '\\ \n " {}'},
        {"type": "integer", "enum": ["a"]},
        {"$ref": "#/$defs/d"},
        {"pattern": "^a{3}$", "maxLength": 2, "type": "string"},
    ]
)
NAME = st.sampled_from(["a", "b", '"', "::=", "中文", "x" * 90])
LIMIT = st.integers(0, 1_000)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.dictionaries(NAME, inner, max_size=5).flatmap(
            lambda given: st.builds(
                lambda names, more: {
                    "type": "object", "properties": given, "required": names, "additionalProperties": more,
                },
                st.lists(NAME, unique=True, max_size=3),
                st.one_of(st.booleans(), inner),
            )
        ),
        st.builds(lambda i, a, b: {"type": "array", "items": i, "minItems": a, "maxItems": b}, inner, LIMIT, LIMIT),
        st.lists(inner, min_size=1, max_size=5).map(lambda found: {"anyOf": found}),
        st.lists(inner, min_size=1, max_size=4).map(lambda found: {"type": "array", "prefixItems": found}),
    ),
    max_leaves=25,
)  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "enum", "items", "anyOf", "properties", "$ref", "pattern"]), inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_is_refused_in_words(hostile: object) -> None:
    with pytest.raises(interface.BadPayload) as told:
        schema.check(hostile)
    assert told.value.fix
    assert len(told.value.message) < 600


@given(JUNK)
def test_junk_is_refused_or_copied_and_never_raises_anything_else(junk: object) -> None:
    try:
        clean = schema.check(junk)
    except interface.BadPayload:
        return
    assert schema.check(clean) == clean


def test_what_a_programmer_writes_passes() -> None:
    written = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Quiz",
        "type": "object",
        "$defs": {"q": {"type": "object", "properties": {"text": {"type": "string", "description": "words"}}}},
        "properties": {
            "questions": {"type": "array", "items": {"$ref": "#/$defs/q"}, "minItems": 1, "maxItems": 20},
            "level": {"oneOf": [{"const": 1}, {"const": 2}]},
            "code": {"type": "string", "pattern": r"^[A-Z]{2}-\d{3,5}$"},
        },
        "required": ["questions"],
        "additionalProperties": False,
    }
    clean = schema.check(written)
    assert clean["properties"]["questions"]["items"]["properties"] == {"text": {"type": "string"}}  # type: ignore[index]
    assert clean["properties"]["level"] == {"anyOf": [{"const": 1}, {"const": 2}]}  # type: ignore[index]


@pytest.fixture(scope="module")
def passed() -> list[dict[str, object]]:
    """What the walker lets through of a thousand generated trees."""
    found: list[dict[str, object]] = []

    @settings(max_examples=1_000, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(TREE)
    def collect(tree: object) -> None:
        try:
            found.append(schema.check({"$defs": {"d": {"type": "array", "items": {}}}, "anyOf": [tree]}))
        except interface.BadPayload:
            return

    collect()
    return found


_COMPILES = """
import json, os, sys, threading
from pathlib import Path
from shuyuan.maas.runners import interface, llama
runner = llama.LlamaRunner()
runner.load(Path(sys.argv[1]), context_tokens=256, threads=1)
never = threading.Event()
for line in sys.stdin:
    payload = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "json_schema": json.loads(line)}
    try:
        said = list(runner.submit("chat", payload, never))[-1].finish_reason
    except interface.BadPayload as wrong:
        said = "refused"
    print(said, flush=True)
os._exit(0)
"""


@pytest.mark.timeout(600)
def test_the_engine_compiles_what_passes_and_the_worker_lives_on(passed: list[dict[str, object]]) -> None:
    assert len(passed) > 300
    path = starter_files.require("tiny").locate("tiny").path
    hardest = sorted(passed, key=lambda one: -len(json.dumps(one)))[:40] + passed[:60]
    source = str(Path(str(shuyuan.__file__)).parent.parent)
    child = subprocess.run(
        [sys.executable, "-c", _COMPILES, str(path)],
        input="\n".join(json.dumps(one) for one in hardest),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        timeout=580,
    )
    said = child.stdout.split()
    assert child.returncode == 0, child.stderr[-500:]
    assert len(said) == len(hardest)
    assert said.count("refused") < 0.2 * len(said)
