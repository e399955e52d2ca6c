"""Classes of very different size: told, evened out by repeating rows of the small ones, or weighed."""

import numpy as np
import polars as pl

from shuyuan.maas.datasets import findings, interface, plans, steps
from shuyuan.maas.datasets.rules.base import Parts, Rule, State

WEIGHT = plans.CLASS_WEIGHT


class Imbalance(Rule):
    """See steps.Imbalance. Only train is changed; in other parts every weight is 1."""

    options: steps.Imbalance

    def finish(self, parts: Parts, state: State, seen: list[interface.Finding]) -> Parts:
        """Count the classes of train, then do what is told."""
        label = self.label
        if label is None or label.kind == "number":
            return parts
        train = parts["train"]
        counts = train[label.name].drop_nulls().value_counts().sort(label.name)
        sizes = dict(zip(counts[label.name].to_list(), counts["count"].to_list(), strict=True))
        told = ", ".join(f"{name}: {size}" for name, size in list(sizes.items())[:20])
        changed, action, touched = parts, "report", 0
        if self.options.action == "resample":
            more = self._repeated(train[label.name], sizes)
            changed, action, touched = {**parts, "train": train[more]}, "repeated rows", len(more) - train.height
        elif self.options.action == "weights":
            changed, action, touched = self._weighed(parts, label.name, sizes), f"column {WEIGHT}", train.height
        said = ("classes", {"sizes": told[:400]})
        seen.append(findings.found(self.name, said, column=label.name, count=touched, action=action))
        return changed

    def _repeated(self, labels: pl.Series, sizes: dict[object, int]) -> "np.typing.NDArray[np.int64]":
        """Rows of train, each once, then those of small classes again, drawn by the seed."""
        random, values = np.random.default_rng(self.seed), np.array(labels.to_list(), object)
        wanted = int(max(sizes.values()) * self.options.ratio)
        rows = [np.arange(len(values))]
        for name, size in sizes.items():
            if size < wanted:
                rows.append(random.choice(np.flatnonzero(values == name), wanted - size))
        return np.concatenate(rows)

    def _weighed(self, parts: Parts, label: str, sizes: dict[object, int]) -> Parts:
        total, classes = sum(sizes.values()), len(sizes)
        names, weights = list(sizes), [total / (classes * size) for size in sizes.values()]
        learned = pl.col(label).replace_strict(names, weights, default=1.0, return_dtype=pl.Float64).alias(WEIGHT)
        return {
            part: frame.with_columns(learned if part == "train" else pl.lit(1.0).alias(WEIGHT))
            for part, frame in parts.items()
        }


RULE = Imbalance
