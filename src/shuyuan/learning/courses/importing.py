"""Bring content into a school from a file or folder: our own course folders and OATutor problem sets."""

from __future__ import annotations

from pathlib import Path

from shuyuan.kernel import audit, errors
from shuyuan.learning.courses import files, interface, oatutor


def run(
    courses: interface.Courses, school_id: str, source: Path, *, dry_run: bool = False, by: str = audit.SYSTEM
) -> interface.ImportReport:
    """Read `source` and load what it holds. dry_run: read and check everything, store nothing."""
    if source.is_dir():
        content = files.load_folder(source)
        return interface.ImportReport(
            loaded=_load(courses, school_id, (content,), dry_run, by), items=len(content.items), dry_run=dry_run
        )
    if not source.is_file() or not source.name.endswith((".jsonl", ".jsonl.gz")):
        raise errors.BadInput(f'"{source}" is no course', fix="give a course folder or an OATutor .jsonl(.gz) file")
    found = oatutor.read_file(source)
    return interface.ImportReport(
        loaded=_load(courses, school_id, found.contents, dry_run, by),
        items=found.report.items,
        problems=found.report.imported + len(found.report.refused),
        imported=found.report.imported,
        refused=found.report.refused,
        dry_run=dry_run,
    )


def _load(
    courses: interface.Courses, school_id: str, contents: tuple[interface.Content, ...], dry_run: bool, by: str
) -> dict[str, bool]:
    return {content.course.id: dry_run or courses.load(school_id, content, by=by) for content in contents}
