"""What people write to mean a version, and what they hear when it means none: what there is, and what to do.

`models:/digits@trial` an alias, `models:/digits/2` a version, `digits` the alias champion; `models:/` may be left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shuyuan.maas.catalogue import interface, starters

_REFERENCE = re.compile(r"(?:models:/)?(?P<model>[\w.-]+)(?:/(?P<number>[0-9]{1,9})|@(?P<alias>[\w.-]+))?")
_SHOWN, _SHOWN_CHARS = 12, 160


@dataclass(frozen=True, slots=True)
class Reference:
    """A model and one of its versions: by number, else by alias."""

    model: str
    number: int | None
    alias: str

    @classmethod
    def parse(cls, written: str) -> "Reference | None":
        """None for what can mean nothing.

        >>> Reference.parse("digits@trial")
        Reference(model='digits', number=None, alias='trial')
        """
        parts = _REFERENCE.fullmatch(written)
        if parts is None:
            return None
        number = int(parts["number"]) if parts["number"] else None
        return cls(parts["model"], number, parts["alias"] or interface.CHAMPION)


def servable(
    versions: Sequence[interface.Version], aliases: Mapping[tuple[str, str, str], str], school_id: str
) -> list[interface.Servable]:
    """Each version that a reference of this school means, once: by champion, else by another alias, else by number.

    versions: by model, newest first.  aliases: (school, model, alias) → id of the version it points to.
    """
    meant = {(model, alias): id_ for (whose, model, alias), id_ in aliases.items() if whose == interface.SHARED}
    meant |= {(model, alias): id_ for (whose, model, alias), id_ in aliases.items() if whose == school_id}
    names = dict[str, str]()  # id → name
    for (model, alias), id_ in sorted(meant.items(), key=lambda one: one[0][1] != interface.CHAMPION):
        names.setdefault(id_, model if alias == interface.CHAMPION else f"{model}@{alias}")
    own = {(one.model, one.number) for one in versions if one.school_id == school_id}
    for one in versions:
        if one.school_id == school_id or (one.model, one.number) not in own:
            names.setdefault(one.id, short(one.model, one.number))
    return [interface.Servable(name=names[one.id], version=one) for one in versions if one.id in names]


def short(model: str, number: int) -> str:
    """The way to write a version that needs no colon."""
    return f"{model}/{number}"


def unknown_model(written: str, registered: Sequence[str] = ()) -> interface.UnknownModel:
    """No model has this name. registered: models with versions that whoever asks may call."""
    model = written.removeprefix("models:/").partition("/")[0].partition("@")[0]
    if model in starters.ENTRIES and model != written:
        return interface.UnknownModel(f"{model!r} is a starter: it has no versions, no aliases", fix=f"write {model}")
    return interface.UnknownModel(
        f"there is no model {written[:_SHOWN_CHARS]!r}", fix=f"use one of {_some([*registered, *starters.ENTRIES])}"
    )


def unknown_version(wanted: Reference, numbers: Sequence[int], aliases: Mapping[str, int]) -> interface.UnknownModel:
    """The model is there, this version or alias of it is not. numbers: ascending, at least one."""
    model, newest = wanted.model, numbers[-1]
    there = f"versions: {_some([str(number) for number in numbers])}"
    named = "; aliases: " + _some([f"{alias} → {number}" for alias, number in aliases.items()]) if aliases else ""
    if wanted.number is not None:
        return interface.UnknownModel(
            f"there is no version {wanted.number} of {model!r}; {there}{named}", fix=f"write {short(model, newest)}"
        )
    if wanted.alias == interface.CHAMPION:
        return interface.UnknownModel(
            f"{model!r} has no champion: none of its versions is in use; {there}{named}",
            fix=f"write {short(model, newest)}; or an administrator chooses: page Models, or "
            f'`shuyuan promote {model} --version {newest} --by ADMINISTRATOR --reason "why"`',
        )
    return interface.UnknownModel(
        f"{model!r} has no alias {wanted.alias[:64]!r}; {there}{named}",
        fix=f"write {short(model, newest)}, or point it: POST /api/models/{model}/aliases/{wanted.alias[:64]}",
    )


def _some(words: Sequence[str]) -> str:
    """The last of them, in order."""
    return ("… " if len(words) > _SHOWN else "") + ", ".join(words[-_SHOWN:])
