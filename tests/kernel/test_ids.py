"""Ids: opaque, unique, in the order of their making."""

import os
import time

import pytest

from shuyuan.kernel import ids


def test_ids_are_26_unambiguous_characters_and_unique() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert all(len(one) == ids.LENGTH for one in made)
    assert not set("".join(made)) & set("ilou")


def test_later_ids_sort_after_earlier_ones() -> None:
    early = ids.new_id()
    time.sleep(0.002)
    assert early < ids.new_id()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_other_ids() -> None:
    ids.new_id()  # random bytes are taken in advance
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, "".join(ids.new_id()[10:] for _ in range(300)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 300 * 16).decode()
    ours = {ids.new_id()[10:] for _ in range(300)}
    assert not ours & {theirs[at : at + 16] for at in range(0, len(theirs), 16)}
