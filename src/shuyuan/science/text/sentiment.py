"""How a text sounds, by a small word list with negation and degree, in Chinese and English.

Hears open praise and complaint as in course feedback; misses irony, facts that are good or bad news in themselves,
and words it does not know. An aid for reading many texts, never a judgement of a person.
"""

import math
import re
from typing import Literal

Tone = Literal["positive", "negative", "neutral"]
_CLEAR = 0.15
_GOOD_EN = [
    "good",
    "great",
    "excellent",
    "wonderful",
    "amazing",
    "awesome",
    "fantastic",
    "nice",
    "lovely",
    "perfect",
    "best",
    "better",
    "enjoy",
    "enjoyed",
    "enjoying",
    "enjoyable",
    "love",
    "loved",
    "like",
    "liked",
    "helpful",
    "useful",
    "clear",
    "fun",
    "interesting",
    "fascinating",
    "exciting",
    "happy",
    "glad",
    "pleased",
    "proud",
    "thank",
    "thanks",
    "thankful",
    "easy",
    "friendly",
    "kind",
    "patient",
    "brilliant",
    "beautiful",
    "impressive",
    "recommend",
    "recommended",
    "recommends",
    "engaging",
    "inspiring",
    "delighted",
    "satisfied",
    "understandable",
    "smooth",
    "reliable",
    "superb",
    "favourite",
    "favorite",
    "won",
    "success",
    "successful",
    "improved",
    "improve",
    "confident",
    "encouraging",
    "well",
]
_BAD_EN = [
    "bad",
    "terrible",
    "awful",
    "horrible",
    "poor",
    "worst",
    "worse",
    "boring",
    "bored",
    "hate",
    "hated",
    "dislike",
    "disliked",
    "useless",
    "unhelpful",
    "confusing",
    "confused",
    "unclear",
    "sad",
    "angry",
    "upset",
    "annoyed",
    "annoying",
    "disappointed",
    "disappointing",
    "disappointment",
    "frustrating",
    "frustrated",
    "difficult",
    "hard",
    "broken",
    "slow",
    "crash",
    "crashes",
    "crashed",
    "fail",
    "failed",
    "fails",
    "failing",
    "wrong",
    "problem",
    "problems",
    "error",
    "errors",
    "unfair",
    "rude",
    "waste",
    "wasted",
    "messy",
    "noisy",
    "ugly",
    "tired",
    "worried",
    "afraid",
    "scared",
    "hopeless",
    "lonely",
    "cry",
    "cried",
    "painful",
    "pain",
    "stupid",
    "nonsense",
    "dull",
    "tedious",
    "mess",
    "lost",
]
_GOOD_ZH = [
    "优秀",
    "精彩",
    "喜欢",
    "热爱",
    "爱上",
    "满意",
    "开心",
    "高兴",
    "快乐",
    "有趣",
    "好玩",
    "有意思",
    "清楚",
    "清晰",
    "生动",
    "易懂",
    "实用",
    "有用",
    "有帮助",
    "很棒",
    "真棒",
    "太棒",
    "棒极了",
    "出色",
    "完美",
    "感谢",
    "谢谢",
    "推荐",
    "赞",
    "值得",
    "进步",
    "自豪",
    "骄傲",
    "耐心",
    "友好",
    "亲切",
    "温暖",
    "幸福",
    "舒服",
    "顺利",
    "成功",
    "不错",
    "很好",
    "真好",
    "太好了",
    "最好",
    "更好",
    "好极了",
    "挺好",
    "好用",
    "好听",
    "好看",
    "好吃",
    "收获很大",
    "受益",
    "轻松",
    "期待",
    "惊喜",
    "认真",
    "细致",
    "流畅",
]
_BAD_ZH = [
    "糟糕",
    "很差",
    "太差",
    "真差",
    "最差",
    "差劲",
    "讨厌",
    "恨",
    "无聊",
    "枯燥",
    "乏味",
    "失望",
    "难过",
    "伤心",
    "生气",
    "愤怒",
    "烦人",
    "烦死",
    "心烦",
    "厌烦",
    "混乱",
    "看不懂",
    "听不懂",
    "不明白",
    "没意思",
    "没用",
    "没劲",
    "浪费",
    "垃圾",
    "难受",
    "难听",
    "难看",
    "难吃",
    "难用",
    "太难",
    "崩溃",
    "卡顿",
    "太慢",
    "太吵",
    "太乱",
    "错误",
    "失败",
    "后悔",
    "痛苦",
    "累死",
    "担心",
    "害怕",
    "焦虑",
    "不公平",
    "敷衍",
    "马虎",
    "坑人",
    "骗人",
    "粗鲁",
    "孤单",
    "沮丧",
    "郁闷",
    "哭了",
    "想哭",
    "退步",
]
_NOT_EN = re.compile(
    r"\b(?:not|no|never|hardly|without|nothing|isn't|wasn't|don't|didn't|doesn't|can't|couldn't|won't|aren't|weren't)\b[^.,;!?]{0,18}$"
)
_NOT_ZH = re.compile("(?:不|没有?|别|无法|并非|毫无|从不|缺乏)(?:是|怎么|太|很|够|那么|让人|觉得|感到)?$")
_VERY = re.compile(
    r"(?:\b(?:very|really|so|extremely|too|absolutely|totally)|很|非常|特别|十分|太|超级|极其|真的?|实在)\s*$"
)
_TURN = re.compile(r"\b(?:but|however|yet)\b|但是?|可是|不过|然而|却")
_AFTER_TURN = 2.0  # what follows `but` is what is meant


def tone(text: str) -> tuple[Tone, float]:
    """The tone with a score from -1 to 1.

    >>> tone("The lesson was not boring, I really enjoyed it!")[0], tone("这节课太无聊了，浪费时间。")[0]
    ('positive', 'negative')
    >>> tone("The train leaves at nine."), tone("Not good.")[0]
    (('neutral', 0.0), 'negative')
    """
    heard = 0.0
    for sentence in re.split(r"[.!?。！？；;\n]", text.lower().replace("’", "'")):
        turn = max((found.end() for found in _TURN.finditer(sentence)), default=0)
        for found in _WORDS.finditer(sentence):
            sign = 1.0 if found.lastgroup in ("good_en", "good_zh") else -1.0
            heard += sign * _weight(sentence, found.start()) * (_AFTER_TURN if turn and found.start() >= turn else 1.0)
    score = heard / math.sqrt(heard * heard + 4)
    return ("positive" if score > _CLEAR else "negative" if score < -_CLEAR else "neutral"), round(score, 4)


def _weight(sentence: str, at: int) -> float:
    before = sentence[:at]
    weight = 1.5 if _VERY.search(before) else 1.0
    bare = _VERY.sub("", before)
    return -0.8 * weight if _NOT_EN.search(before) or _NOT_ZH.search(bare) else weight


def _any(words: list[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WORDS = re.compile(
    rf"(?P<bad_zh>{_any(_BAD_ZH)})|(?P<good_zh>{_any(_GOOD_ZH)})"
    rf"|\b(?:(?P<good_en>{_any(_GOOD_EN)})|(?P<bad_en>{_any(_BAD_EN)}))\b"
)
