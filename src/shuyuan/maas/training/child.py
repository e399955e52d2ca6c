"""The main of a training process: `python -m shuyuan.maas.training.child FOLDER` starts or resumes the run of a folder.

Reads job.json, trains, exports, and writes result.json last. Exit codes: 0 done, 75 stopped as asked (resumable), 64
the job cannot be done (error.json says why and what to do); any other is a crash, the folder can be resumed.
"""

import argparse
import sys
from pathlib import Path

import torch

from shuyuan.kernel import errors
from shuyuan.maas.training import checkpoints, loop, results, running
from shuyuan.science.features import BadColumn

DONE, REFUSED, STOPPED = 0, 64, 75


def main(arguments: list[str] | None = None) -> int:
    """Exit code of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rank", type=int, default=0, help="of a further process of a run, started by its first")
    parser.add_argument("--port", type=int, default=0, help="where the first process waits for the others")
    said = parser.parse_args(arguments)
    try:
        if said.rank:
            running.help_with(said.folder, said.rank, said.port)
        elif not (said.folder / "result.json").exists():
            running.run(said.folder)
    except loop.Paused:
        return STOPPED
    except Exception as wrong:  # what can be told is told, the rest is a crash
        told = _told(wrong)
        if told is None:
            raise
        if not said.rank:
            results.write_json(said.folder / "error.json", told.to_dict())
        print(f"{told.message}; {told.fix}", file=sys.stderr)
        return REFUSED
    return DONE


def _told(wrong: Exception) -> errors.ShuyuanError | None:
    """The error for people; None when this is a defect."""
    match wrong:
        case errors.ShuyuanError():
            return wrong
        case BadColumn():
            return errors.BadInput(str(wrong), fix="clean the data set or change the column's kind", code="bad_column")
        case OSError() if wrong.errno in checkpoints.NO_ROOM:
            return checkpoints.no_room(str(wrong.filename or "a file"))
        case MemoryError() | torch.OutOfMemoryError():
            return errors.BadInput("there is not enough memory", fix="use a smaller batch or net", code="out_of_memory")
    return None


if __name__ == "__main__":
    sys.exit(main())
