"""Why these questions, in the words a teacher reads. Numbers come from answers, never from a model."""

from collections.abc import Mapping

from shuyuan.learning.assessment.choosing import Choice
from shuyuan.learning.courses.interface import Text

LOOKED_AT = 10  # newest answers on the point


def why(choice: Choice, point: Text, trouble: Text | None) -> Mapping[str, str]:
    """One sentence for each language: the evidence, and what was chosen because of it."""
    looked = choice.evidence[:LOOKED_AT]
    if not looked:
        return {
            "zh": f"还没有做过「{point.of('zh')}」的题，先从合适的题开始。",
            "en": f"No answers on “{point.of('en')}” yet: a fitting start.",
        }
    right = sum(response.correct for response in looked)
    zh = f"「{point.of('zh')}」最近 {len(looked)} 题答对 {right} 题"
    en = f"{right} of the last {len(looked)} answers on “{point.of('en')}” were right"
    if trouble is None:
        return {"zh": f"{zh}。", "en": f"{en}."}
    aimed = sum(choice.trouble in item.misconceptions for item in choice.items)
    return {
        "zh": f"{zh}，错的多是「{trouble.of('zh')}」，选了 {aimed} 道针对它的题。",
        "en": f"{en}; mostly “{trouble.of('en')}”, so {aimed} of these questions aim at it.",
    }
