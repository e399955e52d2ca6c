"""Frames between server and worker: plain data only, bounded, never pickle."""

import itertools
import pickle
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import inbox, wire

VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()


@given(st.dictionaries(st.text(), VALUES))
def test_a_frame_survives_the_way_through_a_socket(body: dict[str, object]) -> None:
    here, there = socket.socketpair()
    found: list[wire.Frame] = []
    with there:
        with here:
            here.sendall(wire.encode({**body, "op": "x"}))
        inbox.Inbox(there, found.append).run(lambda: False)
    assert found == [{**body, "op": "x"}]


def test_a_closed_socket_is_the_end_even_inside_a_frame() -> None:
    here, there = socket.socketpair()
    with there:
        here.sendall(wire.encode({"op": "x"})[:-1])
        here.close()
        found: list[wire.Frame] = []
        inbox.Inbox(there, found.append).run(lambda: True)
        assert found == []


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
    chunk = runners.Chunk("你好", {"v": tensor}, "stop", runners.Usage(3, 4), {"lines": [1.5, "x"]})
    frame = wire.decode(wire.encode({"op": "answers", "of": [wire.answer_to_list(7, chunk)]})[4:])
    assert isinstance(frame["of"], list)
    assert [wire.answer_of(told) for told in frame["of"]] == [(7, chunk)]


def test_an_expected_error_comes_back_as_itself() -> None:
    told = _crossed(runners.ContextTooLong("too long", fix="shorten"))
    assert isinstance(told, runners.ContextTooLong)
    assert (told.message, told.fix) == ("too long", "shorten")


def test_an_error_that_says_when_to_come_back_still_says_it() -> None:
    told = _crossed(runners.UpstreamFailed("silent", fix="ask later", retry_after_s=7.5))
    assert isinstance(told, runners.UpstreamFailed)
    assert (told.error_code, told.status, told.retry_after_s) == ("upstream_failed", 503, 7.5)


def test_a_defect_comes_back_as_a_defect() -> None:
    told = _crossed(KeyError("x"))
    assert isinstance(told, wire.RunnerDefect)
    assert "KeyError" in str(told)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.lists(st.binary(max_size=60), max_size=6))
def test_frames_are_found_however_the_bytes_are_cut(cuts: list[int], bodies: list[bytes]) -> None:
    sent: list[wire.Frame] = [{"op": "x", "data": body} for body in bodies]
    stream = b"".join(map(wire.encode, sent))
    frames, found, at = wire.Frames(), [], 0
    for cut in itertools.cycle(cuts):
        if at >= len(stream):
            break
        found += list(frames.feed(stream[at : at + cut]))
        at += cut
    assert found == sent


def _crossed(wrong: Exception) -> Exception:
    number, told = wire.answer_of(wire.answer_to_list(1, wrong))
    assert number == 1
    assert isinstance(told, Exception)
    return told
