"""A plan on a table: partition → dress in parallel → deal to parts and look at train → apply in parallel → aggregate.

Partitions are of a size that the data alone decide, splits and seeds go by the row's number: the same input and plan
give the same bytes on any pool. Child processes only.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shuyuan.maas.datasets import (
    augmentation,
    augmenting,
    findings,
    interface,
    partitions,
    rules,
    schema,
    splitting,
    steps,
    sufficient,
    writing,
)
from shuyuan.maas.datasets.pool import Pool
from shuyuan.maas.datasets.rules import base, imbalance, label_noise

PARTITION_ROWS, PARTITION_BYTES, CHUNK_ROWS = 1 << 17, 64 << 20, 4096
Tell = Callable[[str, int, int], None]
_DROPPED = 3  # beside the numbers of the parts: a row that stays nowhere


@dataclass(frozen=True)
class Source:
    """A Parquet file of the input, and the part it was (kept when a plan does not split anew)."""

    path: Path
    part: interface.Part
    rows: int


@dataclass
class Outcome:
    """What a plan made."""

    parts: dict[interface.Part, Path]
    rows: dict[interface.Part, int]
    columns: list[interface.Column]
    findings: list[interface.Finding] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON


def run(
    sources: Sequence[Source],
    columns: Sequence[interface.Column],
    plan: interface.Plan,
    folder: Path,
    pool: Pool,
    tell: Tell = lambda stage, done, total: None,
) -> Outcome:
    """Do the plan; the parts lie in `folder` as Parquet. Raises BadData, BadInput."""
    return _Run(sources, columns, plan, folder, pool, tell).outcome()


class _Run:
    """One plan at work."""

    def __init__(
        self,
        sources: Sequence[Source],
        columns: Sequence[interface.Column],
        plan: interface.Plan,
        folder: Path,
        pool: Pool,
        tell: Tell,
    ) -> None:
        steps.check(plan, columns)
        self.plan, self.folder, self.pool, self._tell = plan, folder, pool, tell
        self.columns = list(plan.told(columns))
        self.rules = [rules.built(step, self.columns, plan.seed) for step in plan.rules]
        self.findings: list[interface.Finding] = []
        self._cuts = _cut(sources)
        self._done, self._total = 0, 2 * len(self._cuts) + 2

    def outcome(self) -> Outcome:
        """The whole way."""
        dressed = self._dress()
        dealt, offsets, frames = self._deal(dressed)
        states = self._look(frames, dealt)
        parts = self._gather(self._apply(dealt, offsets, states), states)
        for rule, state in zip(self.rules, states, strict=True):
            parts = rule.finish(parts, state, self.findings)
        sufficient.require(parts, self.plan, self.columns)
        parts = self._augmented(parts)
        return self._written(parts)

    def _step(self, stage: str) -> Callable[[], None]:
        def done() -> None:
            self._done += 1
            self._tell(stage, min(self._done, self._total), self._total)

        return done

    @property
    def _json(self) -> dict[str, Any]:
        return {
            "columns": [one.model_dump(mode="json") for one in self.columns],
            "rules": [step.model_dump(mode="json") for step in self.plan.rules],
            "seed": self.plan.seed,
        }

    def _dress(self) -> list[dict[str, Any]]:
        """Every partition cast and rid of rows that can be judged alone."""
        told = [
            {**self._json, **cut, "hashed": self._hashed(), "out": str(self.folder / f"dressed-{at}.arrow")}
            for at, cut in enumerate(self._cuts)
        ]
        found = self.pool.map(partitions.DRESS, told, self._step("cleaning"))
        lost, counts = Counter[str](), [Counter[str]() for _ in self.rules]
        for one in found:
            lost.update(one["lost"])
            for at, counted in one["counts"].items():
                counts[int(at)].update(counted)
        for name, count in sorted(lost.items()):
            if count:
                kind = next(one.kind for one in self.columns if one.name == name)
                said = ("not_kind", {"kind": str(kind)})
                self.findings.append(findings.found("types", said, column=name, count=count, action="made missing"))
        for rule, counted in zip(self.rules, counts, strict=True):
            if rule.ROWS:
                self.findings += rule.findings(counted, {})
        return [{**one, **cut, "path": each["out"]} for one, cut, each in zip(found, self._cuts, told, strict=True)]

    def _hashed(self) -> list[str] | None:
        """The columns whose equality makes a duplicate; [] for all of them; None when nobody asks."""
        for rule in self.rules:
            if rule.name == "duplicates":
                return list(rule.options.columns or ())
        return None

    def _deal(self, dressed: list[dict[str, Any]]) -> tuple[Path, list[int], pl.DataFrame]:
        """A part for every row, or none for a duplicate; and all dressed rows as one frame (mapped, not loaded)."""
        frame = pl.concat([pl.read_ipc(one["path"]) for one in dressed], rechunk=False)
        if not frame.height:
            raise interface.EmptyData("the rules leave no row", fix="drop less")
        kept = self._kept(dressed, frame.height)
        dealt = np.full(frame.height, _DROPPED, np.int8)
        if self.plan.split is None:
            was = np.concatenate([np.full(one["rows"], interface.PARTS.index(one["part"]), np.int8) for one in dressed])
            dealt[kept] = was[kept]
        else:
            dealt[kept] = splitting.dealt(frame, kept, self.plan.split, self.columns)
        path = self.folder / "dealt.npy"
        np.save(path, dealt)
        offsets = np.cumsum([0, *(one["rows"] for one in dressed)])[:-1].tolist()
        self._dressed = dressed
        self._step("splitting")()
        return path, offsets, frame

    def _kept(self, dressed: list[dict[str, Any]], rows: int) -> "np.typing.NDArray[np.bool_]":
        """Rows that were not there before."""
        if self._hashed() is None:
            return np.ones(rows, bool)
        hashes = pl.Series(np.concatenate([np.load(f"{one['path']}.npy") for one in dressed]))
        kept = hashes.is_first_distinct().to_numpy()
        rule = next(rule for rule in self.rules if rule.name == "duplicates")
        self.findings += rule.findings({"": int(rows - kept.sum())}, {})
        return kept

    def _look(self, frame: pl.DataFrame, dealt: Path) -> list[base.State]:
        """What every rule asks of train, in one pass."""
        asked = {
            f"{at}|{key}": one.alias(f"{at}|{key}")
            for at, rule in enumerate(self.rules)
            for key, one in rule.look().items()
        }
        states: list[base.State] = [{} for _ in self.rules]
        if asked:
            inside = pl.Series("__inside", np.load(dealt) == 0)
            answers = frame.lazy().with_columns(inside).filter(pl.col("__inside")).select(asked.values()).collect()
            for key, value in answers.row(0, named=True).items():
                at, _, name = key.partition("|")
                states[int(at)][name] = value.timestamp() if isinstance(value, datetime) else value
        self._step("looking")()
        return states

    def _apply(self, dealt: Path, offsets: list[int], states: list[base.State]) -> list[dict[str, Any]]:
        told = [
            {
                **self._json,
                "source": one["path"],
                "dealt": str(dealt),
                "offset": offset,
                "states": states,
                "out": str(self.folder / f"applied-{at}"),
            }
            for at, (one, offset) in enumerate(zip(self._dressed, offsets, strict=True))
        ]
        return self.pool.map(partitions.APPLY, told, self._step("applying"))

    def _gather(self, applied: list[dict[str, Any]], states: list[base.State]) -> base.Parts:
        """Whole parts, and what the rules counted."""
        counts = [Counter[str]() for _ in self.rules]
        for one in applied:
            for at, counted in one["counts"].items():
                counts[int(at)].update(counted)
        for rule, counted, state in zip(self.rules, counts, states, strict=True):
            if rule.name != "duplicates" and not (rule.ROWS and not counted):
                self.findings += rule.findings(counted, state)
        parts: base.Parts = {}
        for part in interface.PARTS:
            paths = [one["parts"][part]["path"] for one in applied if part in one["parts"]]
            if paths:
                parts[part] = pl.concat([pl.read_ipc(path) for path in paths], rechunk=False)
        return parts

    def _augmented(self, parts: base.Parts) -> base.Parts:
        """Train with more rows, all others with the column that says they are as they came."""
        if not self.plan.augment:
            return parts
        train = parts["train"]
        path = self.folder / "train.arrow"
        train.write_ipc(path)
        told = augmenting.jobs(self.plan, self.columns, train, path, CHUNK_ROWS)
        self._total += len(told)
        found = self.pool.map(partitions.AUGMENT, told, self._step("augmenting"))
        for at, step in enumerate(self.plan.augment):
            rows = sum(one["rows"] for one, asked in zip(found, told, strict=True) if asked["at"] == at)
            said = findings.found(f"augment {step.rule}", ("in_train", {}), count=rows, action="added rows")
            self.findings.append(said)
        mark = pl.lit(False).alias(augmentation.ADDED)
        added = [pl.read_ipc(one["path"]).with_columns(~mark) for one in found]
        marked = {part: frame.with_columns(mark) for part, frame in parts.items()}
        return {**marked, "train": pl.concat([marked["train"], *added])}

    def _written(self, parts: base.Parts) -> Outcome:
        """Parts as Parquet, the columns as they are now, the first rows."""
        train = parts["train"]
        known = {one.name: one for one in self.columns}
        columns = [known.get(name) or _made(name) for name in train.columns]
        paths = {part: self.folder / f"{part}.parquet" for part in parts}
        for part, frame in parts.items():
            writing.write(frame, paths[part])
        whole = pl.concat(list(parts.values()), rechunk=False)
        columns = schema.profiled(whole, columns)
        self._step("writing")()
        return Outcome(
            paths,
            {part: frame.height for part, frame in parts.items()},
            columns,
            [*self.findings, *sufficient.noticed(columns, whole.height)],
            writing.preview(train),
        )


def _cut(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Slices of the sources, of a size the data decide."""
    found = []
    for source in sources:
        row_bytes = max(source.path.stat().st_size // max(source.rows, 1), 1)
        length = max(min(PARTITION_ROWS, PARTITION_BYTES // row_bytes), 1)
        for offset in range(0, source.rows, length):
            found.append({"source": str(source.path), "offset": offset, "length": length, "part": source.part})
    return found


def _made(name: str) -> interface.Column:
    """A column that a rule added."""
    if name == imbalance.WEIGHT:
        return interface.Column(name=name, kind="number", role="weight")
    assert name in (label_noise.SUSPECT, augmentation.ADDED)
    return interface.Column(name=name, kind="boolean", role="ignore")
