"""The server's half of training never imports what trains."""

import subprocess
import sys

HEAVY = ("torch", "polars", "optuna", "onnx", "onnxruntime", "transformers", "peft", "numba")
LOOK = """
import sys
from shuyuan.maas.training import configs, jobs, routes, service, tasks
configs.check("tabular_classification", {})
tasks.every()
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_forms_and_routes_are_read_without_what_trains() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK, *HEAVY], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
