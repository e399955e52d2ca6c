"""Dynamic int8: weights are stored as int8, inputs are measured and rounded as they come."""

from typing import ClassVar

from pydantic import Field

from shuyuan.maas.compression import method


class Config(method.Config):
    """How finely."""

    per_channel: bool = Field(True, description="A scale for each unit instead of one for the whole matrix")
    embeddings: bool = Field(True, description="Tables of embeddings too")


class DynamicInt8(method.Method[Config]):
    """No data set is needed."""

    NAME = "int8_dynamic"
    TITLE: ClassVar[method.Words] = {"en": "8-bit integers, no data needed", "zh": "8 位整数（不需数据）"}
    WHAT: ClassVar[method.Words] = {
        "en": "Matrix products in 8-bit integers; inputs are measured at work. A quarter of the size, and faster "
        "where matrices are large (text encoders, wide MLPs). Kernels of convolutions stay in float32.",
        "zh": "矩阵乘法用 8 位整数，输入在运行时测量。大小约四分之一；矩阵大时更快（文本编码器、宽的 MLP）。卷积核"
        "保持 float32。",
    }
    SOURCE = "Jacob et al. (2018), Quantization and training of neural networks for integer-arithmetic-only inference"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from onnxruntime import quantization

        from shuyuan.maas.compression import integers

        kinds = ["MatMul", "Attention", "LSTM", *(["Gather", "EmbedLayerNormalization"] if config.embeddings else [])]
        source, out = integers.prepared(work, kinds), work.folder / "child.onnx"
        with integers.quiet():
            quantization.quantize_dynamic(
                source,
                out,
                op_types_to_quantize=kinds,
                per_channel=config.per_channel,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},  # 1: float, where shapes stay unknown
            )
        return method.Child(out, layers=integers.told(work.model, out))
