"""Ask the child of a search for the next values: one question, one answer, in the search's folder."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import children, ids
from shuyuan.maas.training import interface, store

COMMAND = (sys.executable, "-m", "shuyuan.maas.training.searching")
ANSWER_S = 120.0
_STARTUP_TRIALS = 5
_Json = dict[str, Any]  # Any: JSON


class Suggesting:
    """The children of searches, one at a time."""

    def __init__(self, root: Path, stop: threading.Event, command: Sequence[str] = COMMAND) -> None:
        """stop: set when the server ends: a child is then killed."""
        self.root, self._stop, self.command = root, stop, tuple(command)

    def ask(self, row: Row[Any], runs: store.Rows) -> _Json | None:
        """`trial` and `values` of the next one; None: the child did not answer."""
        folder = self.root / row.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        question = ids.new_id()
        (folder / "ask.json").write_text(json.dumps({"question": question, **_asked(row, runs)}))
        self._answer(folder)
        suggested = _read(folder / "suggestion.json")
        return suggested if suggested.get("question") == question else None

    def last_words(self, search_id: str) -> str:
        """The last line of what the child printed."""
        try:
            said = (self.root / search_id / "child.log").read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            said = []
        return said[-1][:300] if said else "it said nothing"

    def _answer(self, folder: Path) -> None:
        """Run the child; it is killed when the server stops or it takes too long."""
        with (folder / "child.log").open("ab") as said:
            child = subprocess.Popen(
                [*self.command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=children.environment(1),
                start_new_session=True,
            )
        waited_s = 0.0
        while child.poll() is None and waited_s < ANSWER_S and not self._stop.wait(0.05):
            waited_s += 0.05
        if child.poll() is None:
            child.kill()
            child.wait()


def _asked(row: Row[Any], runs: store.Rows) -> _Json:
    ended = {run.trial: run.figures.get(row.metric) for run in runs if run.state in interface.ENDED}
    return {
        "space": row.space,
        "direction": row.direction,
        "seed": row.new_run["seed"],
        "startup": _STARTUP_TRIALS,
        "ended": ended | dict.fromkeys(row.refused),
        "taken": [*(run.trial for run in runs), *row.refused],
    }


def _read(path: Path) -> _Json:
    try:
        told: _Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told
