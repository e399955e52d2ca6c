"""Interests and goals as texts to compare with courses, and the reason why a course is shown."""

from collections.abc import Mapping

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


def of_profile(stated: Stated, language: Language) -> str:
    """What the learner states, as one text; empty when nothing is stated."""
    return " ".join([*(INTERESTS[one][language] for one in stated.interests), stated.own_words]).strip()


def fits(stated: Stated, subject: str) -> str | None:
    """The stated interest that is the subject, if any."""
    return next((one for one in stated.interests if subject.lower() in SUBJECTS.get(one, ())), None)


def reason(course: Course, stated: Stated, *, near: bool) -> Words:
    """Why it is shown: a fact about what was stated, or none."""
    if (interest := fits(stated, course.subject)) is not None:
        zh, en = INTERESTS[interest]["zh"].split()[0], INTERESTS[interest]["en"].split()[0]
        return {
            "zh": f"你填的兴趣里有「{zh}」，这门课正是。",
            "en": f"You named {en} among your interests: this course is just that.",
        }
    if near:
        return {"zh": "课程内容和你写的兴趣有相近的地方。", "en": "What it teaches comes close to what you wrote."}
    return {
        "zh": "学校里还有这门课，你的班级没有选它。",
        "en": "The school has this course too; your class does not take it.",
    }
