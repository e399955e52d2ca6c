"""How good are the text services on real texts? Summaries, titles, translations and fields of papers, each
against its floor.

Every figure comes through the gateway itself, on the books, with the default method of each service; models' words
beside it where a card claims them, on a sample whose size is part of the protocol. Nothing was learnt from the dev
parts: weights of the extracts were chosen on SciTLDR train and on the first 300 titles of CSL, which are left out.
"""

import asyncio
import csv
import gzip
import json
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

if __package__ in (None, ""):  # run as a file: make the repository importable
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from bench import harness
from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.science import metrics
from shuyuan.science import text as plain_text

T = TypeVar("T")
SEED = 20260101
BY_MODEL = int(
    os.environ.get("SHUYUAN_BENCH_SAMPLE", "60")
)  # sentences the tutor model is asked about; half as many papers
TITLES_LEFT_OUT = 300  # the first papers of CSL: weights were chosen on them
AT_ONCE = 4
FLOORS = {
    "floor_summary_rouge1": 30.1,
    "floor_summary_rouge2": 10.6,
    "floor_summary_rougeL": 23.0,
    "floor_title_rouge1": 37.6,
    "floor_title_rouge2": 26.8,
    "floor_title_rougeL": 33.3,
    "floor_translation_bleu": 13.2,
    "floor_translation_chrf": 12.6,
}
PROTOCOL = (
    "through the gateway, default method of each service; text_scitldr dev (619 papers): one sentence, ROUGE F with "
    "Porter stems, reference with the best ROUGE-1, floor = first sentence; text_csl titles: papers 301-1000 of "
    "title_dev, character ROUGE, floor = first 20 characters; mt_tatoeba_en_zh dev: {n} English sentences drawn with "
    "seed {seed}, all references, BLEU by characters, floor = translation of the most similar training sentence; "
    "text_csl category_dev (1,000 titles), 13 fields described in words, no training, floor = always the largest "
    "field; by_model figures: half as many papers drawn with the same seed, tutor model"
)
GOALS: dict[str, harness.Goal] = {
    "summary_rouge1": (">", 30.1),
    "summary_rouge2": (">", 10.6),
    "summary_rougeL": (">", 23.0),
    "title_rouge1": (">", 37.6),
    "title_rouge2": (">", 26.8),
    "title_rougeL": (">", 33.3),
    "translation_bleu": (">", 13.2),
    "translation_chrf": (">", 12.6),
    "translation_numbers_lost_unsaid": ("==", 0),
    "category_over_majority": (">", 0),
    "category_macro_f1_over_majority": (">", 0),
}
FIELDS = {  # what each label covers, in our words
    "工学": "机械、电子、计算机、通信、材料、建筑、化工、能源、交通",
    "医学": "疾病、临床治疗、药物、护理、手术、患者、中医",
    "农学": "作物、种植、养殖、土壤、林业、畜牧、水产",
    "理学": "数学、物理、化学、生物、地理、地质、天文、大气",
    "法学": "法律、司法、犯罪、政治、社会学、马克思主义、民族",
    "管理学": "企业管理、行政、会计、图书馆、旅游、公共管理",
    "经济学": "经济增长、金融、贸易、产业、市场、财政",
    "教育学": "教学、课程、学校、教师、学生、心理学、体育",
    "文学": "小说、诗歌、语言、作家、翻译、新闻",
    "历史学": "古代、朝代、史料、考古、人物、近代史",
    "哲学": "思想、伦理、道家儒家、逻辑、宗教、美学",
    "艺术学": "音乐、绘画、电影、舞蹈、设计、书法、戏剧",
    "军事学": "战争、武器、部队、国防、作战、军队",
}


class Desk:
    """The gateway and somebody who may use it."""

    def __init__(self, gateway: GatewayService, principal: Principal) -> None:
        self.gateway, self.principal = gateway, principal


def main() -> bool:
    """Measure, print, and say whether every goal was met."""
    for name in ("text_scitldr", "text_csl", "mt_tatoeba_en_zh"):
        harness.data_folder(name)
    with tempfile.TemporaryDirectory(prefix="shuyuan-bench-text-") as home:
        figures = asyncio.run(_measured(Path(home)))
    protocol = PROTOCOL.format(n=BY_MODEL, seed=SEED)
    return harness.report("text", {**FLOORS, **figures}, protocol, GOALS)


async def _measured(home: Path) -> dict[str, harness.Figure]:
    platform = Platform(Settings(home=home, starter="tutor"))
    try:
        desk = _desk(platform)
        figures: dict[str, harness.Figure] = {}
        for part in (_summaries, _titles, _fields, _translations, _by_model):
            figures |= await part(desk)
            print(json.dumps(figures, ensure_ascii=False), file=sys.stderr, flush=True)
        await desk.gateway.drain()
        await platform.get("engine").close()
        return figures
    finally:
        platform.close()


def _desk(platform: Platform) -> Desk:
    migrations.upgrade(platform.get("db"))
    identity = platform.get("identity")
    school = identity.create_school("Bench")
    account = platform.get("db").write(
        lambda uow: identity.create_account(
            uow, school_id=school.id, role="admin", name="Bench", login="bench", secret=None
        )
    )
    return Desk(platform.get("gateway"), identity.sign_in_as(account).principal)


