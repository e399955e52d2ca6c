"""The guard hears an answer however it is said, and stays quiet about everything else."""

import pytest

from shuyuan.science import text

BOXES = "每盒有 3 支铅笔，4 盒共有多少支？"
SOLVE = "Solve 2x + 3 = 7."

LEAKS: list[tuple[str, list[str], str]] = [
    # (sentence, answers, question)
    ("所以一共有十二支。", ["12"], BOXES),
    ("答案是12。", ["12"], BOXES),
    ("答案是 １２ 支", ["12"], BOXES),
    ("3×4＝12", ["12"], BOXES),
    ("你会得到 $12$ 支。", ["12"], BOXES),
    ("$$3 \\times 4 = 12$$", ["12"], BOXES),
    ("$\\boxed{12}$", ["12"], BOXES),
    ("**12**", ["12"], BOXES),
    ("一打正好就是这个数，也就是12", ["12"], BOXES),
    ("12 就是答案", ["12"], BOXES),
    ("There are twelve pencils.", ["12"], "3 pencils in each of 4 boxes. How many?"),
    ("That makes Twelve!", ["12"], "3 in each of 4"),
    ("x=12", ["12"], "x + 3 = 15"),
    ("So x = 12, well done.", ["12"], "x + 3 = 15"),
    ("The answer is: 12.", ["12"], ""),
    ("12 is the answer", ["12"], ""),
    ("It is 12 cm long.", ["12 cm"], "How long?"),
    ("It is 12cm long.", ["12"], "How long?"),
    ("You need $12.00", ["12"], "How much?"),
    ("We get 1,200 in total.", ["1200"], ""),
    ("一千二百", ["1200"], ""),
    ("大约有1.2千人", ["1200"], ""),
    ("It is one thousand two hundred.", ["1200"], ""),
    ("twenty-one", ["21"], ""),
    ("the sum is one hundred and five", ["105"], ""),
    ("一百零五", ["105"], ""),
    # short answers, with the number in the question
    ("So x = 2.", ["2"], SOLVE),
    ("x equals 2", ["2"], SOLVE),
    ("x is equal to two", ["2"], SOLVE),
    ("The answer is 2.", ["2"], SOLVE),
    ("The answer here must be two.", ["2"], SOLVE),
    ("Dividing both sides by 2 gives x = 2.", ["2"], SOLVE),
    ("x 等于 2", ["2"], SOLVE),
    ("x等于二", ["2"], SOLVE),
    ("答案是二", ["2"], SOLVE),
    ("最后得到 x = 2", ["2"], SOLVE),
    ("结果为2。", ["2"], SOLVE),
    ("应填 2", ["2"], SOLVE),
    # short answers, number not in the question
    ("So there are 5 left.", ["5"], "9 birds, 4 fly away"),
    ("还剩5只。", ["5"], "9只鸟飞走4只"),
    ("一共是五个", ["5"], "9只鸟飞走4只"),
    ("Five!", ["5"], "9 birds, 4 fly away"),
    ("It's five.", ["5"], "9 birds, 4 fly away"),
    # fractions, decimals, signs
    ("the probability is \\frac{1}{2}", ["0.5"], ""),
    ("概率是二分之一", ["1/2"], ""),
    ("one half", ["1/2"], ""),
    ("That is 50%.", ["1/2"], ""),
    ("So we have ½ of it", ["0.5"], ""),
    ("It is one and a half.", ["3/2"], ""),
    ("1 1/2 hours", ["1.5"], ""),
    ("一点五小时", ["1.5"], ""),
    ("x = -3", ["-3"], "x + 5 = 2"),
    ("x = −3", ["-3"], "x + 5 = 2"),
    ("x 是负三", ["-3"], "x + 5 = 2"),
    ("It is minus three", ["-3"], "x + 5 = 2"),
    ("two thirds of the cake", ["2/3"], ""),
    ("The answer is -11.", ["-11"], ""),
    ("答案是-11", ["-11"], ""),
    ("that leaves $8\\dfrac{3}{4}$ cups", ["8 3/4"], ""),
    # the number is among the choices the learner sees
    ("the ones digit is 0.", ["0"], "10 is a factor. The ones digit? 0 5"),
    ("所以第2017位数字是1．", ["1"], "第2017位数字是多少？ 1 4 2"),
    ("所以可以买18箱苹果。", ["18"], "12 15 18"),
    ("共 $36\\times6+57=273$（个）桃子", ["273"], "共有多少个桃子？ 273 300"),
    # expressions
    ("This simplifies to 2x - 5.", ["2*x - 5"], "Simplify 3x - 5 - x"),
    ("化简得 $2x-5$。", ["2*x - 5"], "化简 3x-5-x"),
    ("we have -5 + 2x here", ["2x-5"], "Simplify 3x - 5 - x"),
    ("so 3x-5-x = 2x-5", ["2x-5"], "Simplify 3x - 5 - x"),
    ("It is x^{2}+1", ["x^2 + 1"], ""),
    ("the ratio is 3:4", ["3:4"], "6 to 8"),
    ("x > 4", ["x>4"], "Solve 2x > 8"),
    ("It factors as $\\left(x-5\\right) \\left(x+4\\right)$.", ["(x-5)(x+4)"], "Factor x^2 - x - 20"),
    ("we get (1, 2) and (3, 4)", ["(1,2)"], "Where do they meet?"),
    ("so m n^3 remains", ["mn^3"], "Simplify"),
    # words
    ("This is called photosynthesis.", ["photosynthesis"], "What is it called?"),
    ("它们是同类项。", ["同类项"], "叫什么？"),
    ("The answer is yes.", ["yes"], "Is it prime?"),
    ("答案是对", ["对"], "对还是错？"),
    ("So the answer is mercury.", ["mercury"], "mercury, venus or mars?"),
]

