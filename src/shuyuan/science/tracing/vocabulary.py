"""The ids a fitted tracer knows, in the order of its columns; whatever else a table holds is unknown to it."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing.interactions import NO_ITEM, Interactions, Ints


@dataclass(frozen=True)
class Vocabulary:
    """Items and points of a fit; the place after the last is that of everything unknown."""

    item_ids: tuple[str, ...]
    point_ids: tuple[str, ...]

    @classmethod
    def of(cls, table: Interactions) -> "Vocabulary":
        """The ids of a table."""
        return cls(table.item_ids, table.point_ids)

    def items(self, table: Interactions) -> Ints:
        """(N,) place of each row's item, `len(item_ids)` for an unknown one."""
        places = np.append(_places(self.item_ids, table.item_ids), len(self.item_ids))
        return np.asarray(places[np.where(table.item == NO_ITEM, len(table.item_ids), table.item)])

    def points(self, table: Interactions) -> Ints:
        """(E,) place of each point entry, `len(point_ids)` for an unknown one."""
        return np.asarray(_places(self.point_ids, table.point_ids)[table.point])

    def to_arrays(self) -> dict[str, npt.NDArray[np.uint8]]:
        """UTF-8 JSON as bytes."""
        return {"item_ids": texts(self.item_ids), "point_ids": texts(self.point_ids)}

    @classmethod
    def from_arrays(cls, arrays: "dict[str, npt.NDArray[Any]] | Any") -> "Vocabulary":  # Any: as safetensors reads them
        """The reverse of `to_arrays`."""
        return cls(words(arrays["item_ids"]), words(arrays["point_ids"]))


def _places(known: tuple[str, ...], wanted: tuple[str, ...]) -> Ints:
    places = {key: place for place, key in enumerate(known)}
    return np.asarray([places.get(key, len(known)) for key in wanted], dtype=np.int64)


def texts(ids: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Ids as UTF-8 JSON in bytes, as safetensors can hold them."""
    return np.frombuffer(json.dumps(ids, ensure_ascii=False).encode(), dtype=np.uint8).copy()


def words(raw: npt.NDArray[Any]) -> tuple[str, ...]:
    """The reverse of `texts`."""
    return tuple(json.loads(raw.astype(np.uint8).tobytes()))
