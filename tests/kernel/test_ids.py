"""Ids: opaque, unique, in the order of their making."""

import time

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
