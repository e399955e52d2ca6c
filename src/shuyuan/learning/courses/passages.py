"""Cut a lesson's Markdown into citable passages: one per `## heading {#id}`, the same in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shuyuan.learning.courses import interface

_HEADING = re.compile(r"^##\s+(.*?)\s*(?:\{#([a-z0-9-]+)\})?\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(slots=True)
class _Section:
    id: str
    title: str
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


def read(course: str, zh: str, en: str) -> tuple[list[interface.Passage], str]:
    """Passages of a lesson and, when both languages do not fit together, what differs."""
    chinese, english = _sections(zh), _sections(en)
    ids, others = [section.id for section in chinese], [section.id for section in english]
    if zh and en and ids != others:
        return [], f"zh has {', '.join(ids) or 'none'} but en has {', '.join(others) or 'none'}"
    longest = max(chinese, english, key=len)
    by_id = ({section.id: section for section in chinese}, {section.id: section for section in english})
    return [_passage(course, section.id, by_id[0], by_id[1]) for section in longest], ""


def _passage(
    course: str, passage_id: str, chinese: dict[str, _Section], english: dict[str, _Section]
) -> interface.Passage:
    none = _Section(passage_id, "", [])
    zh, en = chinese.get(passage_id, none), english.get(passage_id, none)
    return interface.Passage(
        id=f"{course}.{passage_id}",
        title=interface.Text(zh=zh.title, en=en.title),
        text=interface.Text(zh=zh.text, en=en.text),
    )


def _sections(markdown: str) -> list[_Section]:
    """Sections in order; text before the first `##` becomes `intro` unless it is only a `# title`."""
    found = [_Section("intro", "", [])]
    fenced = False
    for line in markdown.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            found.append(_Section(heading[2] or f"part-{len(found)}", heading[1], []))
        elif not (line.startswith("# ") and len(found) == 1):
            found[-1].lines.append(line)
    return [section for section in found if section.text or section.title]
