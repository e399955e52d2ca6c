"""Structured pruning: whole units and channels go, so that file, memory and time all shrink."""

from typing import ClassVar

from pydantic import Field

from shuyuan.maas.compression import interface, method, recovery


class Config(method.Config):
    """How many units go."""

    share: float = Field(0.5, ge=0.05, le=0.95, description="Share of the units of each inner layer that go")
    fewest: int = Field(4, ge=1, le=4096, description="Units that stay in every layer, whatever the share")
    epochs: int | None = Field(
        None, ge=0, le=200, description="Passes of training after it; empty: some, where it can be done"
    )


class StructuredPruning(method.Method[Config]):
    """Units with the smallest weights, in and out, are cut out of the graph."""

    NAME = "structured"
    TITLE: ClassVar[method.Words] = {"en": "Prune whole units", "zh": "剪去整个神经元"}
    WHAT: ClassVar[method.Words] = {
        "en": "Cuts whole units and channels out of inner layers: a share of 0.5 leaves about a quarter of the "
        "weights and of the time. Pays for nets that are wider than their task; train a little after it.",
        "zh": "从中间层剪去整个神经元和通道：比例 0.5 约剩四分之一的权重和时间。适合比任务需要更宽的网络；之后再训"
        "练几轮。",
    }
    SOURCE = "Li, Kadav, Durdanovic, Samet & Graf (2017), Pruning filters for efficient ConvNets"
    CONFIG = Config

    def run(self, work: method.Work, config: Config) -> method.Child:
        from shuyuan.maas.compression import channels
        from shuyuan.maas.compression import net as nets

        net = nets.Net.read(work.model)
        groups = channels.groups(net)
        if not groups:
            raise interface.CannotCompress(
                "no layer's units can be removed: each reaches an output, or an operator that mixes them",
                fix="use int8_dynamic or magnitude",
            )
        layers = []
        for group in groups:
            kept = max(min(config.fewest, group.units), round(group.units * (1 - config.share)))
            channels.keep(net, group, kept)
            layers.append({"weight": group.weight, "units": group.units, "kept": kept})
        notes = recovery.win_back(work, net, config.epochs)
        out = work.folder / "child.onnx"
        out.write_bytes(net.to_bytes())
        recovery.require_smaller(work.model.stat().st_size, out.stat().st_size, f"a share of {config.share}")
        return method.Child(out, notes=notes, layers=tuple(layers))
