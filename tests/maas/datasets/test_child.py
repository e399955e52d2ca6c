"""The child process: what it is told, what it answers, and what the server never loads."""

import errno
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.maas.datasets.files import picture

from shuyuan.maas.datasets import faults, folder

ROWS = b"a,b\n" + b"".join(f"{at},some words of row {at}\n".encode() for at in range(5000))


def run(home: Path, job: dict[str, Any], *, most_bytes: int | None = None) -> int:
    folder.write(home / folder.JOB, job)

    def bound() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    child = [sys.executable, "-m", "shuyuan.maas.datasets.child", str(home)]
    return subprocess.run(child, input=b"00\n", preexec_fn=bound, stderr=subprocess.DEVNULL).returncode


def importing(**told: Any) -> dict[str, Any]:
    return {"work": "import", "new": {"name": "rows", "format": "csv", **told}, "bounds": {}}


def test_a_file_is_read_and_told(tmp_path: Path) -> None:
    (tmp_path / folder.INPUT).write_bytes(ROWS)
    assert run(tmp_path, importing()) == 0
    result = folder.read(tmp_path / folder.RESULT)
    assert result is not None
    assert result["parts"]["train"]["rows"] == 5000
    assert folder.read(tmp_path / folder.PROGRESS) == {"stage": "done", "done": 3, "total": 3}


def test_a_disk_that_fills_while_it_writes_is_told_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / folder.INPUT).write_bytes(ROWS)
    assert run(tmp_path, importing(), most_bytes=20_000) == folder.BAD_INPUT
    told = folder.read(tmp_path / folder.ERROR)
    assert told is not None
    assert (told["code"], bool(told["fix"])) == ("no_space", True)
    assert folder.read(tmp_path / folder.RESULT) is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_known_by_its_number_whatever_it_says(code: int) -> None:
    told = faults.told(OSError(code, "?"))
    assert told is not None
    assert told["code"] == "no_space"
    assert faults.told(OSError(errno.EIO, "?")) is None


def test_csv_is_for_excel_and_pictures_stay_in_parquet(tmp_path: Path) -> None:
    source = tmp_path / "part.parquet"
    pl.DataFrame({"名": ["a"], "s": [[1, 2]]}).write_parquet(source)
    assert run(tmp_path, {"work": "export", "source": str(source)}) == 0
    assert (tmp_path / "export.csv").read_bytes() == '\ufeff名,s\na,"[1,2]"\n'.encode()
    pl.DataFrame({"p": [picture()]}).write_parquet(source)
    assert run(tmp_path, {"work": "export", "source": str(source)}) == folder.BAD_INPUT
    told = folder.read(tmp_path / folder.ERROR)
    assert told is not None
    assert "pictures" in told["message"]


def test_the_server_side_loads_no_library_of_tables() -> None:
    light = "interface, tables, store, service, routes, jobs, steps, intake"
    asked = f"""
import json, sys
from shuyuan.maas.datasets import {light}
from shuyuan.entrypoints.commands import datasets
print(json.dumps([name for name in ("polars", "PIL", "pandas", "torch", "sklearn") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
