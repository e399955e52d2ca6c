"""What is done to one partition: named functions from JSON to JSON, called through a pool. Tables lie in files."""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from shuyuan.maas.datasets import augmentation, casting, interface, rules, schema, steps
from shuyuan.maas.datasets.pool import Told
from shuyuan.maas.datasets.rules.types import LOST

DRESS, APPLY, AUGMENT = (f"shuyuan.maas.datasets.partitions:{name}" for name in ("dress", "apply", "augment"))
_HASH_SEED = 20_260_901


def dress(told: Told) -> dict[str, Any]:
    """Read a slice, cast each column to its kind, do what rules do row by row, and hash the rows if asked."""
    columns = [interface.Column.model_validate(one) for one in told["columns"]]
    scan = pl.scan_parquet(told["source"], glob=False).slice(told["offset"], told["length"])
    frame = scan.select(one.name for one in columns).collect()
    lost = Counter[str]()
    frame = _cast(frame, columns, lost, mark=any(one["rule"] == "types" for one in told["rules"]))
    counts: dict[str, dict[str, int]] = {}
    for at, step in enumerate(told["rules"]):
        rule, counted = rules.built(interface.Step.model_validate(step), columns, told["seed"]), Counter[str]()
        if rule.ROWS:
            frame = rule.rows(frame, counted)
        counts[str(at)] = dict(counted)
    frame = frame.drop(LOST, strict=False)
    if told["hashed"] is not None:
        hashed = frame.select(told["hashed"] or pl.all()).hash_rows(_HASH_SEED)
        np.save(told["out"] + ".npy", hashed.to_numpy())
    frame.write_ipc(told["out"])
    return {"rows": frame.height, "lost": dict(lost), "counts": counts}


def apply(told: Told) -> dict[str, Any]:
    """Cut a dressed partition into its parts and do what rules do with what they saw in train."""
    columns = [interface.Column.model_validate(one) for one in told["columns"]]
    frame = pl.read_ipc(told["source"])
    dealt = pl.Series(np.load(told["dealt"], mmap_mode="r")[told["offset"] : told["offset"] + frame.height])
    counts = [Counter[str]() for _ in told["rules"]]
    built = [rules.built(interface.Step.model_validate(step), columns, told["seed"]) for step in told["rules"]]
    found = {}
    for at, part in enumerate(interface.PARTS):
        cut = frame.filter(dealt == at)
        if not cut.height:
            continue
        for rule, state, counted in zip(built, told["states"], counts, strict=True):
            cut = rule.apply(cut, part, state, counted)
        path = f"{told['out']}.{part}.arrow"
        cut.write_ipc(path)
        found[part] = {"path": path, "rows": cut.height}
    return {"parts": found, "counts": {str(at): dict(counted) for at, counted in enumerate(counts)}}


def augment(told: Told) -> dict[str, Any]:
    """Copies of a slice of train, changed; the seed is that of the slice, so that any pool gives the same."""
    frame = pl.read_ipc(told["source"]).slice(told["offset"], told["length"])
    step = interface.Step.model_validate(told["step"])
    options, module = steps.options(step, steps.AUGMENT), augmentation.module(step)
    copies = []
    for copy in range(told["copies"]):
        random = np.random.default_rng([told["seed"], told["at"], told["offset"], copy])
        changed = [
            module.change(frame[name], options, random, told["spreads"].get(name, 0.0)).alias(name)
            for name in told["names"]
        ]
        copies.append(frame.with_columns(changed))
    pl.concat(copies).write_ipc(told["out"])
    return {"path": told["out"], "rows": frame.height * told["copies"]}


def _cast(frame: pl.DataFrame, columns: list[interface.Column], lost: "Counter[str]", *, mark: bool) -> pl.DataFrame:
    """Each column in its type; `lost` counts what could not be cast, LOST marks those rows."""
    found, marked = list[pl.Series](), pl.repeat(False, frame.height, eager=True)
    for column in columns:
        before = frame[column.name]
        after = casting.cast(before, column.kind)
        if after.null_count() > before.null_count():
            gone = after.is_null() & before.is_not_null()
            if before.dtype == pl.String:
                gone = gone & ~before.is_in(schema.MISSING_WORDS)
            lost[column.name] += int(gone.sum() or 0)
            marked = marked | gone
        found.append(after)
    return pl.DataFrame([*found, marked.alias(LOST)] if mark else found)
