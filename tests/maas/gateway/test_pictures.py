"""Pictures by their headers: sizes, caps, broken ones; and the process that decodes them."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from tests.maas.gateway.mediafiles import bomb, encoded, png

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.media import decoder, pictures

PIXELS = np.arange(30 * 40 * 3, dtype=np.uint32).astype(np.uint8).reshape(30, 40, 3)
pytest.importorskip("PIL", reason="pictures are decoded by Pillow, of the extra `ocr`")


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (png(PIXELS), "png"),
        (encoded(PIXELS, "JPEG"), "jpeg"),
        (encoded(PIXELS, "JPEG", progressive=True), "jpeg"),
        (encoded(PIXELS, "WEBP"), "webp"),
        (encoded(PIXELS, "WEBP", lossless=True), "webp"),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_header(data: bytes, known: str) -> None:
    assert pictures.look(data) == pictures.Picture(known, 40, 30)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(40), b"<svg/>", png(PIXELS)[:20], encoded(PIXELS, "JPEG")[:30]]
)
def test_other_formats_and_headers_cut_short_are_refused(data: bytes) -> None:
    with pytest.raises(pictures.BadPicture):
        pictures.look(data)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (20_000, 10), (7_000, 7_000)])
def test_a_bomb_is_refused_by_what_its_header_claims(width: int, height: int) -> None:
    with pytest.raises(interface.TooMuch, match=f"{width} x {height} pixels") as refused:
        pictures.look(bomb(width, height))
    assert refused.value.error_code == "image_too_large"


def with_decoder(work: Callable[[decoder.Decoder], Awaitable[None]]) -> None:
    async def run() -> None:
        decoding = decoder.Decoder()
        try:
            await work(decoding)
        finally:
            await decoding.close()

    asyncio.run(run())


def test_a_picture_is_decoded_in_its_own_process_stretched_or_padded() -> None:
    async def work(decoding: decoder.Decoder) -> None:
        same = await decoding.decode(png(PIXELS), height=30, width=40, channels=3, pad=False)
        assert np.array_equal(np.frombuffer(same.data, np.uint8).reshape(30, 40, 3), PIXELS)
        white = np.full((10, 40), 255, np.uint8)
        padded = await decoding.decode(png(white), height=20, width=20, channels=1, pad=True)
        assert padded.shown == (0, 7, 20, 5)
        rows = np.frombuffer(padded.data, np.uint8).reshape(20, 20)
        assert (rows[7:12] == 255).all()
        assert not rows[:7].any()
        assert not rows[12:].any()

    with_decoder(work)


def test_a_photo_is_turned_as_its_camera_says() -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    photo = encoded(np.repeat(np.array([[0, 255]], np.uint8), 32, axis=0).repeat(32, axis=1), "JPEG", exif=exif)

    async def work(decoding: decoder.Decoder) -> None:
        found = await decoding.decode(photo, height=64, width=32, channels=1, pad=False)
        rows = np.frombuffer(found.data, np.uint8).reshape(64, 32)
        assert found.turned
        assert rows[:20].mean() < 30 < 220 < rows[-20:].mean()

    with_decoder(work)


def test_a_broken_picture_is_an_error_and_the_next_one_is_decoded() -> None:
    async def work(decoding: decoder.Decoder) -> None:
        whole = encoded(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8), "PNG")
        with pytest.raises(pictures.BadPicture, match="does not open"):
            await decoding.decode(whole[:-2000], height=8, width=8, channels=3, pad=False)
        assert (await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)).data

    with_decoder(work)


def test_a_decoder_that_dies_is_replaced() -> None:
    async def work(decoding: decoder.Decoder) -> None:
        await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)
        child = decoding._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(pictures.BadPicture, match="broke its decoder"):
            await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)
        assert (await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)).data

    with_decoder(work)


def test_a_picture_that_takes_too_long_costs_the_decoder_not_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(decoding: decoder.Decoder) -> None:
        await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)
        child = decoding._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)
        monkeypatch.setattr(decoder, "DEADLINE_S", 0.2)
        with pytest.raises(interface.TooMuch, match="not decoded within"):
            await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)
        monkeypatch.undo()
        assert (await decoding.decode(png(PIXELS), height=8, width=8, channels=3, pad=False)).data

    with_decoder(work)
