"""The main of a child process: answers in, tracers compared. It alone imports torch, and only for nets.

`python -m shuyuan.science.tracing.comparing_child FOLDER` reads `job.json` (models, seed, control, new_items) and, to
remove them at once, `answers.csv` and maybe `meaning.npz`; it writes `progress.json` as it goes, and `result.json`, or
`error.json` and exit code 64.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from shuyuan.science.tracing import comparing, comparingnew, evaluation, family, interchange
from shuyuan.science.tracing.interactions import Interactions

JOB, ANSWERS, PROGRESS, RESULT, ERROR = "job.json", "answers.csv", "progress.json", "result.json", "error.json"
REFUSED = 64


def main(folder: Path) -> int:
    """Exit code of the process."""
    job = json.loads((folder / JOB).read_bytes())
    order = comparing.Order(tuple(job["models"]), job["seed"], job["control"], job.get("new_items", False))
    try:
        table, texts = _read(folder, order)
        _write(folder / RESULT, comparing.compare(table, order, lambda *said: _tell(folder, order, *said), texts))
    except evaluation.Leak as leak:
        return _refuse(folder, "answers_leak", leak, "write an answer once, its points parted by |")
    except ImportError as missing:
        return _refuse(folder, "not_installed", *_without(order, missing))
    except UnicodeDecodeError as wrong:
        return _refuse(folder, "cannot_compare", *_no_text(wrong))
    except (ValueError, csv.Error) as wrong:
        return _refuse(folder, "cannot_compare", wrong, "correct the answers and compare again")
    return 0


def _read(folder: Path, order: comparing.Order) -> tuple[Interactions, comparingnew.Texts]:
    try:
        with (folder / ANSWERS).open(encoding="utf-8", newline="") as file:
            table = comparing.table_of(interchange.read_csv(file))
            if not order.new_items:
                return table, comparingnew.NO_TEXTS
            file.seek(0)
            said = interchange.read_texts(file)
            return table, comparingnew.Texts.of(said, comparingnew.read_meaning(folder))
    finally:
        for name in (ANSWERS, comparingnew.MEANING):
            (folder / name).unlink(missing_ok=True)


def _tell(folder: Path, order: comparing.Order, stage: str, model: str, done: int) -> None:
    _write(folder / PROGRESS, {"stage": stage, "model": model, "done": done, "of": order.stages})


def _without(order: comparing.Order, missing: ImportError) -> tuple[str, str]:
    """What is told where a module is missing: the models that want it, and those that do not."""
    nets = [name for name in order.models if family.needs_torch(name)]
    others = ", ".join(name for name in family.REGISTRY if not family.needs_torch(name))
    needed = f"{', '.join(nets)} cannot be fitted: {missing.name or missing} is not installed here"
    return needed, f"install the training parts (make train), or choose of {others}"


def _no_text(wrong: UnicodeDecodeError) -> tuple[str, str]:
    byte = wrong.object[wrong.start]
    told = f"the answers are no text in UTF-8: byte {wrong.start + 1} is 0x{byte:02x}"
    return told, "give a CSV with the headings learner,item,points,correct,at_s (from a spreadsheet: CSV UTF-8)"


def _refuse(folder: Path, code: str, wrong: Exception | str, fix: str) -> int:
    _write(folder / ERROR, {"code": code, "message": str(wrong), "fix": fix})
    return REFUSED


def _write(path: Path, told: dict[str, Any]) -> None:  # Any: JSON
    """Whole or not at all: somebody may read it just then."""
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(told, ensure_ascii=False))
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
