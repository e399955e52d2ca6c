"""Print in a photo: read right, in both languages, within caps, without a network."""

import io
import re
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rapidocr", reason="OCR tests need rapidocr (make media)")

from PIL import Image, ImageDraw, ImageFont
from tests.maas import starter_files

from shuyuan.maas.runners import interface, ocr, pictures
from shuyuan.maas.serving import wire

pytestmark = pytest.mark.timeout(300)
NEVER = threading.Event()
_FONTS = Path("/usr/share/fonts")
ENGLISH = ["The river runs to the sea.", "Photosynthesis needs light,", "water and 6 CO2."]
CHINESE = ["光合作用需要阳光和水分", "黄河自西向东流过中国北方", "第三单元 函数的图像"]


@pytest.fixture(scope="module")
def runner() -> Iterator[ocr.OcrRunner]:
    made = ocr.OcrRunner()
    made.load(starter_files.require("ocr").locate("ocr").path, context_tokens=0)
    yield made
    made.close()


def font(pattern: str, size: int) -> ImageFont.FreeTypeFont:
    found = sorted(_FONTS.rglob(pattern))
    if not found:
        pytest.skip(f"no font {pattern} on this machine")
    return ImageFont.truetype(found[0], size)


def page(lines: list[str], pattern: str = "DejaVuSans.ttf", size: int = 32) -> Image.Image:
    image = Image.new("RGB", (900, 60 + 70 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 30 + 70 * number), line, "black", font(pattern, size))
    return image


def save(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def read(runner: ocr.OcrRunner, image: bytes) -> interface.Chunk:
    (chunk,) = runner.submit("ocr", {"image": image}, NEVER)
    return chunk


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("lines", "pattern"), [(ENGLISH, "DejaVuSans.ttf"), (CHINESE, "NotoSansCJK-Regular.ttc")], ids=["en", "zh"]
)
def test_print_is_read_line_by_line(runner: ocr.OcrRunner, lines: list[str], pattern: str) -> None:
    chunk = read(runner, save(page(lines, pattern)))
    assert [letters(line) for line in chunk.text.splitlines()] == [letters(line) for line in lines]
    assert chunk.finish_reason == "stop"


def test_each_line_has_a_box_where_it_stands(runner: ocr.OcrRunner) -> None:
    data = read(runner, save(page(ENGLISH))).data
    assert (data["width"], data["height"]) == (900, 270)
    lines = data["lines"]
    assert isinstance(lines, list)
    for number, line in enumerate(lines):
        xs, ys = zip(*line["box"], strict=True)
        assert abs(min(xs) - 40) < 12
        assert abs(np.mean(ys) - (30 + 70 * number + 19)) < 12
        assert line["score"] > 0.8


def test_a_large_photo_is_read_and_its_boxes_are_in_its_own_pixels(runner: ocr.OcrRunner) -> None:
    large = page(ENGLISH).resize((4500, 1350))
    data = read(runner, save(large, "JPEG", quality=80)).data
    assert (data["width"], data["height"]) == (4500, 1350)
    lines = data["lines"]
    assert isinstance(lines, list)
    assert letters(lines[0]["text"]) == letters(ENGLISH[0])
    assert abs(lines[0]["box"][0][0] - 200) < 60


def test_a_photo_held_sideways_is_turned_by_its_own_note(runner: ocr.OcrRunner) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = page(ENGLISH).transpose(Image.Transpose.ROTATE_90)
    chunk = read(runner, save(turned, "JPEG", exif=exif.tobytes()))
    assert letters(chunk.text) == letters("".join(ENGLISH))
    assert (chunk.data["width"], chunk.data["height"]) == (900, 270)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP"])
def test_every_promised_format_is_read(runner: ocr.OcrRunner, form: str) -> None:
    assert letters(ENGLISH[0]) in letters(read(runner, save(page(ENGLISH), form)).text)


def test_a_see_through_picture_is_laid_on_white(runner: ocr.OcrRunner) -> None:
    clear = Image.new("RGBA", (900, 130), (0, 0, 0, 0))
    ImageDraw.Draw(clear).text((40, 30), ENGLISH[0], "black", font("DejaVuSans.ttf", 32))
    assert letters(read(runner, save(clear)).text) == letters(ENGLISH[0])


def test_a_blank_page_has_no_lines(runner: ocr.OcrRunner) -> None:
    chunk = read(runner, save(Image.new("RGB", (300, 300), "white")))
    assert (chunk.text, chunk.data["lines"]) == ("", [])


def _png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return start + struct.pack(">I", 1 << 20) + b"IDAT" + zlib.compress(bytes(1000))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (_png_header(60_000, 60_000), "3600000000 pixels"),
        (_png_header(10_000, 10_000), "100000000 pixels|10000 x 10000"),
        (_png_header(5_001, 5_000), "5001 x 5000"),
        (_png_header(2_000, 2_000), "cannot be read"),
        (save(Image.new("RGB", (9, 9)), "GIF"), "cannot be read"),
        (save(Image.new("RGB", (9, 9)), "TIFF"), "cannot be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (save(Image.new("RGB", (2, 900))), "2 x 900"),
        (b"", "bytes of a picture"),
        ("https://example.org/a.png", "bytes of a picture"),
        (b"\x89PNG" + b"0" * pictures.MAX_BYTES, "at most 20971520"),
    ],
)
def test_what_is_no_fit_picture_is_refused_in_words(runner: ocr.OcrRunner, image: object, said: str) -> None:
    with pytest.raises(interface.BadPicture, match=said) as refused:
        list(runner.submit("ocr", {"image": image}, NEVER))
    assert wire.error_of(wire.error_to_dict(refused.value)).error_code == "bad_image"  # type: ignore[attr-defined]


def test_cut_and_bent_pictures_never_raise_anything_else(runner: ocr.OcrRunner) -> None:
    rng = np.random.default_rng(3)
    for form in ("PNG", "JPEG", "WEBP", "BMP"):
        whole = save(Image.new("RGB", (64, 64), "gray"), form)
        for _ in range(40):
            bent = bytearray(whole[: rng.integers(8, len(whole) + 1)])
            bent[rng.integers(0, len(bent))] ^= int(rng.integers(1, 256))
            try:
                pictures.read(bytes(bent), longest_side=100)
            except interface.BadPayload:
                continue


def test_no_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("somebody reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = ocr.OcrRunner()
    made.load(starter_files.require("ocr").locate("ocr").path, context_tokens=0)
    assert letters(read(made, save(page(ENGLISH))).text)
    made.close()


def test_a_missing_sibling_is_named_and_not_fetched(tmp_path: Path) -> None:
    whole = starter_files.require("ocr").locate("ocr").path
    alone = tmp_path / whole.name
    alone.write_bytes(whole.read_bytes())
    with pytest.raises(interface.BadModelFile, match=r"\*rec\*"):
        ocr.OcrRunner().load(alone, context_tokens=0)


def test_cancelling_stops_between_lines(runner: ocr.OcrRunner) -> None:
    class AfterTwoLooks:
        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            return self.looks > 2

    cancelled = AfterTwoLooks()
    (chunk,) = runner.submit("ocr", {"image": save(page(ENGLISH * 4, size=24))}, cancelled)
    assert chunk.finish_reason == "cancelled"
    assert cancelled.looks == 3
