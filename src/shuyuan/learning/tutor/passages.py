"""Find what the lesson says about a question: its own passage first, then the sentences nearest to what was asked."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.identity.interface import Language
from shuyuan.learning.courses.interface import Course, Lesson, Passage, Question
from shuyuan.learning.tutor import interface
from shuyuan.science import text

EXCERPT_CHARS: dict[Language, int] = {"zh": 220, "en": 520}  # about 130 tokens: two seconds of reading on two cores
_OWN = 0.35  # added for the passage the item names: it wins unless another fits far better


@dataclass(frozen=True)
class Found:
    """A passage, where it stands, and how near it is to the question."""

    lesson: Lesson
    passage: Passage
    nearness: float

    def source(self, language: Language) -> interface.Source:
        title = self.passage.title.of(language) or self.lesson.title.of(language)
        return interface.Source(self.lesson.id, self.passage.id, title)


def candidates(course: Course, question: Question) -> list[tuple[Lesson, Passage]]:
    """Passages of the lessons that teach the points of the item, or that hold its own passage."""
    return [
        (lesson, passage)
        for lesson in course.lessons
        for passage in lesson.passages
        if set(lesson.points) & set(question.points) or _is_own(passage, question)
    ]


def rank(
    course: Course, question: Question, message: str, language: Language, nearness: Sequence[float] | None = None
) -> list[Found]:
    """Best first. nearness: one number for each candidate (cosines of embeddings); None: shared words."""
    placed = candidates(course, question)
    if nearness is None:
        asked = f"{message} {question.prompt}"
        nearness = [_shared(asked, passage.text.of(language)) for _, passage in placed]
    found = [
        Found(lesson, passage, near + _OWN * _is_own(passage, question))
        for (lesson, passage), near in zip(placed, nearness, strict=True)
    ]
    return sorted(found, key=lambda one: -one.nearness)


def excerpt(found: Found, message: str, language: Language) -> str:
    """The sentences of a passage that fit into the prompt: those nearest to the message, in their order."""
    sentences = [one.strip() for one in text.split_sentences(found.passage.text.of(language)) if one.strip()]
    ranked = sorted(range(len(sentences)), key=lambda n: (-_shared(message, sentences[n]), n))
    kept, left = [], EXCERPT_CHARS[language]
    for n in ranked:
        if len(sentences[n]) <= left:
            kept.append(n)
            left -= len(sentences[n])
    return ("" if language == "zh" else " ").join(sentences[n] for n in sorted(kept))


def _is_own(passage: Passage, question: Question) -> bool:
    return question.passage is not None and passage.id.rpartition(".")[2] == question.passage.rpartition(".")[2]


def _shared(a: str, b: str) -> float:
    """Cosine of the words, and pairs of Chinese characters, that two texts share."""
    one, two = (Counter(text.terms(text.plain(one))) for one in (a, b))
    size = math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in two.values()))
    return sum(n * two[term] for term, n in one.items()) / size if size else 0.0
