"""A model's card, made from its run: Hugging Face's format (YAML front matter, then Markdown), and short in zh and en.

It tells what the version was made from and how it did, in figures of the validation part first. What it should be used
for is a person's to say: the card has a place for it.
"""

from collections.abc import Mapping
from typing import TypeVar

import yaml

from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface

T = TypeVar("T")
FILE = "card.md"
_MOST_FIGURES = 40
_PIPELINE = {  # Hugging Face's words for what a model does
    "tabular_classification": "tabular-classification",
    "tabular_regression": "tabular-regression",
    "image_classification": "image-classification",
    "text_classification": "text-classification",
    "language_model": "text-generation",
}


def short(run: interface.Run, title: catalogue_api.LocalText) -> catalogue_api.LocalText:
    """Two sentences, for lists and pages; those name its figures in their own language, and fold up those of test."""
    return catalogue_api.LocalText(
        zh=f"{title.zh}。由 {run.uri} 在 {run.data} 上训练（种子 {run.seed}）。",
        en=f"{title.en}. Trained by {run.uri} on {run.data} (seed {run.seed}).",
    )


def markdown(
    run: interface.Run,
    data: datasets_api.DataSetVersion,
    model: str,
    title: catalogue_api.LocalText,
    spec: Mapping[str, object],
) -> str:
    """The whole card."""
    head = yaml.safe_dump(_front(run, data, model), allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{head}---\n\n{_body_en(run, data, model, title, spec)}\n{_body_zh(run, data, title)}"


def _front(run: interface.Run, data: datasets_api.DataSetVersion, model: str) -> dict[str, object]:
    kind = _PIPELINE.get(run.task, "other")
    results = [
        {"type": name, "value": value, "name": name.replace("_", " "), "verified": False}
        for name, value in _shown(run.figures)
    ]
    return {
        "library_name": "shuyuan",
        "pipeline_tag": kind,
        "license": "other",
        "license_name": "as-the-school-states",
        "tags": ["shuyuan", run.task],
        "datasets": [data.uri],
        **({"base_model": run.parent} if run.parent else {}),
        "model-index": [
            {
                "name": model,
                "results": [
                    {
                        "task": {"type": kind},
                        "dataset": {"type": data.name, "name": data.uri, "revision": data.sha256},
                        "metrics": results,
                    }
                ],
            }
        ],
    }


def _body_en(
    run: interface.Run,
    data: datasets_api.DataSetVersion,
    model: str,
    title: catalogue_api.LocalText,
    spec: Mapping[str, object],
) -> str:
    lines = [
        f"# {model}: {title.en}",
        "",
        "## Intended use",
        "",
        f"What the data set was collected for: {_cell(data.purpose) or 'not stated'}. Whether it suits another purpose "
        "is for a named person to judge. A model has no authority: its output is never a mark by itself.",
        "",
        "## Made from",
        "",
        f"- run: `{run.uri}` (number {run.number}, seed {run.seed}, code `{run.code_version}`)",
        f"- data: `{data.uri}`, sha-256 `{data.sha256}`, {data.rows} rows; "
        f"personal: {_yes(data.personal)}, consent for training: {_yes(data.consent)}",
        f"- parent: `{run.parent or 'none'}`",
        f"- weights: sha-256 `{run.weights_sha256 or 'not stated'}`",
        f"- libraries: {', '.join(f'{name} {version}' for name, version in run.versions.items()) or 'not stated'}",
        f"- processor time {run.cpu_s:.1f} s, memory at most {run.peak_rss_bytes / 1e6:.0f} MB",
        "",
        "## Figures",
        "",
        *_table(run.figures, "figure", "value"),
        "",
        "## Config",
        "",
        *_table(run.config, "field", "value"),
    ]
    if isinstance(labels := spec.get("labels"), list) and labels:
        lines += ["", "## Labels", "", ", ".join(f"`{label}`" for label in labels[:100])]
    return "\n".join(lines) + "\n"


def _body_zh(run: interface.Run, data: datasets_api.DataSetVersion, title: catalogue_api.LocalText) -> str:
    return "\n".join(
        [
            f"# {title.zh}",
            "",
            f"由 `{run.uri}` 在 `{data.uri}` 上训练（{data.rows} 行，种子 {run.seed}）。"
            f"数据收集的目的：{_cell(data.purpose) or '未注明'}。"
            "是否适合别的用途，由署名的人判断；模型的输出本身从不算成绩。",
            "",
            *_table(run.figures, "指标", "数值"),
            "",
        ]
    )


def _table(values: Mapping[str, object], name: str, value: str) -> list[str]:
    rows = [f"| {key} | {_cell(held)} |" for key, held in _shown(values)]
    return [f"| {name} | {value} |", "|---|---|", *rows]


def _shown(values: Mapping[str, T]) -> list[tuple[str, T]]:
    """Figures of the validation part first: selection is by those."""
    ordered = sorted(values.items(), key=lambda pair: (not pair[0].startswith("validation_"), pair[0]))
    return ordered[:_MOST_FIGURES]


def _cell(value: object) -> str:
    told = f"{value:.6g}" if isinstance(value, float) else str(value)
    return told.replace("|", "\\|").replace("\n", " ")[:200]


def _yes(value: bool) -> str:
    return "yes" if value else "no"
