"""What the tutor says in its own name, and which messages need no model."""

import re

from shuyuan.identity.interface import Language

Both = dict[Language, str]

VISIBLE_TO: Both = {
    "zh": "任课老师能看到这段对话，家长看不到。",
    "en": "Your teachers can read this chat; parents cannot.",
}
REFUSAL: Both = {
    "zh": "最后的答案要你自己得出，我不能直接说。我们一步一步来：",
    "en": "The final answer is yours to find, so I will not say it. One step at a time:",
}
COURTESY: Both = {
    "zh": "好的。还有哪一步想不通，就告诉我。",
    "en": "Good. If another step is unclear, tell me which one.",
}
TRY_YOURSELF: Both = {
    "zh": "这一步请你自己试试，再把结果填进答题框。",
    "en": "Try this step yourself, then put what you get into the answer box.",
}
NOT_MARKING: Both = {
    "zh": "对不对我不能判断：填进答题框，按“检查”就知道了。",
    "en": "I cannot say whether that is right: put it into the answer box and press Check.",
}
NO_SENSE: Both = {
    "zh": "模型这次没能好好回答，请看上面的提示。",
    "en": "The model did not manage a good answer this time; use the hint above.",
}
LOADING: Both = {
    "zh": "AI 模型还在准备（{progress}），现在先用提示。",
    "en": "The AI model is still loading ({progress}); hints answer for now.",
}
UNAVAILABLE: Both = {
    "zh": "AI 模型现在不能用，先用提示。",
    "en": "The AI model is not available now; hints answer.",
}
BUSY: Both = {
    "zh": "AI 模型现在太忙，先用提示，过一会儿再问。",
    "en": "The AI model is busy; use the hint and ask again in a while.",
}
OFF_IN_CLASS: Both = {
    "zh": "你们班的 AI 辅导是关着的，提示随时可用。",
    "en": "The AI tutor is off for your class; the hints are always there.",
}
OFF_IN_TEST: Both = {
    "zh": "测试中没有提示和 AI 辅导。",
    "en": "No hints and no AI tutor during a test.",
}
QUOTA_FULL: Both = {
    "zh": "今天的 AI 额度用完了，提示随时可用。",
    "en": "Today's AI allowance is used up; the hints are always there.",
}
NO_MORE_HINTS: Both = {
    "zh": "{of} 条提示都打开了，再看看最后一条：",
    "en": "All {of} hints are open; look at the last one again: ",
}
CARE: Both = {
    "zh": "谢谢你说出来。这件事比题目重要得多，我只是程序，帮不上你；"
    "请现在就去找你信任的大人：老师、家长或学校的心理老师。"
    "如果有人正处在危险中，请马上拨打 110 或 120。你的老师会看到这段话。\n",
    "en": "Thank you for saying it. This matters far more than the question, and I am only a program: "
    "please go now to an adult you trust, a teacher, a parent or the school counsellor. "
    "If anyone is in danger, call the emergency number at once. Your teacher will see these words.\n",
}
WITHHELD: Both = {
    "zh": "这个话题我不能和你聊。如果你需要帮助，请找老师、家长或你信任的大人。这道题我们可以接着想。",
    "en": "This is something I cannot talk about with you. If you need help, ask a teacher, a parent or another adult "
    "you trust. About this question, do ask on.",
}
WITHHELD_ANSWER: Both = {
    "zh": "模型的回答不适合在这里说，已经停下；请用提示，或换个问法。",
    "en": "The model's answer did not belong here and was stopped; use the hint, or ask in another way.",
}
HINT: Both = {"zh": "提示 {number}：", "en": "Hint {number}: "}
ON: Both = {"zh": "", "en": ""}

_ASKS_FOR_THE_ANSWER = re.compile(
    r"(?:直接|快|就)(?:点儿?|把)?(?:告诉|给|说)(?:出|我|一下)*.{0,4}(?:答案|结果|选(?:什么|哪))"
    r"|(?:告诉|给)我.{0,6}(?:正确|最终|最后)?答案|把答案|答案(?:到底)?(?:是)?(?:什么|多少|啥|几|哪)|选(?:哪个|什么|几)|求答案|要答案"
    r"|\b(?:just |please |simply )*(?:tell|give|show|say|send|write)(?: me| us)?(?: just| only)?(?: the| your)?"
    r"(?: final| correct| right| full)?(?: answer| solution| result)"
    r"|\bwhat(?:'s| is| are)? (?:the )?(?:final |correct |right )?(?:answer|solution|result)\b"
    r"|\bwhich (?:one|letter|option|choice) (?:is|should)|\bsolve (?:it|this)(?: for me| completely)?\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\s*(?:谢谢(?:你|您|老师)?|多谢|感谢|好的?|嗯+|明白了?|懂了|知道了|我会了|你好|您好"
    r"|hi|hello|hey|thanks?(?: you)?(?: so much)?|thx|ok(?:ay)?|got it|i see|i get it|i understand|great|cool)"
    r"[\s!！。.~～,，]*",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")


def loading(progress: float | None) -> Both:
    """How far the model is.

    >>> loading(0.42)["en"]
    'The AI model is still loading (42%); hints answer for now.'
    """
    share = "…" if progress is None else f"{progress:.0%}"
    return {"zh": LOADING["zh"].format(progress=share), "en": LOADING["en"].format(progress=share)}


def asks_for_the_answer(message: str) -> bool:
    """Just the answer, please?

    >>> asks_for_the_answer("Just tell me the answer"), asks_for_the_answer("我哪里错了？")
    (True, False)
    """
    return bool(_ASKS_FOR_THE_ANSWER.search(message))


def is_courtesy(message: str) -> bool:
    """Thanks, hello, I see: nothing to answer with a hint.

    >>> is_courtesy("谢谢老师！"), is_courtesy("ok but why?")
    (True, False)
    """
    return bool(_COURTESY.fullmatch(message))


def language_of(text: str) -> Language | None:
    """The language a message is written in; None for a formula or a word or two.

    >>> language_of("为什么是 2x？"), language_of("why is that so"), language_of("2x+1")
    ('zh', 'en', None)
    """
    if _CJK.search(text):
        return "zh"
    return "en" if len(_LATIN_WORD.findall(text)) >= 2 else None


def is_foreign(sentence: str, language: Language) -> bool:
    """Whether a sentence is plainly in another language than the learner's; formulas are in none."""
    chinese, latin = len(_CJK.findall(sentence)), len(_LATIN_WORD.findall(sentence))
    if language == "zh":
        return chinese == 0 and latin >= 4
    return chinese > 4 and chinese > latin
