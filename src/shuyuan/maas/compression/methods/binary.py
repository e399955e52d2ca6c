"""Binary weights: each is one bit, its sign, times the mean size of its unit's weights."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from shuyuan.maas.compression import interface, method, recovery

if TYPE_CHECKING:
    from shuyuan.maas.compression.tuning import Form

_FEWEST = 1024  # weights; below it the scales and the steps that unpack eat what the bits win


class Config(method.Config):
    """Which layers, and how long they are trained as signs."""

    ends: bool = Field(False, description="First and last layer too: most is lost there, least is won")
    epochs: int | None = Field(
        None, ge=0, le=500, description="Passes of training as signs; empty: some, where it can be done"
    )
    rate: float = Field(1e-3, gt=0, le=1, description="Learning rate of that training")


class BinaryWeights(method.Method[Config]):
    """Stored as bits, whole again once loaded: the file shrinks up to 32 times, time and memory do not."""

    NAME = "binary"
    TITLE: ClassVar[method.Words] = {"en": "Binary weights", "zh": "二值权重"}
    WHAT: ClassVar[method.Words] = {
        "en": "One bit a weight and a scale a unit: the file of inner layers shrinks up to 32 times. Without "
        "training most is lost; with it wide MLPs keep within points of their parent. No faster: weights are "
        "whole again once loaded.",
        "zh": "每个权重一位，每个神经元一个尺度：中间层的文件最多小 32 倍。不训练会损失很大；训练后宽的 MLP 与原模"
        "型相差不多。不会更快：载入后恢复成浮点数。",
    }
    SOURCE = "Rastegari, Ordonez, Redmon & Farhadi (2016), XNOR-Net (binary-weight networks)"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from shuyuan.maas.compression import net as nets
        from shuyuan.maas.compression import packing

        net = nets.Net.read(work.model)
        axes = _inner(net, config.ends)
        before = {name: net.weights[name].copy() for name in axes}
        notes = recovery.win_back(work, net, config.epochs, forms=_forms(axes), rate=config.rate, share_of_truth=0.5)
        layers = []
        for name, over in axes.items():
            weights = net.weights[name]
            scale = np.abs(weights).mean(axis=over, keepdims=True)
            rounded = np.where(weights >= 0, scale, -scale)
            lost = np.linalg.norm(before[name] - rounded) / max(float(np.linalg.norm(before[name])), 1e-30)
            packed = weights.size // 8 + scale.nbytes * 2
            told = {"weight": name, "bytes": weights.nbytes, "packed": packed}
            layers.append({**told, "changed_by": round(float(lost), 4)})
            packing.keep_binary(net, name, weights >= 0, scale)
        out = work.folder / "child.onnx"
        out.write_bytes(net.to_bytes())
        recovery.require_smaller(work.model.stat().st_size, out.stat().st_size, "binary weights")
        return method.Child(out, notes=notes, layers=tuple(layers))


def _inner(net: Any, ends: bool) -> dict[str, tuple[int, ...]]:  # Any: a Net
    """Names of the weights that become binary, and the axes over which a unit's weights are averaged."""
    from shuyuan.maas.compression import net as nets

    found = net.weighted(("MatMul", "Gemm", "Conv"))
    inner = list(found) if ends else list(found)[1:-1]
    chosen = [name for name in inner if net.weights[name].size >= _FEWEST]
    if not chosen:
        raise interface.CannotCompress(
            f"no inner layer has {_FEWEST} weights or more", fix="set ends to true, or use int8_static or int4"
        )
    axes: dict[str, tuple[int, ...]] = {}
    for name in chosen:
        node, rank = found[name], net.weights[name].ndim
        units_first = node.op_type == "Conv" or (node.op_type == "Gemm" and nets.attributes(node).get("transB", 0))
        axes[name] = tuple(range(1, rank)) if units_first else tuple(range(rank - 1))
    return axes


def _forms(axes: dict[str, tuple[int, ...]]) -> "dict[str, Form]":
    def form(over: tuple[int, ...]) -> "Form":
        def signed(weight: Any) -> Any:  # Any: torch tensors; torch is only there when it is called
            from shuyuan.maas.compression import tuning

            return tuning.Sign.apply(weight, over)  # type: ignore[no-untyped-call]  # torch's own

        return signed

    return {name: form(over) for name, over in axes.items()}
