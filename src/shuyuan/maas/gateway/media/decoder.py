"""The server's side of the process that decodes pictures: started when needed, killed when it takes too long."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import shuyuan
from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.media import pictures
from shuyuan.maas.gateway.media.decoder_child import FRAME

DEADLINE_S = 10.0
MAX_WAITING = 32
_MODULE = "shuyuan.maas.gateway.media.decoder_child"


class NoDecoder(errors.Unavailable):
    """The library that decodes pictures is not installed."""

    code: ClassVar[str] = "decoder_not_installed"


@dataclass(frozen=True)
class Pixels:
    """A decoded picture: rows of bytes. shown: left, top, width, height of the picture inside it."""

    data: bytes
    shown: tuple[int, int, int, int]
    turned: bool  # by its camera's orientation: width and height of the file are exchanged


class Decoder:
    """One child process for every picture of this server, one at a time."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def decode(self, file: bytes, *, height: int, width: int, channels: int, pad: bool) -> Pixels:
        """The picture in that size, looked at before. Raises BadPicture, NoDecoder, RateLimited."""
        if self._waiting >= MAX_WAITING:
            raise errors.RateLimited(f"{self._waiting} pictures wait already", fix="send fewer at once")
        asked = {"height": height, "width": width, "channels": channels, "pad": pad}
        self._waiting += 1
        try:
            async with self._turn:
                head, data = await self._ask(json.dumps(asked).encode(), file)
        finally:
            self._waiting -= 1
        if head.get("error") == "no_decoder":
            raise NoDecoder("pictures cannot be decoded here", fix="install the extra `ocr` (Pillow)")
        if "error" in head:
            raise pictures.BadPicture(f"the picture does not open: {head['message']}", fix="save it again as PNG")
        left, top, across, down = head["shown"]
        return Pixels(data, (left, top, across, down), bool(head["turned"]))

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            child._transport.close()  # type: ignore[attr-defined]  # else it is closed by the collector, with a warning

    async def _ask(self, asked: bytes, file: bytes) -> tuple[dict[str, Any], bytes]:  # Any: JSON
        """One exchange. Whatever interrupts it costs the child: a half-read answer must not meet the next caller."""
        child = await self._alive()
        assert child.stdin is not None
        assert child.stdout is not None
        whole = False
        try:
            async with asyncio.timeout(DEADLINE_S):
                child.stdin.write(FRAME.pack(len(asked), len(file)) + asked + file)
                await child.stdin.drain()
                head, body = FRAME.unpack(await child.stdout.readexactly(FRAME.size))
                told = json.loads(await child.stdout.readexactly(head))
                data = await child.stdout.readexactly(body)
            whole = True
        except TimeoutError as slow:
            raise interface.TooMuch(
                f"the picture was not decoded within {DEADLINE_S:.0f} s", fix="send a smaller picture"
            ) from slow
        except (asyncio.IncompleteReadError, ConnectionError) as died:
            raise pictures.BadPicture("the picture broke its decoder", fix="save it again as PNG") from died
        finally:
            if not whole:
                await asyncio.shield(self.close())
        return told, data

    async def _alive(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            source = str(Path(str(shuyuan.__file__)).parent.parent)
            path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _MODULE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C goes to the server alone
            )
        return self._child
