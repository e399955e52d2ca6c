"""Refusals in the reader's language: our own words by code, with the label of the field. The raw text is a detail."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import pass_context
from jinja2.runtime import Context
from pydantic import ValidationError

from shuyuan.kernel import errors
from shuyuan.web import glossary

Rule = Literal["name", "missing", "unknown", "bound", "between", "number", "choice", "long", "shares", "time", "wrong"]
Raw = errors.ShuyuanError | Mapping[str, str]  # what a child process refused is a mapping
_RULES: Mapping[str, Rule] = {
    "missing": "missing",
    "string_too_short": "missing",
    "extra_forbidden": "unknown",
    "literal_error": "choice",
    "enum": "choice",
    "string_too_long": "long",
    "too_long": "long",
}
_BOUNDS: Mapping[str, str] = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_NUMBERS = ("int_", "float_", "finite_number", "decimal_")
_SAID_BELOW = frozenset({"model_refused", "environment_missing", "cannot_do_step", "bad_config"})
_KINDS = (errors.BadInput, errors.Conflict, errors.NotFound, errors.RateLimited, errors.Unavailable)
_CONFIG = re.compile(r"(?:^|; )(?P<field>[\w.]+) is (?P<said>.{0,80}?): ")
_TAKES = re.compile(r"(?:integer|number)(?P<bounds>(?: (?:>=|<=|>|<) [-\w.+]+)*)")


class Misfilled(errors.BadInput):
    """A field of a form whose value is refused. bound: what it had to keep, in signs.  label: its name, where that is
    no word of ours (a column)."""

    def __init__(
        self, field: str, said: str, rule: Rule, bound: str = "", *, label: str = "", message: str, fix: str
    ) -> None:
        super().__init__(message, fix=fix)
        self.field, self.said, self.rule, self.bound, self.label = field, said, rule, bound, label


@dataclass(frozen=True)
class Told:
    """What a page says of a refusal. is_whole: whether it says all that the raw text does."""

    text: str
    is_whole: bool


def misfilled(wrong: ValidationError) -> Misfilled:
    """The first field that its type refuses: which, its value, the rule."""
    fault = wrong.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "form"
    said, context = fault["input"], fault.get("ctx", {})
    bounds = [f"{sign} {context[word]}" for word, sign in _BOUNDS.items() if word in context]
    field = next((str(part) for part in reversed(fault["loc"]) if isinstance(part, str)), "form")
    return Misfilled(
        field,
        str(said)[:60] if isinstance(said, str | int | float) else "",
        _rule(fault["type"], field, str(context.get("pattern", "")), bool(bounds)),
        " ".join(bounds),
        message=f"{place} is {repr(said)[:80]}: {fault['msg']}",
        fix=f"correct {place} and send it again",
    )


@pass_context
def refused(page: Context, error: Raw) -> Told:
    """For templates: in the language of the page."""
    return told(error, "en" if page.get("lang") == "en" else "zh")


def told(error: Raw, language: glossary.Language) -> Told:
    """What our own words say of it; those of its code, else those of its kind."""
    if isinstance(error, Misfilled):
        named = error.label or label(error.field, language)
        return Told(_form(language, error.rule, named, error.said, error.bound), error.rule != "wrong")
    told = error.to_dict() if isinstance(error, errors.ShuyuanError) else error
    code = told.get("code", "")
    if code == "bad_config" and (fields := _fields(told, language)):
        return Told(fields, True)
    key = f"workshop.why.{code}"
    if key in glossary.words():
        return Told(glossary.say(language, key), code not in _SAID_BELOW)
    kind = next((of.code for of in type(error).__mro__ if of in _KINDS), "other")
    return Told(glossary.say(language, f"workshop.why.{kind}"), False)


def label(field: str, language: glossary.Language) -> str:
    """What forms call a field; one without a label is called as it is.

    >>> label("epochs", "en"), label("no_such_field", "en")
    ('Epochs', 'no such field')
    """
    own = glossary.say_or(language, f"workshop.label.{field}", "")
    return own or glossary.say_or(language, f"workshop.field.{field}", field.replace("_", " "))


def _rule(kind: str, field: str, pattern: str, is_bound: bool) -> Rule:
    if kind == "string_pattern_mismatch":
        return "name" if pattern.startswith("^[a-z0-9]") else "wrong"
    if is_bound and kind.startswith(("greater_", "less_")):
        return "bound"
    if kind.startswith(_NUMBERS):
        return "number"
    if kind == "value_error" and field in ("split", "shares"):
        return "shares"
    return _RULES.get(kind, "wrong")


def _form(language: glossary.Language, rule: str, named: str, said: str, bound: str) -> str:
    values: dict[str, Any] = {"field": named, "said": said, "bound": bound}  # Any: texts
    return glossary.say(language, f"workshop.form.{rule}", **values)


def _fields(error: Mapping[str, str], language: glossary.Language) -> str:
    """Each setting that its task refuses, with its bounds where it has some."""
    found = list[str]()
    for one in _CONFIG.finditer(error.get("message", "")):
        field = one["field"].split(".")[0]
        named = label(field, language)
        takes = re.search(rf"(?:^|; ){re.escape(field)}: {_TAKES.pattern}", error.get("fix", ""))
        bounds = takes["bounds"].strip().replace(">=", "≥").replace("<=", "≤") if takes else ""
        found.append(_form(language, "bound" if bounds else "wrong", named, one["said"].strip("'"), bounds))
    return " ".join(found)
