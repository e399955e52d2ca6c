"""The words by which runs and their files are named: `runs:/id`, `runs:/id/out/model.onnx`. Pure."""

import re
from typing import NamedTuple

from shuyuan.maas.training import interface

_RUN = re.compile(r"(?:runs:/)?(?P<run>[0-9a-z]{26}|[0-9]{1,9})(?:/out/(?P<name>[\w./-]{1,200}))?")


class RunFile(NamedTuple):
    """A run (by id or number), and one of its files; name "": the run itself."""

    run: str
    name: str


def read(reference: str) -> RunFile:
    """What a reference names. Raises BadReference.

    >>> read("runs:/12/out/model.onnx")
    RunFile(run='12', name='model.onnx')
    """
    parts = _RUN.fullmatch(reference)
    if parts is None or ".." in reference:
        raise interface.BadReference(
            f"{reference[:120]!r} names no run", fix="use runs:/id, its number, or runs:/id/out/model.onnx"
        )
    return RunFile(parts["run"], parts["name"] or "")