async def _summaries(desk: Desk) -> dict[str, harness.Figure]:
    papers = _papers()
    told = await _each(papers, lambda paper: desk.gateway.summarize(desk.principal, _abstract(paper), sentences=1))
    scored = [
        metrics.best_rouge(_stems(one.text), [_stems(target) for target in paper["target"]])
        for one, paper in zip(told, papers, strict=True)
    ]
    return _rouge("summary", scored)


async def _titles(desk: Desk) -> dict[str, harness.Figure]:
    papers = _rows("text_csl/title_dev.tsv.gz")[TITLES_LEFT_OUT:]
    told = await _each(papers, lambda row: desk.gateway.summarize(desk.principal, row[1], style="title"))
    return _rouge("title", [metrics.rouge(list(one.text), list(row[2])) for one, row in zip(told, papers, strict=True)])


async def _translations(desk: Desk) -> dict[str, harness.Figure]:
    references = _references("dev")
    sample = random.Random(SEED).sample(sorted(references), BY_MODEL)
    told = await _each(sample, lambda text: _tried(desk.gateway.translate(desk.principal, text, target="zh")))
    said = [one.text if one else "" for one in told]
    given = [references[text] for text in sample]
    lost = [
        bool(plain_text.lost_numbers(text, one.text)) and not one.warnings
        for text, one in zip(sample, told, strict=True)
        if one
    ]
    return {
        "translation_bleu": metrics.bleu(
            [metrics.chinese_terms(text) for text in said],
            [[metrics.chinese_terms(text) for text in ones] for ones in given],
        ),
        "translation_chrf": metrics.chrf(said, given),
        "translation_sentences": len(sample),
        "translation_refused": sum(one is None for one in told),
        "translation_warned": sum(bool(one and one.warnings) for one in told),
        "translation_numbers_lost_unsaid": sum(lost),
    }


async def _fields(desk: Desk) -> dict[str, harness.Figure]:
    rows = _rows("text_csl/category_dev.tsv.gz")
    told = await _each(
        rows, lambda row: desk.gateway.classify(desk.principal, row[1], tuple(FIELDS), descriptions=FIELDS)
    )
    gold, said = [row[2] for row in rows], [one.labels[0][0] for one in told]
    largest, times = Counter(gold).most_common(1)[0]
    accuracy = sum(a == b for a, b in zip(gold, said, strict=True)) / len(gold)
    macro, floor = metrics.macro_f1(gold, said), metrics.macro_f1(gold, [largest] * len(gold))
    return {
        "category_accuracy": accuracy,
        "category_macro_f1": macro,
        "floor_category_accuracy": times / len(gold),
        "floor_category_macro_f1": floor,
        "category_over_majority": accuracy - times / len(gold),
        "category_macro_f1_over_majority": macro - floor,
    }


async def _by_model(desk: Desk) -> dict[str, harness.Figure]:
    papers = random.Random(SEED).sample(_papers(), BY_MODEL // 2)
    told = await _each(
        papers,
        lambda paper: _tried(
            desk.gateway.summarize(desk.principal, _abstract(paper), sentences=1, language="en", model="tutor")
        ),
    )
    scored = [
        metrics.best_rouge(_stems(one.text if one else ""), [_stems(target) for target in paper["target"]])
        for one, paper in zip(told, papers, strict=True)
    ]
    return {
        **_rouge("summary_by_model", scored),
        "summary_by_model_papers": len(papers),
        "summary_by_model_refused": sum(one is None for one in told),
        "summary_by_model_warned": sum(bool(one and one.warnings) for one in told),
    }


async def _each(ones: Sequence[object], ask: Callable[..., Awaitable[T]]) -> list[T]:
    """Every answer, a few at once, in order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one_of(one: object) -> T:
        async with places:
            return await ask(one)

    return await asyncio.gather(*(one_of(one) for one in ones))


async def _tried(answer: Awaitable[T]) -> T | None:
    """None where the service refuses what its model said."""
    try:
        return await answer
    except (interface.EmptyOutput, interface.WrongLanguage, interface.OutputCut, errors.BadInput):
        return None


def _rouge(name: str, scored: Sequence[metrics.Rouge]) -> dict[str, harness.Figure]:
    mean = metrics.mean_rouge(scored)
    return {f"{name}_rouge1": 100 * mean.one, f"{name}_rouge2": 100 * mean.two, f"{name}_rougeL": 100 * mean.longest}


def _stems(text: str) -> list[str]:
    """Terms as the published figures count them: words longer than three letters as stems."""
    return [plain_text.stem(word) if len(word) > 3 else word for word in re.findall(r"[a-z0-9]+", text.lower())]


def _abstract(paper: Mapping[str, Sequence[str]]) -> str:
    return " ".join(paper["source"])


def _papers() -> list[dict[str, list[str]]]:
    with gzip.open(harness.data_folder("text_scitldr") / "dev.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def _rows(name: str) -> list[list[str]]:
    folder, file = name.split("/")
    with gzip.open(harness.data_folder(folder) / file, "rt") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def _references(part: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with gzip.open(harness.data_folder("mt_tatoeba_en_zh") / f"{part}.tsv.gz", "rt") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            found.setdefault(row["en"], []).append(row["zh"])
    return found


if __name__ == "__main__":
    main()
