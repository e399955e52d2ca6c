"""The plan of `bench.preparing` as one writes it with pandas. Runs in its own environment: SOURCE FOLDER SEED."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

NUMBERS, WORDS, MISSING = ("mark", "age", "minutes"), ("town", "band"), ("", "NA", "N/A", "NaN", "nan", "null", "NULL")


def main(source: Path, folder: Path, seed: int) -> None:
    """Cast, drop repeated rows, split, fill, clip, drop constant columns, write three parts."""
    table = pd.read_parquet(source)
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name].where(~table[name].isin(MISSING)), errors="coerce")
    table = table.drop_duplicates(keep="first", ignore_index=True)
    rows = len(table)
    order = np.random.default_rng(seed).permutation(rows)
    sizes = [round(rows * 0.7), round(rows * 0.15)]
    part = np.empty(rows, np.int8)
    part[order] = np.repeat([0, 1, 2], [*sizes, rows - sum(sizes)])
    train = table[part == 0]
    filled = {name: train[name].median() for name in NUMBERS} | {name: train[name].mode().min() for name in WORDS}
    fences = {}
    for name in NUMBERS:
        low, high = train[name].quantile(0.25), train[name].quantile(0.75)
        reach = 3.0 * (high - low)
        if reach > 0:
            fences[name] = (low - reach, high + reach)
    constant = [name for name in (*NUMBERS, *WORDS, "course") if train[name].dropna().nunique() <= 1]
    for at, name in enumerate(("train", "validation", "test")):
        cut = table[part == at].fillna(filled)
        for column, fence in fences.items():
            cut[column] = cut[column].clip(*fence)
        cut.drop(columns=constant).to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
