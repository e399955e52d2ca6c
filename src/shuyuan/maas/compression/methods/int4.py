"""int4 weights: matrices in blocks of 4-bit integers with a scale each; sums stay in float32 or int8."""

from typing import ClassVar

from pydantic import Field

from shuyuan.maas.compression import interface, method, recovery


class Config(method.Config):
    """How finely."""

    block: int = Field(
        32, ge=16, le=256, multiple_of=16, description="Weights that share a scale: 16, 32, 64, 128 or 256"
    )
    symmetric: bool = Field(True, description="One scale a block; otherwise a scale and a zero point")
    fast: bool = Field(True, description="Multiply in int8 (a little less exact, faster) instead of float32")


class Int4(method.Method[Config]):
    """Weights only: what is multiplied by them is not rounded to 4 bits."""

    NAME = "int4"
    TITLE: ClassVar[method.Words] = {"en": "4-bit weights", "zh": "4 位权重"}
    WHAT: ClassVar[method.Words] = {
        "en": "Matrices as 4-bit integers in small blocks: about a seventh of the size. Faster than float32 where "
        "memory is the bottleneck (large matrices, one row at a time). Kernels of convolutions stay in "
        "float32.",
        "zh": "矩阵按小块存成 4 位整数：约七分之一大小。受内存带宽限制时（大矩阵、逐条预测）比 float32 快。卷积核保"
        "持 float32。",
    }
    SOURCE = "Frantar et al. (2023), GPTQ, for why blocks; rounding here is to the nearest, no data needed"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from onnxruntime.quantization import matmul_nbits_quantizer as quantizer

        from shuyuan.maas.compression import integers
        from shuyuan.maas.compression import net as nets

        if config.block & (config.block - 1):
            raise interface.CannotCompress(f"block is {config.block}", fix="use 16, 32, 64, 128 or 256")
        net = nets.Net.read(work.model)
        nets.matmuls_for_gemms(net)
        if not net.weighted(("MatMul",)):
            raise interface.CannotCompress("no MatMul with a constant matrix is there", fix="use int8_static")
        with integers.quiet():
            made = quantizer.MatMulNBitsQuantizer(
                net.to_model(),
                bits=4,
                block_size=config.block,
                is_symmetric=config.symmetric,
                accuracy_level=4 if config.fast else 0,
            )
            made.process()
        out = work.folder / "child.onnx"
        out.write_bytes(made.model.model.SerializeToString())
        recovery.require_smaller(work.model.stat().st_size, out.stat().st_size, "4-bit weights")
        return method.Child(out, layers=integers.told(work.model, out))
