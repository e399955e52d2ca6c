"""The words of what is foretold: what is expected, and which facts speak for or against it. Numbers were counted."""

from collections.abc import Mapping

from shuyuan.learning.recommendation import coursewords

Words = Mapping[str, str]
HEADS: Mapping[str, Words] = {
    "keeps_at_it": {
        "zh": "接下来两周会接着学（至少两天）",
        "en": "Goes on learning in the next two weeks (two days or more)",
    },
    "tries_again": {"zh": "接下来两周会重做错过的题", "en": "Redoes earlier mistakes in the next two weeks"},
    "goal:exam": {"zh": "可能的目标：考试考好", "en": "A likely goal: do well in an exam"},
    "goal:catch_up": {"zh": "可能的目标：补上落下的", "en": "A likely goal: catch up"},
    "goal:get_ahead": {"zh": "可能的目标：学得更深更快", "en": "A likely goal: get ahead"},
    "goal:enjoy": {"zh": "可能的目标：学着有意思", "en": "A likely goal: enjoy learning"},
    "goal:job": {"zh": "可能的目标：为工作准备", "en": "A likely goal: prepare for a job"},
    "goal:certificate": {"zh": "可能的目标：拿到证书", "en": "A likely goal: earn a certificate"},
}
FACTS: Mapping[str, Words] = {
    "answers": {"zh": "四周里答了 {n:.0f} 题", "en": "{n:.0f} answers in four weeks"},
    "days": {"zh": "四周里有 {n:.0f} 天在学", "en": "Active on {n:.0f} days in four weeks"},
    "right": {"zh": "其中 {share:.0f}% 答对", "en": "{share:.0f}% of them right"},
    "hints": {"zh": "{share:.0f}% 的题看了提示", "en": "Hints used on {share:.0f}% of questions"},
    "again": {"zh": "答错的题有 {share:.0f}% 又做过", "en": "{share:.0f}% of wrong questions tried again"},
    "minutes": {"zh": "学习的日子里平均 {n:.0f} 分钟", "en": "{n:.0f} minutes on an active day"},
    "interests": {"zh": "自己填的兴趣（{named}）", "en": "Interests stated ({named})"},
    "education": {"zh": "自己填的学段", "en": "The education stated"},
    "pace": {"zh": "自己填的每次时长", "en": "The length of a sitting preferred"},
    "style": {"zh": "自己填的学习方式", "en": "The way of learning preferred"},
}


def title(head: str) -> Words:
    """What is expected, in words."""
    return HEADS.get(head, {"zh": head, "en": head})


def fact(name: str, value: object) -> Words:
    """One fact with its number."""
    number = float(value) if isinstance(value, int | float) else 0.0
    named = {"zh": "、", "en": ", "}
    if isinstance(value, list | tuple):
        known = [coursewords.INTERESTS[one] for one in value if one in coursewords.INTERESTS]
        named = {language: comma.join(one[language].split()[0] for one in known) for language, comma in named.items()}
    return {
        language: text.format(n=number, share=100 * number, named=named[language])
        for language, text in FACTS[name].items()
    }


def reason(name: str, value: object, speaks_for: bool) -> Words:
    """One fact and whether it makes the expectation more or less likely."""
    words = fact(name, value)
    if speaks_for:
        return {"zh": f"{words['zh']}，可能性因此更高", "en": f"{words['en']}: makes it more likely"}
    return {"zh": f"{words['zh']}，可能性因此更低", "en": f"{words['en']}: makes it less likely"}
