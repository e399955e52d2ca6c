"""OATutor prose to our Markdown: `$$…$$` becomes `$…$`, everything that Markdown would read is escaped."""

from __future__ import annotations

import re

from shuyuan.learning.courses import interface

_FIGURE = re.compile(r"#+\s*[\w .-]*\.(?:gif|png|jpe?g|svg)\s*#*|#{2,}", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_<>\[\]#~|$])")
_LIST = re.compile(r"\n+(?=- )")


def prompt(*parts: str) -> str:
    """The parts as paragraphs; empty ones and repetitions left out."""
    texts = [_markdown(part) for part in parts]
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def explanation(answer: str) -> interface.Text:
    shown = _markdown(answer)
    return interface.Text(zh=f"答案：{shown}", en=f"Answer: {shown}") if shown else interface.Text()


def _markdown(text: str) -> str:
    segments = _FIGURE.sub("", text.replace("\\nf", "\\n f")).split("$$")
    if len(segments) % 2 == 0:  # a stray $$: the last piece is prose
        segments[-2:] = [segments[-2] + " " + segments[-1]]
    pieces = [_math(part) if index % 2 else _prose(part) for index, part in enumerate(segments)]
    joined = ""
    for piece in pieces:
        touching = joined and piece and (joined[-1].isdigit() or piece[0].isdigit()) and "$" in (joined[-1], piece[0])
        joined += f" {piece}" if touching else piece
    return re.sub(r"[ \t]+", " ", joined).strip()


def _prose(text: str) -> str:
    text = re.sub(r"\\n(?![a-z]{2,}\b(?:\{|$))", "\n\n", text)
    text = _SPECIAL.sub(r"\\\1", text.replace("\\$", "$"))
    return _LIST.sub("\n", text)


def _math(latex: str) -> str:
    bare = latex.strip()
    if not bare:
        return ""
    if set(bare) <= {"_", " "}:
        return "\\_" * 4
    return f"${bare}$"
