"""What the page of a simulation says, in Chinese and English: (zh, en) by key."""

from typing import Literal

Language = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "title": ("自适应测试模拟报告", "Simulated adaptive test"),
    "about": (
        "{people} 名模拟考生参加了这份测试。他们的真实能力是已知的，因此可以看出测得准不准。这里没有任何真实学生。",
        "{people} simulated examinees took this test. Their true ability is known, so one sees how well it is "
        "measured. No real learner is in it.",
    ),
    "bank": ("题库", "Bank"),
    "bank.is": ("{source}，共 {n} 道题", "{source}, {n} questions"),
    "made_up": ("虚构题库", "made up"),
    "length": ("题数", "Questions of a test"),
    "length.is": ("{least} 至 {most} 题", "{least} to {most}"),
    "length.fixed": ("每人 {most} 题", "{most} for everybody"),
    "error": ("目标标准误", "Wanted standard error"),
    "rule": ("选题规则", "Selection rule"),
    "rule.information": ("当前估计处信息量最大", "most information at the estimate"),
    "rule.weighted": ("按后验加权的信息量最大", "most information over what is believed"),
    "rule.divergence": ("库尔贝克-莱布勒散度最大", "largest Kullback-Leibler divergence"),
    "limit": ("曝光上限", "Exposure limit"),
    "shares": ("内容占比", "Content shares"),
    "seed": ("随机种子", "Seed"),
    "items_median": ("所用题数（中位数）", "Questions used (median)"),
    "error_mean": ("平均标准误", "Mean standard error"),
    "bias": ("偏差", "Bias"),
    "rmse": ("均方根误差", "RMSE"),
    "exposure_largest": ("最大曝光率", "Largest exposure"),
    "bank_used": ("用到的题库比例", "Share of the bank used"),
    "error_reached": ("达到目标标准误的比例", "Reached the wanted standard error"),
    "overseen": (
        "曝光上限没有守住：题库太小，最大曝光率为 {seen}。请扩充题库、缩短测试或放宽上限。",
        "The exposure limit was not kept: the bank is too small, the largest exposure is {seen}. Use a larger bank, a "
        "shorter test, or a higher limit.",
    ),
    "true": ("真实能力", "true ability"),
    "estimate": ("估计能力", "estimated ability"),
    "scatter": ("真实能力与估计能力", "True against estimated ability"),
    "scatter.about": (
        "每个点是一名考生；点越靠近虚线，测得越准。显示 {shown} 人。",
        "Each dot is an examinee; the nearer to the dashed line, the better measured. {shown} are shown.",
    ),
    "se": ("标准误", "standard error"),
    "by_error": ("各能力段的标准误", "Standard error by ability"),
    "by_error.about": (
        "虚线是目标标准误。高于虚线的能力段缺少难度合适的题，或者测试太短。浅色点的人数不足 10 人。",
        "The dashed line is the wanted error. Above it the bank lacks questions of that difficulty, or the test is too "
        "short. Faint dots are of fewer than 10 people.",
    ),
    "by_bias": ("各能力段的偏差", "Bias by ability"),
    "by_bias.about": (
        "估计值减去真实值。两端的估计会被拉向平均水平，题越少越明显。浅色点的人数不足 10 人。",
        "Estimate minus truth. At the ends estimates are drawn towards the average, most in short "
        "tests. Faint dots are of fewer than 10 people.",
    ),
    "lengths": ("测试长度", "Length of tests"),
    "lengths.about": ("多少考生答了多少题。", "How many examinees answered how many questions."),
    "questions": ("题数", "questions"),
    "people": ("人数", "examinees"),
    "exposures": ("题目曝光率（从高到低）", "Exposure of questions, sorted"),
    "exposures.about": (
        "见过每道题的考生比例。虚线是上限；右侧贴底的题很少或从未使用。",
        "Share of examinees who saw each question. The dashed line is the limit; those on the floor at the right are "
        "hardly or never used.",
    ),
    "exposure": ("见过的考生比例", "share who saw it"),
    "rank": ("题目，按曝光率排序", "question, by exposure"),
    "steps": ("标准误随题数下降", "How the standard error falls"),
    "steps.about": (
        "实线是中位数，色带含八成考生；已结束的考生保持其最后的值。",
        "The line is the median, the band holds eight in ten examinees; who has ended stays at their last value.",
    ),
    "after": ("已答题数", "questions answered"),
    "bands": ("各能力段", "By ability"),
    "from_to": ("真实能力", "True ability"),
    "topics": ("各主题", "By topic"),
    "topic": ("主题", "Topic"),
    "in_bank": ("题库中的题数", "In the bank"),
    "asked": ("占所出题目的比例", "Share of what was asked"),
    "no_topic": ("（无主题）", "(no topic)"),
}


def say(key: str, language: Language, **values: str) -> str:
    """A sentence in a language; values go in as they are, escaped by whoever gives them."""
    return WORDS[key][language == "en"].format(**values)
