"""The server's half of evaluation is light: nothing of what reads tables or runs models is imported with it."""

import subprocess
import sys

MODULES = ("interface", "tables", "store", "service", "routes", "jobs", "judging", "gates", "page.document")
HEAVY = ("polars", "onnxruntime", "onnx", "torch", "optuna", "transformers", "sklearn")


def test_the_server_modules_import_nothing_heavy() -> None:
    imports = "; ".join(f"import shuyuan.maas.evaluation.{name}" for name in MODULES)
    script = f"import sys; {imports}; print([one for one in {HEAVY!r} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
