"""Pictures: handwritten digits against logistic regression on their pixels."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import harness
from bench.trained import floors, runs

GOALS: dict[str, dict[str, harness.Goal]] = {
    "digits": {"digits_accuracy": (">=", 0.96), "digits_over_logistic_floor": (">", 0)},
}
PROTOCOLS = {
    "digits": "img_optdigits: images 1-1000 (850 train, 150 validation, drawn with seed 7), test = images 1001-1797, "
    "pictures as 8 x 8 PNG; floor: logistic regression on the pixels of images 1-1000 (scikit-learn)",
}


def digits(home: Path) -> runs.Figures:
    with gzip.open(harness.data_folder("img_optdigits") / "digits.csv.gz", "rt") as lines:
        rows = np.array([[int(one) for one in row] for row in list(csv.reader(lines))[1:]])
    pixels, labels = rows[:, :64], rows[:, 64]
    order = np.random.default_rng(runs.SEED).permutation(1000)
    parts = {"train": order[:850], "validation": order[850:], "test": np.arange(1000, len(rows))}
    tables: dict[str, runs.Table] = {
        part: {"picture": [_png(pixels[n]) for n in at], "digit": [str(labels[n]) for n in at]}
        for part, at in parts.items()
    }
    config = {
        "net": "convolutional", "widths": [32, 64], "epochs": 60, "rate": 3e-3, "schedule": "one_cycle", "shift": 1,
        "dropout": 0.3, "weight_decay": 0.01, "label_smoothing": 0.05,
    }  # fmt: skip
    run = runs.run(
        home / "digits", "image_classification", config,
        [("picture", "image", "feature"), ("digit", "category", "label")], tables,
    )  # fmt: skip
    floor = floors.logistic(pixels[:1000] / 16, labels[:1000], pixels[1000:] / 16)
    wrong = float((floor == labels[1000:]).mean())
    accuracy = runs.accuracy(run)
    return {
        "digits_accuracy": accuracy,
        "digits_validation_accuracy": run["figures"]["validation_accuracy"],
        "floor_digits_logistic": wrong,
        "digits_over_logistic_floor": accuracy - wrong,
        "digits_weights": run["parameters"],
        "digits_model_bytes": run["files"]["model.onnx"]["size_bytes"],
    }


def _png(pixels: Any) -> bytes:  # an array of 64 numbers, 0 to 16
    out = io.BytesIO()
    Image.fromarray((pixels.reshape(8, 8) * 15).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
