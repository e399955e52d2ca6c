"""Expression answers: the same text is right at once; everything else is judged in the grader child."""

from __future__ import annotations

from collections.abc import Sequence

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import grammar, sandbox


def grade(
    child: sandbox.Sandbox,
    answer: str,
    key: str,
    wrong: Sequence[tuple[str, str]],
    variables: Sequence[str],
    form: interface.Form,
) -> interface.Verdict:
    """`key` must have passed `checks`; so its own text is correct in value and in form."""
    if len(answer) > grammar.MAX_CHARACTERS:
        return _too_long(len(answer))
    if " ".join(answer.split()) == " ".join(key.split()):
        return interface.Verdict(correct=True, normalised=answer.strip())
    return judged(child, answer, key, wrong, variables, form)


def judged(
    child: sandbox.Sandbox,
    answer: str,
    key: str,
    wrong: Sequence[tuple[str, str]],
    variables: Sequence[str],
    form: interface.Form,
) -> interface.Verdict:
    """The verdict of the grader child, without the short cut."""
    texts = [text for text, _ in wrong]
    said = child.ask({"answer": answer, "key": key, "wrong": texts, "variables": list(variables), "form": form})
    index = said["wrong"]
    return interface.Verdict(
        correct=said["outcome"] == "correct",
        malformed=said["outcome"] == "malformed",
        misconception=wrong[index][1] if index is not None else None,
        normalised=said["normalised"],
        reason=interface.Text(zh=said["zh"], en=said["en"]) if said["en"] else None,
    )


def _too_long(characters: int) -> interface.Verdict:
    reason = interface.Text(
        zh=f"答案有 {characters} 个字符，最多 {grammar.MAX_CHARACTERS} 个：请化简后再写",
        en=f"the answer has {characters} characters, at most {grammar.MAX_CHARACTERS} are read: write it shorter",
    )
    return interface.Verdict(correct=False, malformed=True, reason=reason)
