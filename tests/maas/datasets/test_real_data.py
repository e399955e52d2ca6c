"""Real data sets, as they came: what is seen in them, and what a plan makes of them."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.maas.datasets.conftest import Room
from tests.maas.datasets.files import zipped

from shuyuan.maas.datasets import frames
from shuyuan.science.features import Features


def test_profiles_of_students_are_split_by_person_and_become_features(room: Room, shuyuan_data: Path) -> None:
    content = (shuyuan_data / "oulad" / "studentInfo.csv.gz").read_bytes()
    first = room.imported(content, "oulad", filename="studentInfo.csv.gz", personal=True, consent=True)
    assert first.rows == 21_333
    assert {one.name: one.missing for one in first.columns if one.missing} == {"imd_band": 716}
    assert [one.name for one in first.with_role("person")] == ["id_student"]
    assert [one.name for one in first.with_role("label")] == ["final_result"]
    rules = [{"rule": "missing", "by": "mode"}, {"rule": "duplicates"}, {"rule": "imbalance"}, {"rule": "leakage"}]
    second = room.prepared("oulad", rules=rules, split={"by": "person"})
    parts = {part: frames.read(room.service.open_part(second, part)) for part in second.parts}
    people = [set(np.asarray(table["id_student"]).tolist()) for table in parts.values()]
    assert sum(map(len, people)) == len(set().union(*people)) == 19_720
    assert [one.rule for one in second.findings if one.rule != "imbalance"] == ["missing"]
    counted = next(one.detail for one in second.findings if one.rule == "imbalance")
    assert counted.startswith("Distinction: ")
    fitted = Features.fit(parts["train"], [one.model_dump() for one in second.columns])
    assert fitted.labels == ("Distinction", "Fail", "Pass", "Withdrawn")
    assert fitted.transform(parts["test"])["features"].shape == (second.parts["test"].rows, len(fitted.dense_names))


def test_chinese_titles_are_text_and_their_fields_a_label(room: Room, shuyuan_data: Path) -> None:
    packed = (shuyuan_data / "text_csl" / "category_dev.tsv.gz").read_bytes()
    content = b"prompt\ttitle\tlabel\n" + gzip.decompress(packed)
    version = room.imported(content, "csl", filename="csl.tsv")
    assert [(one.name, one.kind, one.role) for one in version.columns[1:]] == [
        ("title", "text", "feature"),
        ("label", "category", "label"),
    ]
    assert (version.rows, version.column("label").distinct) == (1000, 13)


def test_digits_as_a_zip_of_pictures_are_images_again(room: Room, shuyuan_data: Path) -> None:
    with gzip.open(shuyuan_data / "img_optdigits" / "digits.csv.gz", "rt") as text:
        rows = list(csv.DictReader(text))[:200]
    members = {f"digits/{row['label']}/{at:03}.png": _png(row) for at, row in enumerate(rows)}
    version = room.imported(zipped(members), "digits", filename="digits.zip")
    assert [(one.name, one.kind, one.role) for one in version.columns] == [
        ("image", "image", "feature"),
        ("label", "integer", "label"),
        ("path", "identifier", "ignore"),
    ]
    more = room.prepared("digits", augment=[{"rule": "image"}], split={"by": "stratified", "shares": [0.8, 0.0, 0.2]})
    table = frames.read(room.service.open_part(more, "train"))
    assert more.parts["train"].rows == 320
    fitted = Features.fit(table, [one.model_dump() for one in more.columns])
    assert fitted.transform(table)["image"].shape == (320, 1, 8, 8)
    assert len(fitted.labels) == 10
    assert str(room.service.preview(more)[0]["image"]).startswith("data:image/png;base64,")


def _png(row: dict[str, str]) -> bytes:
    pixels = np.array([int(row[f"p{at}"]) * 15 for at in range(64)], np.uint8).reshape(8, 8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("name", ["oulad", "text_csl", "img_optdigits"])
def test_the_data_sets_of_this_file_are_there(shuyuan_data: Path, name: str) -> None:
    assert (shuyuan_data / name).is_dir()
