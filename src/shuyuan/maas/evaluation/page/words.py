"""What a report says, in Chinese and English: (zh, en) by key. A test finds what is missing."""

from typing import Literal

from shuyuan.maas.evaluation.figures import Family
from shuyuan.maas.evaluation.reports import Group, Slice

Language = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "report": ("评估报告", "Evaluation report"),
    "of": ("被评估对象", "Evaluated"),
    "on": ("数据", "Data"),
    "task": ("任务", "Task"),
    "at": ("时间", "Made"),
    "rows": ("行数", "Rows"),
    "persons": ("人数", "Persons"),
    "few_persons": ("不足 10 人", "fewer than 10"),
    "part.train": ("训练部分", "training part"),
    "part.validation": ("验证部分", "validation part"),
    "part.test": ("测试部分", "test part"),
    "test_readings": (
        "这份测试数据至今共被读取 {n} 次。读取越多次再挑选模型，结果越偏乐观。",
        "This test part has been read {n} times so far. The more often models are chosen by it, the rosier it looks.",
    ),
    "figures": ("指标", "Figures"),
    "figure": ("指标", "Figure"),
    "value": ("数值", "Value"),
    "interval": ("95% 区间", "95 % interval"),
    "how": ("区间的来由", "Found by"),
    "by.person": ("按人重抽样", "drawing persons anew"),
    "by.row": ("按行重抽样", "drawing rows anew"),
    "by.wilson": ("威尔逊区间", "Wilson's formula"),
    "by.fold": ("各折之间的差异", "how the folds differ"),
    "stage.reading": ("读取数据", "reading"),
    "stage.predicting": ("预测", "predicting"),
    "stage.measuring": ("计算指标", "measuring"),
    "stage.errors": ("查找错误集中处", "looking for where it goes wrong"),
    "stage.groups": ("比较各人群", "comparing groups"),
    "stage.control": ("打乱标签对照", "asking again with shuffled labels"),
    "stage.timing": ("测量速度", "timing"),
    "stage.writing": ("写报告", "writing"),
    "stage.done": ("完成", "done"),
    "why": ("原因", "Why"),
    "of_class": (
        "共两个类别：精确率、召回率、F1、AUC、Brier 分数和校准误差说的都是“{label}”这一类。",
        "There are two classes: precision, recall, F1, AUC, Brier score and calibration error speak of “{label}”.",
    ),
    "not_computed": ("没有算出的指标", "Not computed"),
    "missing.no_probabilities": ("预测中没有各类别的概率", "the predictions carry no probabilities"),
    "missing.one_class": ("这部分数据只有一个类别", "only one class is in this part"),
    "missing.one_value": ("真实值全都相同", "the truth never varies"),
    "missing.no_model": ("只有预测，没有可运行的模型", "there were predictions, but no model to run"),
    "missing.no_control": ("这类任务没有此对照", "this kind of task has no such control"),
    "missing.no_groups": ("没有可以比较的分组列", "there is no column to compare groups by"),
    "missing.no_vectors": ("没有可以计算距离的数值", "there are no numbers to measure distances in"),
    "missing.no_labels": ("没有真实标签", "there are no labels"),
    "missing.not_two_classes": ("标签不是两个类别", "the label has not two classes"),
    "missing.undefined": ("在这些数据上没有定义", "it is not defined on these rows"),
    "control": ("打乱标签对照", "Shuffled-label control"),
    "control.inputs": (
        "把表中的标签（以及单独就能说出标签的列）打乱后让模型重新预测。{figure} 为 {value}，偶然应为 {chance}。",
        "The labels in the table, and every column that tells them by itself, were shuffled and the model asked again. "
        "{figure} was {value}; chance gives {chance}.",
    ),
    "control.predictions": (
        "只打乱标签（没有模型可以重新预测）。{figure} 为 {value}，纯属偶然时应为 {chance}。",
        "Only the labels were shuffled: there was no model to ask again. {figure} was {value}; chance gives {chance}.",
    ),
    "control.none": ("这类任务没有此对照。", "This kind of task has no such control."),
    "control.good": ("没有发现标签泄漏。", "No sign that the label leaks."),
    "control.bad": (
        "疑似标签泄漏：模型可能看到了答案。先查明原因，再相信以上数字。",
        "The label seems to leak: the model may see the answer. Find out why before believing the figures above.",
    ),
    "control.suspect": ("仅凭列「{column}」就能猜对 {score}", "From column “{column}” alone {score} can be guessed"),
    "slices": ("错得最多的地方", "Where it goes wrong most"),
    "slices.about": (
        "检查了一列或两列取值相同的 {n} 组行；p 值已计入全部检查。",
        "{n} sets of rows that share one or two values were looked at; the p-value accounts for all of them.",
    ),
    "slices.none": ("没有哪一组明显差于整体。", "None is clearly worse than the whole."),
    "slice": ("哪些行", "Rows where"),
    "error": ("平均误差", "Mean error"),
    "wrong": ("错误率", "Wrong"),
    "slice.classification": (
        "{rows} 行中有 {error} 判断错误，全部行为 {overall}",
        "wrong in {error} of {rows} rows, {overall} over all",
    ),
    "slice.other": (
        "{rows} 行平均误差 {error}，全部行为 {overall}",
        "mean error {error} in {rows} rows, {overall} over all",
    ),
    "group": ("{value}：{figure}（{rows} 行）", "{value}: {figure} ({rows} rows)"),
    "group.persons": (
        "{value}：{figure}（{persons} 人，{rows} 行）",
        "{value}: {figure} ({persons} persons, {rows} rows)",
    ),
    "group.suppressed": ("{value}：人数过少，不显示", "{value}: too few, not shown"),
    "overall": ("整体", "Overall"),
    "p": ("p 值", "p-value"),
    "groups": ("对不同人群是否一样好", "Does it work for everybody alike?"),
    "groups.about": (
        "圆点是指标，横线是 95% 区间。不足 10 人的组不显示；若只有一组不足，则次小的一组也不显示。",
        "The dot is the figure, the line its 95 % interval. Groups of fewer than 10 are not shown; where one alone "
        "would be hidden, the next smallest is too.",
    ),
    "groups.none": ("没有可以比较的分组列。", "There is no column to compare groups by."),
    "gap": (
        "最大差距 {gap}（95% 区间 {low} 到 {high}）；随机分组时 95% 的情况低于 {chance}。",
        "Largest gap {gap} (95 % interval {low} to {high}); by chance it stays below {chance} in 95 of 100.",
    ),
    "suppressed": ("人数过少，不显示", "too few, not shown"),
    "confusion": ("混淆情况", "What was taken for what"),
    "confusion.about": ("行是真实类别，列是模型的判断。", "Rows are the truth, columns what the model said."),
    "confusion.cut": ("只画出最常见的 {n} 个类别。", "Only the {n} most common classes are drawn."),
    "calibration": ("校准", "Calibration"),
    "calibration.about": (
        "说七成把握的，是否真有七成对？点在虚线上即为准确；下方色条是行数。",
        "Of those told with 70 %, are seven in ten right? On the dashed line it is exact; the bars show rows.",
    ),
    "roc": ("ROC 曲线", "ROC curves"),
    "roc.about": ("横轴误报率，纵轴命中率；虚线是瞎猜。", "False alarms across, hits up; the dashed line is guessing."),
    "residuals": ("残差", "Residuals"),
    "residuals.about": ("横轴预测值，纵轴预测减真实。", "Predicted across, predicted minus true up."),
    "examples": ("最有把握的错误", "Most confident mistakes"),
    "examples.personal": (
        "数据集含个人信息，只列出行号。",
        "The data set tells of persons, so only the numbers of the rows are shown.",
    ),
    "examples.none": ("没有错误。", "There are no mistakes."),
    "row": ("行", "Row"),
    "truth": ("真实", "True"),
    "said": ("预测", "Predicted"),
    "confidence": ("把握或偏差", "Confidence or residual"),
    "content": ("内容", "Content"),
    "speed": ("速度与大小", "Speed and size"),
    "speed.about": (
        "单线程逐行 {calls} 次：中位 {p50} 毫秒，99% 在 {p99} 毫秒以内；成批每秒 {rows} 行；文件 {size}。",
        "One row at a time on one thread, {calls} calls: median {p50} ms, 99 % within {p99} ms; in batches "
        "{rows} rows a second; file {size}.",
    ),
    "folds": ("交叉验证各折", "Each fold of the cross-validation"),
    "folds.about": (
        "每一行都由没有见过它的一折来预测。区间按各折的差异估计，并计入各折共用训练数据（Nadeau 与 Bengio，2003）。",
        "Each row was predicted by the fit that had not seen it. The interval is from how the folds differ, widened "
        "because they share rows (Nadeau & Bengio, 2003).",
    ),
    "folds.parts": ("参与划分的部分：{parts}", "Parts whose rows were dealt: {parts}"),
    "length_of": ("「{column}」的长度", "length of {column}"),
    "fold": ("第 {n} 折", "Fold {n}"),
    "mean": ("平均", "Mean"),
    "spread": ("标准差", "Standard deviation"),
    "foot": (
        "数据校验和 {sha}。由书院生成，文件内不含脚本，也不访问网络。",
        "Data sha-256 {sha}. Made by Shuyuan; no script, no requests.",
    ),
    "name.cv_mean": ("交叉验证平均", "mean over folds"),
    "name.cv_spread": ("交叉验证标准差", "standard deviation over folds"),
    "name.accuracy": ("准确率", "accuracy"),
    "name.majority_share": ("总猜最常见类别的准确率", "accuracy of always saying the commonest"),
    "name.macro_precision": ("宏平均精确率", "macro precision"),
    "name.macro_recall": ("宏平均召回率", "macro recall"),
    "name.macro_f1": ("宏平均 F1", "macro F1"),
    "name.micro_f1": ("微平均 F1", "micro F1"),
    "name.weighted_precision": ("加权精确率", "weighted precision"),
    "name.weighted_recall": ("加权召回率", "weighted recall"),
    "name.weighted_f1": ("加权 F1", "weighted F1"),
    "name.precision": ("精确率", "precision"),
    "name.recall": ("召回率", "recall"),
    "name.f1": ("F1", "F1"),
    "name.auc": ("AUC", "AUC"),
    "name.log_loss": ("对数损失", "log-loss"),
    "name.brier": ("Brier 分数", "Brier score"),
    "name.calibration_error": ("校准误差", "calibration error"),
    "name.calibration_by_chance": ("偶然的校准误差", "calibration error by chance"),
    "name.rmse": ("均方根误差", "RMSE"),
    "name.mae": ("平均绝对误差", "mean absolute error"),
    "name.r2": ("R²", "R²"),
    "name.correlation": ("相关系数", "correlation"),
    "name.bias": ("平均偏差", "mean residual"),
    "name.baseline_rmse": ("总猜平均值的均方根误差", "RMSE of always saying the mean"),
    "name.recall_at_1": ("前 1 命中率", "recall at 1"),
    "name.recall_at_5": ("前 5 召回率", "recall at 5"),
    "name.recall_at_10": ("前 10 召回率", "recall at 10"),
    "name.ndcg_at_10": ("NDCG@10", "NDCG at 10"),
    "name.mrr": ("平均倒数排名", "mean reciprocal rank"),
    "name.queries": ("查询数", "queries"),
    "name.chrf": ("chrF", "chrF"),
    "name.mean_chrf": ("逐条 chrF 的平均", "mean chrF of each text"),
    "name.bleu": ("BLEU", "BLEU"),
    "name.rouge_1": ("ROUGE-1", "ROUGE-1"),
    "name.rouge_2": ("ROUGE-2", "ROUGE-2"),
    "name.rouge_l": ("ROUGE-L", "ROUGE-L"),
    "name.exact_match": ("完全一致", "exact match"),
    "name.perplexity": ("困惑度", "perplexity"),
    "name.nats_per_token": ("每词元的负对数似然", "nats per token"),
    "name.tokens": ("词元数", "tokens"),
    "name.silhouette": ("轮廓系数", "silhouette"),
    "name.adjusted_rand": ("调整兰德指数", "adjusted Rand index"),
    "name.clusters": ("簇数", "clusters"),
    "name.largest_share": ("最大簇占比", "share of the largest cluster"),
    "name.reconstruction_error": ("重建误差", "reconstruction error"),
    "name.unusual_share": ("异常行占比", "share of unusual rows"),
    "name.mean_return": ("平均回报", "mean return"),
    "name.baseline_return": ("对照的平均回报", "mean return without the policy"),
    "name.gain": ("比对照多得", "gained over the baseline"),
    "name.effective_rows": ("有效行数", "effective rows"),
    "name.loss": ("损失", "loss"),
    "name.rows": ("行数", "rows"),
    "name.subgroup_gap": ("人群间最大差距", "largest gap between groups"),
    "name.subgroup_gap_excess": ("超出偶然的人群差距", "gap between groups beyond chance"),
    "name.shuffled_distance": ("打乱标签后离偶然的距离", "distance from chance with shuffled labels"),
    "name.leak_suspects": ("单独就能说出标签的列数", "columns that tell the label by themselves"),
    "name.latency_p50_ms": ("中位延迟（毫秒）", "median latency (ms)"),
    "name.latency_p99_ms": ("p99 延迟（毫秒）", "p99 latency (ms)"),
    "name.rows_per_s": ("每秒行数", "rows a second"),
    "name.size_bytes": ("文件大小（字节）", "file size (bytes)"),
}


