"""Small items for tests: a kind and what differs from the plain case."""

from pydantic import TypeAdapter

from shuyuan.learning.courses import interface

_ADAPTER: TypeAdapter[interface.Item] = TypeAdapter(interface.Item)


def item(kind: str, **fields: object) -> interface.Item:
    plain = {"id": "demo.one", "points": ["demo.point"], "prompt": "?", "kind": kind}
    return _ADAPTER.validate_python({**plain, **fields})


def single(**fields: object) -> interface.Item:
    choices = [
        {"id": "a", "text": "$x$", "correct": True},
        {"id": "b", "text": "$2x$", "misconception": "demo.doubles"},
        {"id": "c", "text": "$3x$"},
    ]
    return item("single", **{"choices": choices, **fields})


def multiple(**fields: object) -> interface.Item:
    choices = [
        {"id": "a", "text": "2", "correct": True},
        {"id": "b", "text": "4", "misconception": "demo.squares"},
        {"id": "c", "text": "3", "correct": True},
    ]
    return item("multiple", **{"choices": choices, **fields})
