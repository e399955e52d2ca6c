"""Read a course from its files (YAML and Markdown) into `Content`, or say exactly what is wrong and where.

Takes a folder or a mapping from relative path to text, so an upload and a folder are read by the same code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from shuyuan.learning.courses import checks, interface, passages, strict_yaml
from shuyuan.learning.courses.grading import grader

MAX_FILE_BYTES = 1_000_000
MAX_FILES = 500
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ITEM: TypeAdapter[interface.Item] = TypeAdapter(interface.Item)

Raw = dict[str, object]


def load_folder(folder: Path, judge: grader.Grader | None = None) -> interface.Content:
    """Load and check `content/<course>/`. Raises ContentRefused with every fault found."""
    paths = [path for pattern in ("*.yaml", "items/*.yaml", "lessons/*.md") for path in sorted(folder.glob(pattern))]
    big = [path for path in paths if path.stat().st_size > MAX_FILE_BYTES]
    if big or len(paths) > MAX_FILES:
        name = big[0].name if big else folder.name
        limit = f"{MAX_FILES} files of {MAX_FILE_BYTES} bytes"
        raise interface.ContentRefused([_fault(name, "size", "too large", f"at most {limit}")])
    return load({path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}, judge)


def load(files: Mapping[str, str], judge: grader.Grader | None = None) -> interface.Content:
    """Load and check a course given as relative path → text. `judge`: a grader to share; None makes one."""
    reader = _Reader(files)
    course = reader.course()
    items, origins = reader.items(course.id) if course else ((), {})
    if course is None or reader.faults:
        raise interface.ContentRefused(reader.faults)
    content = interface.Content(course=course, items=items)
    own = judge or grader.Grader()
    try:
        found = checks.check(content, own)
    finally:
        if judge is None:
            own.close()
    if found:
        raise interface.ContentRefused([_located(fault, origins) for fault in found])
    return content


def _located(fault: interface.Fault, origins: Mapping[str, str]) -> interface.Fault:
    item_id = fault.where.removeprefix("item ").split(",")[0].split(" ")[0]
    return fault.model_copy(update={"file": origins.get(item_id, "course.yaml")})


class _Reader:
    """Collects faults instead of stopping at the first."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self.faults: list[interface.Fault] = []

    def course(self) -> interface.Course | None:
        raw = self._yaml("course.yaml")
        if not isinstance(raw, dict):
            self._refuse("course.yaml", "file", "is missing or no mapping", "write slug, version, title, points, units")
            return None
        slug = self._slug(raw, "course.yaml", "course")
        fields = {key: value for key, value in raw.items() if key not in ("slug", "units", "points", "misconceptions")}
        fields["id"] = slug
        fields["misconceptions"] = [self._named(slug, part) for part in self._parts(raw, "misconceptions")]
        fields["points"] = [self._named(slug, part, refers=("requires",)) for part in self._parts(raw, "points")]
        fields["units"] = [self._unit(slug, part) for part in self._parts(raw, "units")]
        try:
            return interface.Course.model_validate(fields)
        except ValidationError as error:
            self.faults.extend(_explained("course.yaml", "", error))
            return None

    def items(self, course: str) -> tuple[tuple[interface.Item, ...], dict[str, str]]:
        """The items and, for messages, the file each came from."""
        found: list[interface.Item] = []
        origins: dict[str, str] = {}
        for file in sorted(name for name in self._files if name.startswith("items/")):
            raw = self._yaml(file)
            for index, part in enumerate(raw if isinstance(raw, list) else []):
                item = self._item(course, file, index, part)
                if item:
                    found.append(item)
                    origins[item.id] = file
            if raw is not None and not isinstance(raw, list):
                self._refuse(file, "file", "is not a list of items", "start each item with - id:")
        return tuple(found), origins

    def _item(self, course: str, file: str, index: int, raw: object) -> interface.Item | None:
        if not isinstance(raw, dict):
            self._refuse(file, f"item number {index + 1}", "is not a mapping", "write id, points, kind, prompt")
            return None
        slug = self._slug(raw | {"slug": raw.get("id")}, file, f"item number {index + 1}")
        fields = {**raw, "id": f"{course}.{slug}"}
        _refer(course, fields, "points", "passage")
        for key in ("choices", "wrong"):
            if isinstance(raw.get(key), list):
                fields[key] = [
                    _refer(course, dict(part), "misconception") for part in raw[key] if isinstance(part, dict)
                ]
        try:
            return _ITEM.validate_python(fields)
        except ValidationError as error:
            self.faults.extend(_explained(file, f"item {slug}", error))
            return None

    def _unit(self, course: str, raw: Raw) -> Raw:
        fields = self._named(course, raw)
        fields["lessons"] = [self._lesson(course, part) for part in self._parts(raw, "lessons")]
        return fields

    def _lesson(self, course: str, raw: Raw) -> Raw:
        fields = self._named(course, raw, refers=("points",))
        stem = fields.pop("text", None)
        if isinstance(stem, str):
            texts = {language: self._files.get(f"{stem}.{language}.md") for language in grader.LANGUAGES}
            for language, text in texts.items():
                if text is None:
                    self._refuse(f"{stem}.{language}.md", "file", "is missing", "write the lesson in both languages")
            fields["passages"], problem = passages.read(course, texts["zh"] or "", texts["en"] or "")
            if problem:
                self._refuse(
                    f"{stem}.*.md", "headings", problem, "give both languages the same {#ids} in the same order"
                )
        return fields

    def _named(self, course: str, raw: Raw, refers: tuple[str, ...] = ()) -> Raw:
        fields = dict(raw)
        fields["id"] = f"{course}.{self._slug(raw, 'course.yaml', 'entry')}"
        fields.pop("slug", None)
        return _refer(course, fields, *refers)

    def _parts(self, raw: Raw, key: str) -> Iterator[Raw]:
        """The mappings in a list field."""
        parts = raw.get(key) or []
        if not isinstance(parts, list):
            self._refuse("course.yaml", key, "is not a list", f"start each of the {key} with a dash")
            return
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                yield part
            else:
                self._refuse("course.yaml", f"{key}[{index}]", "is not a mapping", "write slug: and its fields")

    def _slug(self, raw: Raw, file: str, where: str) -> str:
        slug = raw.get("slug")
        if isinstance(slug, str) and len(slug) <= 80 and _SLUG.fullmatch(slug):
            return slug
        self._refuse(file, where, f'"{slug}" is not a name', "use small letters, digits and single dashes, up to 80")
        return "unnamed"

    def _yaml(self, file: str) -> object:
        if file not in self._files:
            return None
        try:
            return strict_yaml.read(self._files[file])
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or "is not YAML"
            self._refuse(file, _line(error), f"is not YAML: {problem}", "look at the quotes and the indentation there")
            return None

    def _refuse(self, file: str, where: str, problem: str, fix: str) -> None:
        self.faults.append(_fault(file, where, problem, fix))


def _refer(course: str, fields: Raw, *keys: str) -> Raw:
    """Turn slugs in the named fields into ids of this course."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str):
            fields[key] = f"{course}.{value}"
        elif isinstance(value, list):
            fields[key] = [f"{course}.{name}" for name in value]
    return fields


def _explained(file: str, where: str, error: ValidationError) -> Iterator[interface.Fault]:
    kinds = {"single", "multiple", "numeric", "text", "expression"}
    for detail in error.errors():
        field = ".".join(str(part) for part in detail["loc"] if part not in kinds) or "kind"
        fix = {"missing": f"add {field}", "extra_forbidden": "remove it or correct its spelling"}.get(detail["type"])
        place = f"{where}, {field}" if where else field
        yield _fault(file, place, detail["msg"].lower(), fix or f"got {str(detail['input'])[:60]!r}: correct it")


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}" if mark else "file"


def _fault(file: str, where: str, problem: str, fix: str) -> interface.Fault:
    return interface.Fault(file=file, where=where, problem=problem, fix=fix)
