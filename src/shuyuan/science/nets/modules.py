"""The nets of `shapes` as torch modules, and how one is kept as safetensors with its description."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets import autoencoder, recurrent, residual, shapes, tabular, towers, transformer


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, shape: shapes.Mlp, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        widths = (shape.inputs, *shape.hidden, shape.outputs)
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """logits (rows, outputs)."""
        for layer in list(self.layers)[:-1]:
            x = functional.dropout(functional.relu(layer(x)), self.dropout, self.training)
        return (self.layers[-1](x),)


class Convnet(nn.Module):
    """Convolutions, each halved by pooling, then one linear layer."""

    def __init__(self, shape: shapes.Convnet, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.convolutions = _convolutions(shape.channels, shape.widths)
        self.head = nn.Linear(shape.widths[-1] * (shape.side // 2 ** len(shape.widths)) ** 2, shape.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """logits (pictures, classes)."""
        found = _halve(self.convolutions, x).flatten(1)
        return (self.head(functional.dropout(found, self.dropout, self.training)),)


class Detector(nn.Module):
    """A grid of cells, each of which may hold the middle of one thing. Source: Redmon et al. (2016), simplified."""

    def __init__(self, shape: shapes.Detector) -> None:
        super().__init__()
        self.shape = shape
        self.convolutions = _convolutions(shape.channels, shape.widths)
        self.neck = nn.Conv2d(shape.widths[-1], shape.widths[-1], 3, padding=1)
        self.head = nn.Conv2d(shape.widths[-1], 5 + shape.classes, 1)

    def cells(self, x: Tensor) -> Tensor:
        """Raw cells (pictures, cells, 5 + classes): objectness, place, log size, class logits."""
        x = functional.relu(self.neck(_halve(self.convolutions, x)))
        found: Tensor = self.head(x).flatten(2).transpose(1, 2)
        return found

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """boxes (pictures, cells, 4) in pixels and scores (pictures, cells, classes) in [0, 1]."""
        raw = self.cells(x)
        middle = (self.corners() + raw[..., 1:3].sigmoid()) * self.shape.stride
        half = raw[..., 3:5].clamp(-4, 4).exp() * (self.shape.typical_px / 2)
        boxes = torch.cat([middle - half, middle + half], dim=-1)
        return boxes, raw[..., :1].sigmoid() * raw[..., 5:].softmax(dim=-1)

    def corners(self) -> Tensor:
        """Column and row of each cell (cells, 2)."""
        at = torch.arange(self.shape.cells, dtype=torch.float32)
        rows, columns = torch.meshgrid(at, at, indexing="ij")
        return torch.stack([columns.flatten(), rows.flatten()], dim=-1)


Module = (
    Mlp
    | Convnet
    | Detector
    | tabular.Tabular
    | residual.Residual
    | recurrent.Recurrent
    | transformer.Transformer
    | transformer.EncoderDecoder
    | towers.TwoTower
    | autoencoder.Autoencoder
)
_MODULES: Mapping[str, Callable[..., Module]] = {
    "mlp": Mlp,
    "convnet": Convnet,
    "detector": Detector,
    "tabular": tabular.Tabular,
    "residual": residual.Residual,
    "recurrent": recurrent.Recurrent,
    "transformer": transformer.Transformer,
    "encoder_decoder": transformer.EncoderDecoder,
    "two_tower": towers.TwoTower,
    "autoencoder": autoencoder.Autoencoder,
}


def build(shape: shapes.Net) -> Module:
    """The module of a description, with fresh weights."""
    return _MODULES[shape.NAME](shape)


def to_safetensors(module: Module) -> bytes:
    """The file that the torch runner reads: weights, and `net` and `config` as metadata."""
    config = json.dumps(asdict(module.shape))
    weights = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    return bytes(save(weights, metadata={"net": module.shape.NAME, "config": config}))


def restore(shape: shapes.Net, weights: Mapping[str, Tensor]) -> Module:
    """The module of a description with these weights, ready to answer. Raises BadShape when they do not fit."""
    wanted = shape.tensors()
    if missing := sorted(wanted.keys() ^ weights.keys()):
        raise shapes.BadShape(f"tensors missing or too many: {', '.join(missing)[:300]}")
    for name, size in wanted.items():
        if tuple(weights[name].shape) != size or weights[name].dtype != torch.float32:
            raise shapes.BadShape(f"{name} is {weights[name].dtype} {list(weights[name].shape)}, float32 {list(size)}")
    module = build(shape)
    module.load_state_dict(dict(weights))
    return module.eval()


def _convolutions(channels: int, widths: tuple[int, ...]) -> nn.ModuleList:
    steps = zip((channels, *widths), widths, strict=False)
    return nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in steps)


def _halve(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    for convolution in convolutions:
        x = functional.max_pool2d(functional.relu(convolution(x)), 2)
    return x
