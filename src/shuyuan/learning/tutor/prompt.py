"""What the model is told: its manners, the lesson, the question, the learner's own
last wrong answer and the hint they already have. Never the key.

Short on purpose: on two cores a prompt costs a second for every fifty tokens before the first word.
"""

from collections.abc import Sequence

from shuyuan.identity.interface import Language
from shuyuan.learning.courses.interface import Question
from shuyuan.learning.tutor import guard, interface
from shuyuan.maas.gateway.interface import Message

COMPLETION_TOKENS = 160
_EARLIER_CHARS = 240  # of each earlier message
_MANNERS: dict[Language, str] = {
    "zh": "你是耐心的学习伙伴。只用中文，最多三句短话。根据课文解释学生不懂的那一步，最后问一个小问题，让他自己往下走。"
    "绝不说出最后的答案，不说选哪一项，不评判对错。",
    "en": "You are a patient study partner. Answer in English, in at most three short sentences. Use the lesson to "
    "explain the one step the student asks about, then ask one small question so that they go on by themselves. "
    "Never state the final answer, never name the right choice, never judge right or wrong.",
}
_LABELS: dict[Language, tuple[str, str, str, str, str]] = {
    "zh": ("课文", "题目", "选项", "学生写的（不对）", "学生已看到的提示"),
    "en": ("Lesson", "Question", "Choices", "What the student answered (not right)", "Hint the student has"),
}


def messages(
    question: Question,
    language: Language,
    *,
    excerpt: str,
    mistake: str,
    hint: str,
    message: str,
    earlier: Sequence[interface.Turn],
) -> list[Message]:
    """The conversation as the model sees it; `earlier` turns come oldest first."""
    told: list[Message] = [
        {"role": "system", "content": _MANNERS[language] + "\n\n" + _scene(question, language, excerpt, mistake, hint)}
    ]
    for turn in earlier:
        told.append({"role": "user", "content": turn.message[:_EARLIER_CHARS]})
        told.append({"role": "assistant", "content": turn.answer[:_EARLIER_CHARS] or "…"})
    return [*told, {"role": "user", "content": message}]


def _scene(question: Question, language: Language, excerpt: str, mistake: str, hint: str) -> str:
    lesson, asked, choices, wrong, known = _LABELS[language]
    lines = [f"{lesson}: {excerpt}"] if excerpt else []
    lines.append(f"{asked}: {question.prompt}")
    if question.choices:
        listed = "; ".join(f"{guard.LETTERS[n]}. {choice.text}" for n, choice in enumerate(question.choices))
        lines.append(f"{choices}: {listed}")
    if mistake:
        lines.append(f"{wrong}: {mistake}")
    if hint:
        lines.append(f"{known}: {hint}")
    return "\n".join(lines)
