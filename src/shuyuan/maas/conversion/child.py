"""One conversion in a process of its own: `python -m shuyuan.maas.conversion.child FOLDER`; libraries stay in here.

Reads `job.json` (source, environments, most_bytes), tells its stage in `progress.json`, writes `result.json`, or
`error.json` and exit code 64. What must be refused is refused before a library is imported.
"""

import json
import sys
from pathlib import Path

from shuyuan.kernel import children, errors
from shuyuan.maas.conversion import interface, kerasfile, recognising, unpacking


def main(folder: Path) -> int:
    """The exit code."""
    try:
        made = _work(folder, json.loads((folder / "job.json").read_text("utf-8")))
        (folder / "result.json").write_text(made.model_dump_json(), "utf-8")
    except errors.ShuyuanError as wrong:
        return _refuse(folder, wrong.to_dict())
    except Exception as wrong:
        if (told := children.trouble(wrong)) is None:
            raise
        return _refuse(folder, told)
    return 0


def _work(folder: Path, job: children.Json) -> interface.Converted:
    _tell(folder, "looking")
    source = Path(job["source"])
    if recognising.is_packed_folder(source):
        source = unpacking.folder_of(source, folder / "unpacked", int(job["most_bytes"]))
    kind = recognising.kind_of(source)
    if kind == "keras":
        kerasfile.check(source)
    if kind == "gguf":
        notes = ("GGUF is served as it is; its header is checked",)
        return interface.Converted(kind=kind, path=source, runner="llama", notes=notes)
    _tell(folder, "converting")
    from shuyuan.maas.conversion import converting

    return converting.convert(kind, source, folder, Path(job["environments"]))


def _tell(folder: Path, stage: interface.Stage) -> None:
    (folder / "progress.partial").write_text(json.dumps({"stage": stage}))
    (folder / "progress.partial").replace(folder / "progress.json")


def _refuse(folder: Path, told: dict[str, str]) -> int:
    """To error.json; as the last line it prints where even that finds no room."""
    try:
        (folder / "error.json").write_text(json.dumps(told), "utf-8")
    except OSError:
        print(json.dumps(told), flush=True)
    return children.REFUSED


if __name__ == "__main__":
    children.end_with_starter()
    sys.exit(main(Path(sys.argv[1])))
