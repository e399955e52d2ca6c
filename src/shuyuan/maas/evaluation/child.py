"""The child process: `python -m shuyuan.maas.evaluation.child FOLDER`. Reads job.json, works, writes result.json.

Refuses with exit code 64 and error.json (code, message, fix) what a person can mend. A folder that holds a result is
left as it is, so that starting twice does the work once.
"""

import fcntl
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shuyuan.maas.evaluation import families, folder

_JOB: TypeAdapter[folder.Job] = TypeAdapter(folder.Job)


def main(place: Path) -> int:
    """Do the folder's job; the exit code."""
    with (place / folder.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / folder.RESULT).is_file():
            return 0
        (place / folder.ERROR).unlink(missing_ok=True)
        try:
            return _work(place)
        except ModuleNotFoundError as absent:
            told = {
                "code": "extra_missing",
                "message": f"the part that evaluates is not installed here: {absent.name}",
                "fix": "pip install 'shuyuan[data,embed]'",
            }
            folder.write(place / folder.ERROR, told)
            return folder.REFUSED


def _work(place: Path) -> int:
    from shuyuan.maas.evaluation.work import refusal

    try:
        job = _JOB.validate_json((place / folder.JOB).read_bytes())
        _done(place, job)
    except refusal.Refused as refused:
        return _refuse(place, refused.code, refused.message, refused.fix)
    except ValidationError as wrong:
        return _refuse(place, "bad_job", f"job.json: {wrong.errors()[0]['msg']}", "start the evaluation again")
    except OSError as full:
        if full.errno != 28:  # no space left on device
            raise
        return _refuse(place, "no_space", "the disk is full", "free some space and start the evaluation again")
    return 0


def _done(place: Path, job: folder.Job) -> None:
    from shuyuan.maas.evaluation.work import evaluating, folding

    began = time.monotonic()
    out = place / folder.OUT
    out.mkdir(exist_ok=True)

    def tell(stage: folder.Stage) -> None:
        steps = len(folder.STAGES) - 1
        told = {"stage": stage, "step": folder.STAGES.index(stage), "steps": steps, "at_s": time.monotonic() - began}
        folder.write(place / folder.PROGRESS, told)

    if isinstance(job, folder.EvaluateJob):
        report = evaluating.evaluate(job, out, tell)
        tell("writing")
        _write_report(out, report.model_copy(update={"seconds": time.monotonic() - began}))
    elif isinstance(job, folder.PredictJob):
        evaluating.predict(job, out, tell, families.family_of(job.task))
    else:
        tell("reading")
        folding.cut(job, out)
    tell("done")
    folder.write(place / folder.RESULT, {"files": _files(out), "seconds": time.monotonic() - began})


def _write_report(out: Path, report: Any) -> None:  # a Report
    from shuyuan.maas.evaluation.page import document

    folder.write(out / folder.REPORT, json.dumps(report.model_dump(mode="json"), ensure_ascii=False, allow_nan=False))
    for language in document.LANGUAGES:
        folder.write(out / folder.html_name(language), document.render(report, language))


def _files(out: Path) -> dict[str, dict[str, str | int]]:
    found: dict[str, dict[str, str | int]] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            with path.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
            found[path.relative_to(out).as_posix()] = {"sha256": digest, "size_bytes": path.stat().st_size}
    return found


def _refuse(place: Path, code: str, message: str, fix: str) -> int:
    folder.write(place / folder.ERROR, {"code": code, "message": message[:1000], "fix": fix[:400]})
    return folder.REFUSED


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main(Path(sys.argv[1])))
