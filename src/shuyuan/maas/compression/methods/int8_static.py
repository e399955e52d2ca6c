"""Static int8: weights and inputs of every layer are int8; their ranges are measured beforehand on examples."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from shuyuan.maas.compression import method

if TYPE_CHECKING:
    from shuyuan.maas.compression.examples import Examples

_BATCH_ROWS = 32
_KINDS = [
    "Conv",
    "MatMul",
    "Gemm",
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "Flatten",
    "Reshape",
    "Transpose",
    "Gather",
]


class Config(method.Config):
    """What the ranges are measured on."""

    rows: int = Field(512, ge=8, le=100_000, description="Examples the ranges are measured on")
    ranges: Literal["minmax", "percentile", "entropy"] = Field("minmax", description="How outliers are treated")
    per_channel: bool = Field(True, description="A scale for each unit instead of one for the whole matrix")


class StaticInt8(method.Method[Config]):
    """Convolutions too: nothing is measured at work."""

    NAME = "int8_static"
    TITLE: ClassVar[method.Words] = {"en": "8-bit integers, calibrated on data", "zh": "8 位整数（用数据校准）"}
    WHAT: ClassVar[method.Words] = {
        "en": "Whole layers in 8-bit integers, ranges measured on examples: a quarter of the size, and the fastest "
        "at work, convolutions included. Pays for image models and MLPs; calibrate on data like that of the "
        "lessons.",
        "zh": "整层用 8 位整数，取值范围先用样本测量：大小约四分之一，运行最快，卷积也包括在内。适合图像模型和 MLP；"
        "请用与实际相近的数据校准。",
    }
    SOURCE = "Jacob et al. (2018), Quantization and training of neural networks for integer-arithmetic-only inference"
    CONFIG = Config
    NEEDS = ("data",)

    def run(self, work: method.Work, config: Config) -> method.Child:
        from onnxruntime import quantization

        from shuyuan.maas.compression import integers

        how = {
            "minmax": quantization.CalibrationMethod.MinMax,
            "percentile": quantization.CalibrationMethod.Percentile,
            "entropy": quantization.CalibrationMethod.Entropy,
        }[config.ranges]
        given = work.examples().some(config.rows, work.seed)
        source, out = integers.prepared(work, _KINDS), work.folder / "child.onnx"
        with integers.quiet():
            quantization.quantize_static(
                source,
                out,
                _Reader(given),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_KINDS,
                per_channel=config.per_channel,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=how,
            )
        notes = (f"ranges measured on {given.rows} examples ({config.ranges})",)
        return method.Child(out, notes=notes, layers=integers.told(work.model, out))


class _Reader:
    """What onnxruntime asks calibration data of."""

    def __init__(self, given: "Examples") -> None:
        self._batches = self._all(given)

    def get_next(self) -> dict[str, Any] | None:  # Any: arrays
        return next(self._batches, None)

    @staticmethod
    def _all(given: "Examples") -> Iterator[dict[str, Any]]:
        for at in range(0, given.rows - given.rows % _BATCH_ROWS or given.rows, _BATCH_ROWS):
            yield {name: array[at : at + _BATCH_ROWS] for name, array in given.feeds.items()}
