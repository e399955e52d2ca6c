"""Pictures in folders, and archives of strangers."""

import os
import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from tests.maas.datasets.files import picture, read, zipped

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds


def test_the_folder_is_the_label_and_furniture_is_left_out(tmp_path: Path) -> None:
    members = {
        "digits/1/b.png": picture(1),
        "digits/0/a.PNG": picture(0),
        "__MACOSX/digits/0/._a.png": b"x",
        "digits/readme.txt": b"hello",
    }
    frame, findings = read(tmp_path, zipped(members), "images")
    assert frame.columns == ["image", "label", "path"]
    assert frame["label"].to_list() == ["0", "1"]
    assert frame["image"][0] == picture(0)
    assert [(one.count, one.action) for one in findings] == [(2, "read"), (1, "left out")]


def test_a_corrupted_picture_is_named(tmp_path: Path) -> None:
    broken = picture(7, (64, 64))[:-30]
    with pytest.raises(interface.BadData, match=r"1 pictures do not open: a/broken.png"):
        read(tmp_path, zipped({"a/fine.png": picture(), "a/broken.png": broken}), "images")


def test_a_picture_of_too_many_pixels_is_named_not_decoded(tmp_path: Path) -> None:
    with pytest.raises(interface.BadData, match="200 x 200 pixels"):
        read(tmp_path, zipped({"a/big.png": picture(0, (200, 200))}), "images", Bounds(max_pixels=1000))


def test_an_archive_without_pictures_is_empty(tmp_path: Path) -> None:
    with pytest.raises(interface.EmptyData):
        read(tmp_path, zipped({"a.txt": b"x"}), "images")


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "a/../../b.png", "C:/a.png", "a\\..\\b.png"])
def test_a_member_that_reaches_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(interface.HostileArchive, match="reaches out"):
        read(tmp_path, zipped({name: picture()}), "images")


def test_a_link_is_refused(tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(interface.HostileArchive, match="is a link"):
        read(tmp_path, out.getvalue(), "images")


@pytest.mark.parametrize(
    ("members", "bounds", "said"),
    [
        ({"a.png": b"\0" * 8_000_000}, Bounds(), "times its size"),
        ({"a.png": b"\0" * 8_000_000, "b.png": os.urandom(300_000)}, Bounds(), "the member 'a.png' unpacks to"),
        ({f"{at}.png": b"\0" * 900_000 for at in range(4)}, Bounds(max_member_bytes=1_000_000), "times its size"),
        ({"a.png": b"x" * 2000}, Bounds(max_member_bytes=1000), "has 2,000 bytes"),
        ({f"{at}.png": b"x" for at in range(20)}, Bounds(max_files=10), "20 members"),
        ({f"{at}.png": b"x" * 600 for at in range(2)}, Bounds(max_bytes=1000), "unpacks to 1,200 bytes"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, members: dict[str, bytes], bounds: Bounds, said: str
) -> None:
    with pytest.raises(interface.HostileArchive, match=said):
        read(tmp_path, zipped(members), "images", bounds)


def test_a_member_that_lies_about_its_size_is_refused_while_it_is_unpacked(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.png": b"x" * 5000}, zipfile.ZIP_STORED))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = packed.find(signature) + at
        packed[place : place + 4] = (100).to_bytes(4, "little")
    with pytest.raises(interface.BadData):
        read(tmp_path, bytes(packed), "images")


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(interface.BadData, match="does not unpack"):
        read(tmp_path, zipped({"a.png": picture()})[:-30], "images")
