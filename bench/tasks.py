"""What do the training tasks come to on real data, each against its floor?

Every figure comes from a run's folder and a child process of its own, as a run of the server: parts as Parquet files,
job.json, `python -m shuyuan.maas.training.child`. Settings and epochs were chosen by validation alone; the test part is
read once, at the end of the run. `--only digits,csl` runs some of: digits csl tal oulad lora ways. Parts: `trained/`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository importable
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from bench import harness
from bench.trained import learners, pictures, runs, texts, ways

PARTS: Mapping[str, Callable[[Path], runs.Figures]] = {
    "digits": pictures.digits,
    "csl": texts.csl,
    "tal": texts.tal,
    "oulad": learners.oulad,
    "lora": texts.lora,
    "ways": ways.ways,
}
FAMILIES = (pictures, texts, learners, ways)
GOALS = {name: goals for family in FAMILIES for name, goals in family.GOALS.items()}
PROTOCOLS = {name: told for family in FAMILIES for name, told in family.PROTOCOLS.items()}


def main() -> bool:
    """Measure, print, and say whether every goal was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="some of the parts, with commas between")
    parser.add_argument("--keep", type=Path, help="a folder to keep the runs in")
    said = parser.parse_args()
    asked = said.only.split(",")
    figures: runs.Figures = {}
    with tempfile.TemporaryDirectory(prefix="shuyuan-bench-tasks-") as home:
        for name in asked:
            started = time.monotonic()
            figures |= PARTS[name](said.keep or Path(home))
            figures[f"{name}_seconds"] = time.monotonic() - started
            print(json.dumps(figures, ensure_ascii=False), file=sys.stderr, flush=True)
    goals = {key: goal for name in asked for key, goal in GOALS[name].items()}
    protocol = "; ".join(PROTOCOLS[name] for name in asked)
    return harness.report("tasks", figures, protocol, goals, ("numpy", "torch", "scikit-learn"))


if __name__ == "__main__":
    main()
