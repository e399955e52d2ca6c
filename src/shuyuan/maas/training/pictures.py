"""How a model trained on pictures takes one, in the words of a version's `spec.image`: as its encoder was fitted. Pure.

Training reads a byte as byte / 255, then takes the mean of train away and divides by its spread, channel by channel;
whoever serves the version does the same by these numbers. What reads anything beside one picture has no `image`.
"""

from collections.abc import Mapping
from typing import Any

_Json = dict[str, Any]  # Any: JSON
_STATE = {"height", "width", "channels", "mean", "scale"}


def image(features: Mapping[str, Any] | None) -> _Json | None:
    """`spec.image` of encoders that read one picture and nothing else; None for others, and for what nobody wrote so.

    >>> state = {"height": 8, "width": 8, "channels": 1, "mean": [0.3], "scale": [0.4]}
    >>> told = image({"columns": [{"name": "photo", "kind": "image", "state": state}]})
    >>> told["size"], told["channels"], told["mean"], told["std"], told["input"]
    ([8, 8], 1, [0.3], [0.4], 'photo')
    >>> image({"columns": [{"name": "age", "kind": "number", "state": {}}]}) is None
    True
    """
    columns = list((features or {}).get("columns", ()))
    if len(columns) != 1 or not isinstance(columns[0], Mapping) or columns[0].get("kind") != "image":
        return None
    state = columns[0].get("state")
    if not isinstance(state, Mapping) or not state.keys() >= _STATE:
        return None
    return {
        "size": [state["height"], state["width"]],
        "channels": state["channels"],
        "layout": "nchw",
        "scale": 1 / 255,
        "mean": list(state["mean"]),
        "std": list(state["scale"]),
        "resize": "stretch",
        "input": columns[0]["name"],
    }