QUIET: list[tuple[str, list[str], str]] = [
    ("There are 112 of them.", ["12"], ""),
    ("The year 1200 was long ago.", ["12"], ""),
    ("It is 12.5, is it not?", ["12"], ""),
    ("一百一十二", ["12"], ""),
    ("二十二个", ["2"], ""),
    ("两百个", ["2"], "?"),
    ("Try 3 rows of 4.", ["12"], BOXES),
    ("每盒 3 支，有 4 盒，应该用什么运算？", ["12"], BOXES),
    ("Divide both sides by 2.", ["2"], SOLVE),
    ("先看 2x 这一项。", ["2"], "解方程 x+1=3"),
    ("两边同时除以 2", ["2"], "解方程 2x + 3 = 7"),
    ("What does the 2 in front of x tell you?", ["2"], SOLVE),
    ("Step 2: move the 3.", ["2"], "x + 3 = 5"),
    ("2. Move the 3 to the other side.", ["2"], "x + 3 = 5"),
    ("第2步：移项", ["2"], "x+3=5"),
    ("第二步：移项", ["2"], "x+3=5"),
    ("See question 5 again.", ["5"], "9 - 4"),
    ("Look at x^2 first.", ["2"], "x·x=?"),
    ("One way is to draw it.", ["1"], "3 - 2"),
    ("我们一起来看一下。", ["1"], "3 - 2"),
    ("三角形有什么特点？", ["3"], "5 - 2"),
    ("十分好！", ["10"], "5 + 5"),
    ("Look at the two sides.", ["2"], "x + 3 = 5"),
    ("Which one is larger?", ["1"], "3 - 2"),
    ("Compute 24/2 yourself.", ["12"], "24 divided by 2"),
    ("Now 24 ÷ 2 remains.", ["12"], "24 divided by 2"),
    ("The question says x = 2, so put it in.", ["2"], "If x = 2, what is x + x - 2?"),
    ("What is 3x - 5 - x?", ["2x-5"], "Simplify 3x - 5 - x"),
    ("12x-5 is not it", ["2x-5"], ""),
    ("2x-51", ["2x-5"], ""),
    ("A factorial is 8! = 1 × 2 × 3 × 8", ["1"], "8! = 1 × 2 × 3"),
    ("The price is 3 yuan, remember.", ["3"], "The price is 3 yuan. 9 yuan buys how many?"),
    ("Can you check whether it is 11?", ["11"], "Which is prime? 9 11 15"),
    ("Is it 11 or 15?", ["11"], "Which is prime? 9 11 15"),
    ("5 - 11 is negative.", ["-11"], "5 - 11"),
    ("x -3 = 4", ["-3"], "x - 3 = 4"),
    ("Plants need light.", ["photosynthesis"], "What is it called?"),
    ("Nobody is perfect.", ["no"], "Is it prime?"),
    ("Is that right?", ["right"], "left or right?"),
    ("对，继续想。", ["对"], "对还是错？"),
    ("Compare mercury with venus.", ["mercury"], "mercury, venus or mars?"),
    ("You are not there yet; try again.", ["yes"], "Is it prime?"),
    ("", ["12"], ""),
    ("Anything.", [], ""),
    ("Anything.", [""], ""),
]

