"""Markdown with mathematics to clean HTML with MathML: the renderer belongs to courses; this is the pages' door to it."""

from shuyuan.learning.courses import rendering


def html(markdown: str) -> str:
    """A whole text, sanitised."""
    return rendering.html(markdown)


def inline(markdown: str) -> str:
    """One line, sanitised."""
    return rendering.inline(markdown)
