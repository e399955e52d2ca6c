"""Interests and goals as texts to compare with courses, and the reasons why a course is where it is."""

from collections.abc import Iterable, Mapping

from shuyuan.learning.courses.interface import Course, Language
from shuyuan.learning.people.interface import Stated

Words = Mapping[str, str]
INTERESTS: Mapping[str, Words] = {
    "mathematics": {"zh": "数学 计算 式子 方程 几何", "en": "mathematics numbers expressions equations geometry"},
    "sciences": {"zh": "科学 物理 化学 实验", "en": "science physics chemistry experiments"},
    "computing": {
        "zh": "计算机 信息技术 编程 大模型 人工智能",
        "en": "computing information technology programming models AI",
    },
    "languages": {"zh": "语言 英语 语文 写作 阅读", "en": "languages English writing reading"},
    "history": {"zh": "历史 社会 地理", "en": "history society geography"},
    "arts": {"zh": "美术 绘画 设计", "en": "art drawing design"},
    "music": {"zh": "音乐 唱歌 乐器", "en": "music singing instruments"},
    "sport": {"zh": "体育 运动", "en": "sport games exercise"},
    "nature": {"zh": "自然 生物 动物 植物", "en": "nature biology animals plants"},
    "making": {"zh": "动手 制作 工程", "en": "making building engineering"},
    "health": {"zh": "健康 医学 心理", "en": "health medicine psychology"},
}
SUBJECTS: Mapping[str, tuple[str, ...]] = {  # interest → subjects of courses that are it
    "mathematics": ("mathematics", "maths", "math", "数学"),
    "sciences": ("science", "physics", "chemistry", "科学", "物理", "化学"),
    "computing": ("information technology", "computing", "computer science", "信息技术"),
    "languages": ("english", "chinese", "languages", "英语", "语文"),
    "history": ("history", "geography", "历史", "地理"),
    "nature": ("biology", "生物"),
}


GOALS: Mapping[str, Words] = {
    "exam": {"zh": "考试 复习 中考 高考 练习题", "en": "exam revision test practice questions"},
    "catch_up": {"zh": "基础 入门 补习 复习", "en": "basics foundations introduction revision"},
    "get_ahead": {"zh": "提高 拓展 竞赛 进阶 深入", "en": "advanced further competition in depth"},
    "enjoy": {"zh": "有趣 生活 动手 故事", "en": "fun everyday life making stories"},
    "job": {"zh": "职业 工作 实践 应用 技能", "en": "job work practice applied skills"},
    "certificate": {"zh": "证书 考级 认证", "en": "certificate qualification"},
}
USED_OUTLOOK: Words = {
    "zh": "给老师看的估计也算了进去（你同意过）。",
    "en": "The estimate for your teachers counted too, as you agreed.",
}
LAST: Words = {
    "zh": "没有什么特别要说的，照原来的先后。",
    "en": "Nothing speaks for or against it: it stays where it was.",
}


def of_profile(stated: Stated, language: Language) -> str:
    """What the learner states, as one text; empty when nothing is stated."""
    parts = [*(INTERESTS[one][language] for one in stated.interests), of_goals(stated.goals, language)]
    return " ".join([*parts, stated.own_words]).strip()


def language_of(stated: Stated, reader: Language) -> Language:
    """The language to compare in: that of the learner's own words, whatever the page is read in."""
    if not stated.own_words:
        return reader
    return "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in stated.own_words) else "en"


def of_goals(goals: Iterable[str], language: Language) -> str:
    """Goals as one text."""
    return " ".join(GOALS[one][language] for one in goals)


def fits(stated: Stated, subject: str) -> str | None:
    """The stated interest that is the subject, if any."""
    return next((one for one in stated.interests if subject.lower() in SUBJECTS.get(one, ())), None)


def by_stated(course: Course, stated: Stated) -> Words:
    """It comes near to what was stated, or is just that."""
    if (interest := fits(stated, course.subject)) is not None:
        zh, en = INTERESTS[interest]["zh"].split()[0], INTERESTS[interest]["en"].split()[0]
        return {
            "zh": f"你填的兴趣里有「{zh}」，这门课正是。",
            "en": f"You named {en} among your interests: this course is just that.",
        }
    return {"zh": "课程内容和你写的相近。", "en": "What it teaches comes close to what you wrote."}


def by_standing(met: int, solid: int, topics: int) -> Words:
    """It is under way."""
    return {
        "zh": f"你正在学：{topics} 个知识点里做过 {met} 个，{solid} 个已经稳了。",
        "en": f"Under way: {met} of {topics} topics met, {solid} of them firm.",
    }


def by_peers(points: float, fewest: int) -> Words:
    """points: gain of the chance of a right answer in ten minutes, of a hundred. fewest: learners behind it."""
    return {
        "zh": f"同意分享的同学（不少于 {fewest} 位合起来算）在这里学 10 分钟，答对的把握平均多 {points:.0f} 个百分点。",
        "en": f"Ten minutes here raised the chance of a right answer by about {points:.0f} points of 100, "
        f"over at least {fewest} learners together.",
    }
