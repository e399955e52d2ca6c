"""Magnitude pruning: the smallest weights become zero, wherever they are."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.compression import interface, method, recovery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shuyuan.maas.compression.tuning import Form

_FEWEST = 256  # a smaller weight is left alone: there is nothing to win


class Config(method.Config):
    """How much, and compared with what."""

    share: float = Field(0.8, ge=0.05, le=0.99, description="Share of the weights that become zero")
    scope: Literal["global", "layer"] = Field("global", description="Smallest of all weights, or of each layer alone")
    epochs: int | None = Field(
        None, ge=0, le=200, description="Passes of training after it; empty: some, where it can be done"
    )


class MagnitudePruning(method.Method[Config]):
    """Zeros are stored as a mask of bits; at work the model is as fast as its parent."""

    NAME = "magnitude"
    TITLE: ClassVar[method.Words] = {"en": "Prune small weights", "zh": "剪去小权重"}
    WHAT: ClassVar[method.Words] = {
        "en": "Sets the smallest weights to zero and stores only the others: from a share of 0.3 on the file "
        "shrinks, at 0.8 to about a quarter. Speed and memory stay; pays where a file is sent or stored.",
        "zh": "把最小的权重置零，只存其余的：比例 0.3 起文件变小，0.8 时约为四分之一。速度和内存不变；适合要传输或"
        "存放的模型。",
    }
    SOURCE = "Han, Pool, Tran & Dally (2015), Learning both weights and connections for efficient neural networks"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from shuyuan.maas.compression import net as nets
        from shuyuan.maas.compression import packing

        net = nets.Net.read(work.model)
        names = [n for n in net.weighted(("MatMul", "Gemm", "Conv", "Attention")) if net.weights[n].size >= _FEWEST]
        if not names:
            raise interface.CannotCompress(f"no matrix of {_FEWEST} weights or more is there", fix="use another method")
        masks = _masks({name: net.weights[name] for name in names}, config)
        for name, mask in masks.items():
            net.set(name, net.weights[name] * mask)
        notes = recovery.win_back(work, net, config.epochs, forms={n: _kept(mask) for n, mask in masks.items()})
        layers = []
        for name in names:
            weights = net.weights[name]
            packed = packing.sparse_bytes(weights)
            zero = 1 - np.count_nonzero(weights) / weights.size
            layers.append({"weight": name, "zero": round(zero, 4), "bytes": weights.nbytes, "packed": packed})
            if packed < weights.nbytes:
                packing.keep_sparse(net, name)
        out = work.folder / "child.onnx"
        out.write_bytes(net.to_bytes())
        recovery.require_smaller(work.model.stat().st_size, out.stat().st_size, f"a share of {config.share}")
        return method.Child(out, notes=notes, layers=tuple(layers))


def _masks(weights: "Mapping[str, NDArray[np.float32]]", config: Config) -> "dict[str, NDArray[np.float32]]":
    """1 where a weight stays."""
    everything = np.concatenate([np.abs(one).ravel() for one in weights.values()])
    shared = np.quantile(everything, config.share)
    limits = {
        n: shared if config.scope == "global" else np.quantile(np.abs(w), config.share) for n, w in weights.items()
    }
    return {name: (np.abs(one) > limits[name]).astype(np.float32) for name, one in weights.items()}


def _kept(mask: "NDArray[np.float32]") -> "Form":
    def masked(weight):  # type: ignore[no-untyped-def]  # a torch tensor; torch is only there when it is called
        import torch

        return weight * torch.from_numpy(mask)

    return masked
