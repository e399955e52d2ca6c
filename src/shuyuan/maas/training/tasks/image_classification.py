"""Find what is on a picture: a small convolutional or residual net."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, options, pictures, supervised, task

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

_LARGEST = 512


class Config(options.ClassConfig):
    """What the net looks like, and what it sees."""

    net: Literal["convolutional", "residual"] = Field(
        "convolutional", description="Residual is slower and often better"
    )
    widths: tuple[int, ...] = Field((16, 32), min_length=1, max_length=5, description="Channels of each stage")
    blocks: int = Field(1, ge=1, le=8, description="Residual: blocks in each stage")
    side: int = Field(0, ge=0, le=_LARGEST, description="Pixels a picture is resized to; 0: as large as the first")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the last layer's inputs left out in each step")
    shift: int = Field(0, ge=0, le=16, description="Pictures are moved by up to so many pixels while training")


class ImageClassification(task.Task[Config]):
    """Pictures to classes."""

    NAME, CONFIG = "image_classification", Config
    KINDS, WEIGHS = ("image",), True
    TITLE = task.Words("Classify pictures", "图像分类")
    WHAT = task.Words(
        "Finds the class of a picture with a small convolutional or residual network.",
        "用小型卷积网络或残差网络判断图片所属的类别。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Pictures of 8 x 8 pixels, brighter above or below."""
        rng = np.random.default_rng(seed)
        upper = rng.permutation(np.arange(rows) % 2 == 0)
        table: task.Table = {
            "picture": [_png(rng, bool(one)) for one in upper],
            "label": ["up" if u else "down" for u in upper],
        }
        columns = (task.Column("picture", "image", "feature"), task.Column("label", "category", "label"))
        return task.Example(columns, table, {"rate": 0.01, "widths": [4, 8]})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> PictureClasses:
        """Size and spread of pictures, and labels, from the training part."""
        self.require_columns(config, columns)
        fitted = _fitted(config, columns, train, init, config.side)
        _, height, width = fitted.inputs[0].shape
        if (side := _side(config, max(height, width))) != height or side != width:
            fitted = _fitted(config, columns, train, init, side)
        return (MovedPictures if config.shift else PictureClasses)(config, fitted, train)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """One picture a row."""
        super().require_columns(config, columns)
        if (many := len(asked.features(columns))) != 1:
            fix = "give the role 'feature' to exactly one column of kind image"
            raise task.BadTraining(f"{many} columns are to be read, one picture a row can be", fix=fix)


class PictureClasses(supervised.Classes):
    """Pictures to classes."""

    def __init__(self, config: Config, fitted: Features, train: task.Table) -> None:
        super().__init__(config, fitted, train)
        self.config = config

    def net(self) -> nn.Module:
        """Convolutional or residual."""
        from shuyuan.science.nets import modules, residual, shapes
        from shuyuan.science.nets.described.residual import Residual

        channels, side, _ = self.fitted.inputs[0].shape
        classes, widths = len(self.labels), self.config.widths
        if self.config.net == "residual":
            return residual.Residual(Residual(side, classes, channels, widths, self.config.blocks), self.config.dropout)
        return modules.Convnet(shapes.Convnet(side, classes, channels, widths), self.config.dropout)

    def spec(self) -> dict[str, Any]:  # JSON
        """Labels, and how a picture becomes the input."""
        return {**super().spec(), "image": pictures.image(self.features())}


class MovedPictures(PictureClasses):
    """Pictures to classes, each moved by a few pixels in its own way while training."""

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The pictures of these rows, moved."""
        made, name, most = super().batch(arrays, rows, rng), self.INPUTS[0], self.config.shift
        return {**made, name: moved(made[name], rng.integers(-most, most + 1, (len(rows), 2)))}


def moved(pictures: Tensor, moves: task.Array) -> Tensor:
    """pictures (rows, channels, height, width), each moved by its own (down, right); what comes in is grey."""
    import torch
    from torch.nn import functional

    most = int(np.abs(moves).max(initial=0))
    wide = functional.pad(pictures, (most, most, most, most))
    _, _, height, width = pictures.shape
    down = torch.arange(height) + torch.from_numpy(most - moves[:, :1])  # (rows, height)
    right = torch.arange(width) + torch.from_numpy(most - moves[:, 1:])
    rows = torch.arange(len(pictures))[:, None, None]
    return wide[rows, :, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2).contiguous()


def _fitted(
    config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None, side: int
) -> Features:
    size = (side, side) if side else None
    return encoders.fit(columns, train, init, ("image",), {"label": "classes", "image": size})


def _side(config: Config, longest: int) -> int:
    """The nearest larger side that can be halved as often as the net does."""
    multiple = 2 ** (len(config.widths) - (config.net == "residual"))
    found: int = max(-(-longest // multiple), 1) * multiple
    return min(found, _LARGEST)


def _png(rng: np.random.Generator, upper: bool) -> bytes:
    from PIL import Image

    pixels = rng.integers(0, 120, (8, 8), dtype=np.uint8)
    pixels[slice(0, 4) if upper else slice(4, 8)] += 120
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
