"""What is done now and then: folders that nobody needs go, ended runs are copied to the mirror."""

import contextlib
import functools
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from shuyuan.kernel import db as kernel_db
from shuyuan.maas.training import files, folders, interface, mirror, store

_MIRRORED_DAYS = 7  # after that a run is not copied any more


def prune(db: kernel_db.Database, runs: files.RunFiles, searches: Path, before: datetime) -> int:
    """Remove the folders of runs and searches that ended before then, or that nobody knows; returns how many."""
    return _prune_runs(db, runs, before) + _prune_searches(db, searches, before)


def _prune_runs(db: kernel_db.Database, runs: files.RunFiles, before: datetime) -> int:
    found = [path.name for path in runs.root.glob("*") if path.is_dir()]
    with db.read() as conn:
        old = store.ended_before(conn, found, before) | (set(found) - store.known(conn, found))
    for run_id in old:
        runs.folder(run_id).remove()
    return len(old)


def _prune_searches(db: kernel_db.Database, root: Path, before: datetime) -> int:
    found = [path for path in root.glob("*") if path.is_dir()]
    with db.read() as conn:
        kept = store.searches_kept(conn, [path.name for path in found], before)
    gone = [path for path in found if path.name not in kept]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return len(gone)


def copy_to_mirror(db: kernel_db.Database, runs: files.RunFiles, url: str, home_id: str | None, now: datetime) -> int:
    """Copy runs that ended to an MLflow server, each once; returns how many."""
    with db.read() as conn:
        rows = store.to_mirror(conn, home_id, now - timedelta(days=_MIRRORED_DAYS))
    copied = 0
    with contextlib.closing(mirror.Mirror(url)) as server:
        for row in rows:
            run = store.told(row)
            server.write(run, folders.Curve(runs.curve(run)).new())
            db.write(functools.partial(store.change, run_id=run.id, was=interface.ENDED, mirrored=True))
            copied += 1
    return copied