def say(key: str, language: Language, **values: str) -> str:
    """A sentence with its values put in. Values must be escaped already."""
    return WORDS[key][0 if language == "zh" else 1].format(**values)


def name(figure: str, language: Language) -> str:
    """A figure's name for people; one nobody named is called as it is.

    >>> name("auc", "en"), name("subgroup_gap:gender", "en")
    ('AUC', 'largest gap between groups: gender')
    """
    known, _, of = figure.partition(":")
    if f"name.{known}" not in WORDS:
        return figure
    return say(f"name.{known}", language) + (f": {name(of, language)}" if of else "")


def worse(found: Slice, family: Family, language: Language) -> str:
    """What goes wrong in a slice, beside all rows: a share of mistakes is said as one."""
    of_mistakes = family == "classification"
    told = {"error": found.error, "overall": found.overall}
    values = {one: f"{100 * value:.1f} %" if of_mistakes else f"{value:.3g}" for one, value in told.items()}
    return say(f"slice.{family if of_mistakes else 'other'}", language, rows=str(found.rows), **values)


def group(found: Group, language: Language) -> str:
    """A group's own figure, and of how many; the words of the data come as they are."""
    if found.suppressed:
        return say("group.suppressed", language, value=found.value)
    figure = "–" if found.figure is None else f"{found.figure:.3g}"
    kind = "group" if found.persons is None else "group.persons"
    counts = {"rows": str(found.rows), "persons": str(found.persons)}
    return say(kind, language, value=found.value, figure=figure, **counts)


def column(told: str, language: Language) -> str:
    """A column as slices name it: the length of a text is said in words.

    >>> column("len(answer)", "en"), column("hours", "en")
    ('length of answer', 'hours')
    """
    if told.startswith("len(") and told.endswith(")"):
        return say("length_of", language, column=told[4:-1])
    return told


def missing_reasons() -> frozenset[str]:
    """Why a figure may be missing, as far as there are words for it."""
    prefix = "missing."
    return frozenset(key.removeprefix(prefix) for key in WORDS if key.startswith(prefix))
