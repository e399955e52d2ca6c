"""The reasons, in the words a learner reads. Every number in them was counted from answers."""

from collections.abc import Mapping, Sequence

from shuyuan.learning.courses.interface import Text

Words = Mapping[str, str]
REDO: Words = {"zh": "重做错题", "en": "Redo your mistakes"}


def practise(point: Text) -> Words:
    return {"zh": f"练习：{point.of('zh')}", "en": f"Practise: {point.of('en')}"}


def review_of(point: Text) -> Words:
    return {"zh": f"复习：{point.of('zh')}", "en": f"Review: {point.of('en')}"}


def read(lesson: Text) -> Words:
    return {"zh": f"学习：{lesson.of('zh')}", "en": f"Read: {lesson.of('en')}"}


def assigned(point: Text) -> Words:
    return {"zh": f"作业：{point.of('zh')}", "en": f"Assignment: {point.of('en')}"}


def evidence(answers: int, right: int, trouble: Text | None) -> Words:
    zh, en = f"最近 {answers} 题你对了 {right} 题", f"{right} of your last {answers} answers here were right"
    if trouble is None:
        return {"zh": f"{zh}，先把它弄清楚。", "en": f"{en}: worth sorting out first."}
    return {
        "zh": f"{zh}，错的多是「{trouble.of('zh')}」。",
        "en": f"{en}; the wrong ones mostly show “{trouble.of('en')}”.",
    }


def foundation(root: Text, stuck: Text) -> Words:
    return {
        "zh": f"「{stuck.of('zh')}」常出错，它要用到「{root.of('zh')}」，先把这一步练稳。",
        "en": f"“{stuck.of('en')}” keeps going wrong and rests on “{root.of('en')}”: make that step firm first.",
    }


def redo(count: int) -> Words:
    return {
        "zh": f"错题本里有 {count} 题已经放了一天以上，现在重做正好。",
        "en": f"{count} of your mistakes {'has' if count == 1 else 'have'} rested for a day or more: "
        f"a good time to redo {'it' if count == 1 else 'them'}.",
    }


def forgetting(point: Text, days: int, wins: int) -> Words:
    return {
        "zh": f"上次做「{point.of('zh')}」是 {days} 天前，一共对过 {wins} 题；现在回顾能记得更牢。",
        "en": f"You last worked on “{point.of('en')}” {_days(days)} ago, with {wins} right so far: "
        "a look now keeps it.",
    }


def under_way(point: Text, answers: int, missing: int) -> Words:
    if not missing:
        return {
            "zh": f"「{point.of('zh')}」已经答了 {answers} 题，再做几题会更有把握。",
            "en": f"{_answers(answers)} on “{point.of('en')}” so far; a few more will make it surer.",
        }
    return {
        "zh": f"「{point.of('zh')}」已经答了 {answers} 题，再答 {missing} 题就能看出掌握程度。",
        "en": f"{_answers(answers)} on “{point.of('en')}” so far; {missing} more will show where you stand.",
    }


def opened(point: Text, required: Sequence[Text]) -> Words:
    return {
        "zh": "".join(f"「{one.of('zh')}」" for one in required) + f"已经掌握，可以开始「{point.of('zh')}」了。",
        "en": ", ".join(f"“{one.of('en')}”" for one in required) + f" is in place: “{point.of('en')}” can begin.",
    }


def start(point: Text) -> Words:
    return {
        "zh": f"还没有做过「{point.of('zh')}」，后面的内容要用到它，从这里开始。",
        "en": f"You have not tried “{point.of('en')}” yet, and later topics build on it: start here.",
    }


def first_read(point: Text) -> Words:
    return {
        "zh": f"还没有做过「{point.of('zh')}」，先读这一课，做题会更顺。",
        "en": f"You have not tried “{point.of('en')}” yet: reading this lesson first makes the questions easier.",
    }


def consolidate(point: Text) -> Words:
    return {
        "zh": f"目前「{point.of('zh')}」的把握相对最小，再练几题。",
        "en": f"“{point.of('en')}” is the least certain just now: a few more questions.",
    }


def by_gain(points: float, tried: int, explored: bool) -> Words:
    """points: expected gain in ten minutes, of a hundred. tried: sittings it was learnt from."""
    if explored:
        return {
            "zh": "它对你有多大用处还不太清楚，今天先试一次，看看效果。",
            "en": "How much it helps you is not clear yet: today it is worth a try.",
        }
    return {
        "zh": f"按 {tried} 次练习粗估（看种类和水平，不分知识点）：10 分钟，答对的把握大约多 {points:.0f} 个百分点。",
        "en": f"A guess from {tried} sittings, by kind of activity and level, not by topic: ten minutes bring about "
        f"{points:.0f} points of 100.",
    }


def due(days: int | None) -> Words:
    """days: whole days until it is due, negative when late, None without a due time."""
    if days is None:
        return {"zh": "老师布置给你的，还没有完成。", "en": "Set for you by your teacher, not finished yet."}
    if days < 0:
        return {"zh": "老师布置的，已经过了截止时间。", "en": "Set by your teacher, and past its due time."}
    if days == 0:
        return {"zh": "老师布置的，24 小时内截止。", "en": "Set by your teacher, due within 24 hours."}
    return {"zh": f"老师布置的，还有 {days} 天截止。", "en": f"Set by your teacher, due in {_days(days)}."}


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _answers(count: int) -> str:
    return f"{count} answer{'' if count == 1 else 's'}"
