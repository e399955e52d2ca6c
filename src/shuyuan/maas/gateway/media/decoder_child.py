"""The process that decodes pictures: `python -m …`, frames in on stdin, pixels out on stdout, until stdin closes.

Nothing else lives in it: a picture that breaks the decoder breaks this process alone, and its memory is bounded.
A frame is two lengths, a JSON head and a body. Asked: {"height", "width", "channels", "pad"} and the file;
answered: {"height", "width", "shown", …} and the pixels, or {"error"}.
"""

import contextlib
import io
import json
import resource
import struct
import sys
from typing import IO, Any

FRAME = struct.Struct("<II")
MAX_MEMORY_BYTES = 2 << 30
_FORMATS = ("PNG", "JPEG", "WEBP")


def main() -> None:
    """Answer until stdin closes."""
    with contextlib.suppress(ValueError):  # a machine that allows less
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    while frame := _receive(sys.stdin.buffer):
        try:
            head, pixels = decode(*frame)
        except ImportError:
            head, pixels = {"error": "no_decoder", "message": "Pillow is not installed"}, b""
        except Exception as broken:  # every decoder breaks in its own way; the parent tells the caller
            head, pixels = {"error": "bad_image", "message": f"{type(broken).__name__}: {broken}"[:200]}, b""
        told = json.dumps(head).encode()
        sys.stdout.buffer.write(FRAME.pack(len(told), len(pixels)) + told + pixels)
        sys.stdout.buffer.flush()


def decode(wanted: dict[str, Any], file: bytes) -> tuple[dict[str, Any], bytes]:  # Any: JSON
    """The picture upright, in the size and the channels wanted; `shown`: where it lies inside when padded."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(file), formats=_FORMATS) as opened:
        side = max(wanted["width"], wanted["height"])
        opened.draft(None, (side, side))  # a large JPEG is decoded smaller at once
        upright = ImageOps.exif_transpose(opened)
        picture = upright.convert("L" if wanted["channels"] == 1 else "RGB")
    width, height = wanted["width"], wanted["height"]
    left, top, across, down = 0, 0, width, height
    if wanted["pad"]:
        share = min(width / picture.width, height / picture.height)
        across, down = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        left, top = (width - across) // 2, (height - down) // 2
    small = picture.resize((across, down), Image.Resampling.BILINEAR)
    canvas = Image.new(small.mode, (width, height))
    canvas.paste(small, (left, top))
    return {"turned": upright.size != opened.size, "shown": [left, top, across, down]}, canvas.tobytes()


def _receive(source: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    head = source.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    said, body = FRAME.unpack(head)
    return json.loads(source.read(said)), source.read(body)


if __name__ == "__main__":
    main()