NAMES_B = [
    "选 B", "选B。", "应选（B）", "答案是B", "答案：Ｂ", "正确答案为 B 选项",
    "B 是正确的", "B选项正确", "所以选择 B 项。",
    "The answer is B.", "answer: B", "Choose B", "I would pick (b).", "Option B is correct.",
    "B is correct",
    "It's B!", "The correct choice is **B**", "B", "(B).", "the correct option is option B", "$B$ is right",
    "Go with b.",
]  # fmt: skip
NAMES_NOTHING = [
    "Big numbers are fun.", "Be careful.", "By adding both sides.", "Compare option A with option B.",
    "Look at point B on the line.", "点 B 在哪里？", "角B是多少度？", "选 A 还是 B？", "Is it A, B, C or D?",
    "你会选哪一个？",
    "Choose a number first.", "It is a big step.", "Why might someone choose A or B?", "The answer is a bit further.",
    "看看 A 和 B 有什么不同", "bb", "AB is a line segment.",
    "Tom was selected.", "Pick each one in turn.", "The answer is bad news.", "She selects a box.", "Choose a bag.",
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "answers", "question"), LEAKS)
def test_a_sentence_that_states_the_answer_is_a_leak(sentence: str, answers: list[str], question: str) -> None:
    assert text.contains_answer(sentence, answers, given=[question])


@pytest.mark.parametrize(("sentence", "answers", "question"), QUIET)
def test_a_sentence_that_does_not_state_the_answer_passes(sentence: str, answers: list[str], question: str) -> None:
    assert not text.contains_answer(sentence, answers, given=[question])


@pytest.mark.parametrize("sentence", NAMES_B)
def test_naming_the_letter_of_the_right_choice_is_a_leak(sentence: str) -> None:
    assert text.contains_answer(sentence, [], choice_letters=["B"])


@pytest.mark.parametrize("sentence", NAMES_NOTHING)
def test_a_letter_that_names_no_choice_passes(sentence: str) -> None:
    assert not text.contains_answer(sentence, [], choice_letters=["A", "B"])


@pytest.mark.parametrize("sentence", ["选 A 和 C", "应选AC", "The answers are A and C.", "答案：A、C"])
def test_several_right_choices_are_heard_together(sentence: str) -> None:
    assert text.contains_answer(sentence, [], choice_letters=["A", "C"])


def test_another_letter_than_the_right_one_passes() -> None:
    assert not text.contains_answer("The answer is A.", [], choice_letters=["B"])


def test_a_choice_whose_text_the_learner_sees_may_be_discussed_but_not_declared() -> None:
    given = ["Which is prime?", "9", "11", "15"]
    assert not text.contains_answer("Can 11 be divided by 3?", ["11"], given=given)
    assert text.contains_answer("The answer is 11.", ["11"], given=given)
