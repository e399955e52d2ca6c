"""Forms from a JSON schema: what to ask, in the reader's language, and what was answered. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shuyuan.web import glossary
from shuyuan.web.pages.workshop import refusals

Asks = Literal["number", "integer", "choice", "check", "list", "json", "text"]
PREFIX = "c."  # before the names of these fields in a form
FIRST = (
    "epochs",
    "batch",
    "rate",
    "hidden",
    "net",
    "clusters",
    "optimiser",
    "share",
    "student",
    "rows",
)  # shown openly
_Json = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Field:
    """One question. help_language: of the help, which a task gives in English; hidden away unless `open`."""

    name: str
    label: str
    help: str
    help_language: str
    asks: Asks
    value: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    open: bool = False

    @property
    def input(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name


def fields(schema: _Json, language: glossary.Language, given: Mapping[str, str] = {}) -> list[Field]:
    """The questions of a schema, the most asked first. given: what was typed before, by field name."""
    made = [_field(name, told, language, given.get(name)) for name, told in schema.get("properties", {}).items()]
    return sorted(made, key=lambda one: FIRST.index(one.name) if one.open else len(FIRST))


def values(schema: _Json, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a form said, typed; an empty field takes the default. Raises BadInput naming field and value."""
    found: dict[str, Any] = {}
    for name, told in schema.get("properties", {}).items():
        said = form.get(PREFIX + name)
        asks = _asks(told)
        if asks == "check":
            if f"{PREFIX}{name}.there" in form:
                found[name] = bool(said)
        elif said and (said[0].strip() or asks == "list"):
            found[name] = _value(name, asks, kind_of(told), said[0].strip())
    return found


def typed(form: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What was typed, by field name, to show it again."""
    return {name.removeprefix(PREFIX): said[0] for name, said in form.items() if name.startswith(PREFIX) and said}


def told(schema: _Json, config: _Json) -> dict[str, list[str]]:
    """A config as its form would say it: the fields that the schema knows."""
    return {PREFIX + name: [_shown(config[name])] for name in schema.get("properties", {}) if name in config}


def _field(name: str, told: _Json, language: glossary.Language, given: str | None) -> Field:
    kind, known = kind_of(told), glossary.words()
    label, spoken = f"workshop.field.{name}", f"workshop.help.{name}"
    is_ours = language == "zh" and spoken in known
    return Field(
        name=name,
        label=glossary.say(language, label) if label in known else name.replace("_", " "),
        help=glossary.say(language, spoken) if is_ours else str(told.get("description", "")),
        help_language="zh-CN" if is_ours else "en",
        asks=_asks(told),
        value=_shown(told.get("default")) if given is None else given,
        choices=tuple(map(str, kind.get("enum", ()))),
        minimum=kind.get("minimum"),
        maximum=kind.get("maximum"),
        open=name in FIRST,
    )


def kind_of(told: _Json) -> _Json:
    """The schema of a field itself, or the first real alternative of `anyOf`."""
    return next((one for one in told.get("anyOf", ()) if one.get("type") != "null"), told)


def _asks(told: _Json) -> Asks:
    kind = kind_of(told)
    if "enum" in kind:
        return "choice"
    if kind.get("type") == "array" and "$ref" not in kind.get("items", {}):
        return "list"
    simple: Mapping[str, Asks] = {"number": "number", "integer": "integer", "boolean": "check", "string": "text"}
    return simple.get(str(kind.get("type")), "json")


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return "1" if default else ""
    if isinstance(default, (list, tuple)) and all(isinstance(one, (int, float, str)) for one in default):
        return ", ".join(map(str, default))
    return json.dumps(default) if isinstance(default, (list, dict)) else str(default)


def _value(name: str, asks: Asks, kind: _Json, said: str) -> object:
    try:
        if asks == "list":
            number = kind.get("items", {}).get("type") in ("integer", "number")
            return [
                number_of(one) if number else one for one in said.replace("，", ",").replace(" ", ",").split(",") if one
            ]
        if asks in ("number", "integer"):
            return number_of(said)
        return json.loads(said) if asks == "json" else said
    except (ValueError, RecursionError) as wrong:
        wanted = {"json": "JSON", "list": "numbers with commas between them"}.get(asks, "a number")
        raise refusals.Misfilled(
            name,
            said[:60],
            "wrong" if asks == "json" else "number",
            message=f"{name} is {said[:60]!r}",
            fix=f"write {wanted} into {name}",
        ) from wrong


def number_of(said: str) -> float:
    """A whole number where it is written as one. Raises ValueError."""
    return int(said) if said.removeprefix("-").isdecimal() else float(said)
