"""What a bundle would carry out of the school: columns, labels, origin; and no raw identifiers of persons. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.deployment import interface
from shuyuan.science.features import pseudonyms

_IDENTIFIER = "identifier"
_MOST_NAMED, _MOST_SHOWN = 3, 20
_NEUTRAL = (("mean", 0.0), ("std", 1.0))  # of a picture's values
_TABLES = {
    "libraries": "numpy onnxruntime",
    "use_zh": "`python run.py 学生.csv`：一行一个答案，显示在屏幕上；`-o 答案.json` 写入文件。",
    "use_en": "`python run.py pupils.csv`: one answer a row on the screen; `-o answers.json` writes a file.",
    "post_zh": "用 JSON 提交各行",
    "post_en": "post rows as JSON",
}
_PICTURES = {
    "libraries": "numpy onnxruntime pillow",
    "use_zh": "`python run.py 照片.png 更多.zip 文件夹`：一张图片一个答案，显示在屏幕上；`-o 答案.json` 写入文件。"
    "读取 PNG、JPEG、WebP、BMP 和 GIF。也可以给一个表格：`python run.py 图片.csv`，其中 `{column}` 列写图片的文件名，"
    "从表格所在的文件夹找起。",
    "use_en": "`python run.py photo.png more.zip folder`: one answer a picture on the screen; `-o answers.json` writes "
    "a file. PNG, JPEG, WebP, BMP and GIF are read. Or a table, `python run.py pictures.csv`, whose column `{column}` "
    "names picture files, seen from the table's folder.",
    "post_zh": '提交一张图片（`curl --data-binary @照片.png -H "content-type: image/png"`），'
    '或者用 JSON 提交各行，图片写成 `{"base64": "…"}`',
    "post_en": 'post a picture (`curl --data-binary @photo.png -H "content-type: image/png"`), or rows as JSON with '
    'the picture as `{"base64": "…"}`',
}


def require_impersonal(version: catalogue.Version) -> None:
    """Raise NotPortable where the encoders keep identifiers as they were written.

    A column of kind identifier may name persons unless the task says that it holds the items to be ranked. Pseudonyms
    may leave: they are keyed hashes, and the key stays here.
    """
    features = _mapping(version.spec.get("features"))
    named = pseudonyms.raw(features, [name for name, kind in _kinds(features) if kind == _IDENTIFIER])
    item = _mapping(version.spec.get("ranking")).get("item")
    if told := [name for name in named if name != item]:
        more = " …" if len(told) > _MOST_NAMED else ""
        raise interface.NotPortable(
            f"{version.uri} carries the raw identifiers of column {', '.join(map(repr, told[:_MOST_NAMED]))}{more}: "
            "whoever has the bundle could read whom it was trained on",
            fix="give the column the role person or ignore in the data set, train again, and bundle that version",
        )


def told(version: catalogue.Version) -> dict[str, object]:
    """What is inside, for the manifest: every column it reads, the words it keeps, and where it is from."""
    features = _mapping(version.spec.get("features"))
    words = {str(one.get("name")): _listed(_mapping(one.get("state")).get("known")) for one in _columns(features)}
    return {
        "task": str(version.spec.get("task", "")),
        "columns": [
            {
                "name": name,
                "kind": kind,
                "words": len(words.get(name, ())),
                "such_as": words.get(name, [])[:_MOST_SHOWN],
            }
            for name, kind in _kinds(features)
        ],
        "labels": list(_listed(version.spec.get("labels"))),
        "made_from": {what: version.lineage[what] for what in ("data", "run") if what in version.lineage},
        "persons": "no rows of persons; columns of kind identifier hold pseudonyms, or the items to be ranked",
    }


def lines(version: catalogue.Version) -> tuple[str, str]:
    """The same in a line for people: Chinese, English."""
    found = [name for name, _ in _kinds(_mapping(version.spec.get("features")))]
    labels = [str(one) for one in _listed(version.spec.get("labels"))]
    zh = f"读取的列：{'、'.join(found) or '模型自己的输入'}。" + (
        f"给出的类别：{'、'.join(labels)}。" if labels else ""
    )
    en = f"Columns it reads: {', '.join(found) or 'the inputs of the graph'}." + (
        f" Classes it gives: {', '.join(labels)}." if labels else ""
    )
    return zh, en


def encoders(version: catalogue.Version) -> Mapping[str, Any] | None:
    """The encoders of its columns; those of one picture where `image` alone says how it is read; None: bare tensors.

    A value is (byte * scale - mean) / std there, and (byte / 255 - mean) / scale in an encoder.
    """
    if version.spec.get("features") is not None:
        return _mapping(version.spec["features"])
    image = _mapping(version.spec.get("image"))
    if not image or image.get("layout", "nchw") != "nchw" or image.get("resize", "stretch") != "stretch":
        return None
    height, width = image["size"]
    channels, whole = image.get("channels", 3), 255 * float(image.get("scale", 1 / 255))
    mean, spread = ([one / whole for one in _each(image.get(key, plain), channels)] for key, plain in _NEUTRAL)
    state = {"height": height, "width": width, "channels": channels, "mean": mean, "scale": spread}
    return {
        "format": 1,
        "columns": [{"name": image.get("input", "image"), "kind": "image", "state": state}],
        "label": None,
    }


def picture(version: catalogue.Version) -> str | None:
    """The column that it reads pictures from; None where it reads none."""
    return next((name for name, kind in _kinds(_mapping(encoders(version))) if kind == "image"), None)


def use(version: catalogue.Version) -> Mapping[str, str]:
    """How `run.py` is given what this version reads, and what that takes, for the README."""
    column = picture(version)
    if column is None:
        return _TABLES
    return {name: text.replace("{column}", column) for name, text in _PICTURES.items()}


def _kinds(features: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((str(one.get("name")), str(one.get("kind"))) for one in _columns(features))


def _columns(features: Mapping[str, Any]) -> list[Mapping[str, Any]]:  # Any: JSON, as the run wrote it
    return [one for one in _listed(features.get("columns")) if isinstance(one, Mapping)]


def _each(said: Any, channels: int) -> list[float]:  # Any: JSON
    """One number a channel."""
    return [float(one) for one in (said if isinstance(said, list | tuple) else [said] * channels)]


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _listed(found: object) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else []
