"""Stages: the graph is cut into pieces that are loaded on demand, so that it runs in less memory than it has bytes."""

from typing import ClassVar

from pydantic import Field

from shuyuan.maas.compression import interface, method


class Config(method.Config):
    """How much memory there is."""

    budget_bytes: int = Field(0, ge=0, le=2**42, description="Memory for the model at work; 0: `share` of the file")
    share: float = Field(0.5, gt=0, le=1, description="Where no budget is given: share of the file's size")


class Stages(method.Method[Config]):
    """Answers are those of the parent, bit for bit; the runner `staged` reads the file."""

    NAME = "stages"
    TITLE: ClassVar[method.Words] = {"en": "Split into stages", "zh": "分段按需载入"}
    WHAT: ClassVar[method.Words] = {
        "en": "Cuts the model into pieces that are loaded when their turn comes: one larger than memory runs, more "
        "slowly, and answers the same. Pays only when the model does not fit.",
        "zh": "把模型切成几段，轮到时才载入：比内存大的模型也能运行，慢一些，结果不变。只在模型放不下时值得用。",
    }
    SOURCE = "our own; the idea is that of paging"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from shuyuan.maas.compression import cutting
        from shuyuan.maas.compression import net as nets

        budget = config.budget_bytes or int(work.model.stat().st_size * config.share)
        out = work.folder / "child.safetensors"
        pieces = cutting.cut(nets.Net.read(work.model), cutting.share_of(budget), out, work.threads)
        if len(pieces) < 2:
            raise interface.CannotCompress(
                f"the model fits into {budget} bytes in one piece", fix="give a smaller budget, or serve it as it is"
            )
        layers = tuple({"stage": at, "bytes": p.size_bytes, "steps": p.steps} for at, p in enumerate(pieces))
        return method.Child(out, "staged", {"budget_bytes": budget}, layers=layers)
