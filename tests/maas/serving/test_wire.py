"""Frames between server and worker: plain data only, bounded, never pickle."""

import pickle
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import wire

VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()


@given(st.dictionaries(st.text(), VALUES))
def test_a_frame_survives_the_way_through_a_socket(body: dict[str, object]) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(wire.encode({**body, "op": "x"}))
        assert wire.receive(there) == {**body, "op": "x"}


def test_a_closed_socket_is_the_end_even_inside_a_frame() -> None:
    here, there = socket.socketpair()
    with there:
        here.sendall(wire.encode({"op": "x"})[:-1])
        here.close()
        assert wire.receive(there) is None


def test_an_absurd_length_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(wire.BrokenFrame, match="announced"):
        wire.body_bytes(struct.pack("<I", wire.MAX_FRAME_BYTES + 1))


def test_a_frame_too_large_is_refused_at_the_sender() -> None:
    with pytest.raises(errors.TooLarge):
        wire.encode({"op": "x", "data": bytes(wire.MAX_FRAME_BYTES)})


@pytest.mark.parametrize("body", [pickle.dumps({"op": "x"}), b"", b"\x93\x01\x02\x03", b"\x80", b"\x81\xa2op\x05"])
def test_what_is_not_a_frame_is_refused(body: bytes) -> None:
    with pytest.raises(wire.BrokenFrame):
        wire.decode(body)


def test_a_chunk_keeps_text_tensors_reason_and_count() -> None:
    tensor: runners.Tensor = {"dtype": "float32", "shape": [1], "data": b"\0\0\0\0"}
    chunk = runners.Chunk("你好", {"v": tensor}, "stop", runners.Usage(3, 4))
    frame = wire.decode(wire.encode(wire.chunk_to_frame(7, chunk))[4:])
    assert (frame["id"], wire.chunk_of(frame)) == (7, chunk)


def test_an_expected_error_comes_back_as_itself() -> None:
    told = wire.error_of({"error": wire.error_to_dict(runners.ContextTooLong("too long", fix="shorten"))})
    assert isinstance(told, runners.ContextTooLong)
    assert (told.message, told.fix) == ("too long", "shorten")


def test_a_defect_comes_back_as_a_defect() -> None:
    told = wire.error_of({"error": wire.error_to_dict(KeyError("x"))})
    assert isinstance(told, wire.RunnerDefect)
    assert "KeyError" in str(told)
