"""A plan on a small table, without server or database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from shuyuan.maas.datasets import interface, processing, writing
from shuyuan.maas.datasets.pool import InlinePool, Pool


@dataclass(frozen=True)
class Made:
    """What a plan made, read back."""

    outcome: processing.Outcome
    parts: dict[str, pl.DataFrame]

    @property
    def train(self) -> pl.DataFrame:
        return self.parts["train"]

    def findings(self, rule: str) -> list[interface.Finding]:
        return [one for one in self.outcome.findings if one.rule == rule]

    def column(self, name: str) -> interface.Column:
        return next(one for one in self.outcome.columns if one.name == name)


def columns(**said: str) -> list[interface.Column]:
    """name="kind" or "kind role"."""
    told = {name: [*one.split(), "feature"] for name, one in said.items()}
    return [interface.Column.model_validate({"name": n, "kind": o[0], "role": o[1]}) for n, o in told.items()]


def plan(*rules: dict[str, Any], **more: Any) -> interface.Plan:  # Any: JSON
    """A plan of these rules."""
    return interface.Plan.model_validate({"rules": rules, **more})


def run(
    folder: Path,
    frame: pl.DataFrame,
    told: Sequence[interface.Column],
    wanted: interface.Plan,
    pool: Pool | None = None,
    **parts: pl.DataFrame,
) -> Made:
    """Do it; `frame` is train, `parts` others."""
    work = folder / f"work{len(list(folder.iterdir()))}"
    work.mkdir()
    sources = []
    for part in interface.PARTS:
        one = frame if part == "train" else parts.get(part)
        if one is not None:
            writing.write(one, work / f"{part}-in.parquet")
            sources.append(processing.Source(work / f"{part}-in.parquet", part, one.height))
    outcome = processing.run(sources, told, wanted, work, pool or InlinePool())
    return Made(outcome, {part: pl.read_parquet(path) for part, path in outcome.parts.items()})
