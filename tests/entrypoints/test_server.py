"""The application as the server builds it: body caps per path, larger ones for those who are known."""

import asyncio
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shuyuan import compose
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

CAP = 50


def test_a_cap_is_a_number_of_bytes_or_the_setting_it_names() -> None:
    caps = compose.body_caps(Settings(max_model_bytes=5))
    assert caps["/api/models/{name}/versions"] == 5
    assert caps["/v1/audio"] == 25_000_000
    assert all(isinstance(cap, int) and path.startswith("/") for path, cap in caps.items())


@pytest.mark.parametrize("path", sorted(compose.BODY_CAPS))
def test_a_stranger_sends_no_more_than_to_any_other_path(path: str, tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "shuyuan.db").write_bytes(sqlite_template.read_bytes())
    platform = compose.Platform(Settings(home=tmp_path, starter="none", max_body_bytes=CAP))
    client = TestClient(server.build_app(platform, compose.PLANES["maas"]))
    try:
        for key in ({}, {"authorization": "Bearer sk-nobody"}):
            assert client.post(path.replace("{name}", "any"), content=b"x" * (CAP + 1), headers=key).status_code == 413
    finally:
        platform.close()


def test_who_comes_at_once_is_let_in_by_as_many_doors_at_a_turn() -> None:
    uvloop = pytest.importorskip("uvloop", reason="the loop of this machine takes all connections at once")
    turns, arrived = [0], list[int]()

    class Guest(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            arrived.append(turns[0])
            transport.close()

    async def let_in(doors: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Guest, sock=door) for door in doors]
        guests = [socket.create_connection(doors[0].getsockname()) for _ in range(16)]
        while len(arrived) < len(guests):
            turns[0] += 1
            await asyncio.sleep(0)
        for guest in guests:
            guest.close()
        for one in servers:
            one.close()

    listener = server.listen("127.0.0.1", 0, tls=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(let_in(server._doors(listener)))
    assert len(arrived) == 16
    assert len(set(arrived)) <= 4, "eight at a turn, not one"
