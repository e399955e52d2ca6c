"""Edge bundles: a zip that runs a version offline, and the signed counts that come back from it."""

import ast
import functools
import hashlib
import hmac
import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors, ids
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import contents, interface, store

MAX_REPORT_BYTES, MAX_LINES, MAX_MODEL_BYTES = 2_000_000, 5_000, 1 << 30
_UNIT_LINES = 100  # written at once: everybody else writes in between
_MOST = 2**31 - 1
_FEATURES = "shuyuan.science.features"
_PLAIN = "shuyuan.science"  # only what is pure may be shipped
_FIELDS = {"report", "bundle", "began_at", "ended_at", "calls", "rows", "errors", "seconds", "signature"}
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Bundles:
    """Writes bundles and reads their reports. The key of a bundle is derived from its id, and stored nowhere."""

    def __init__(
        self,
        db: db.Database,
        catalogue: catalogue_api.Catalogue,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
    ) -> None:
        self._db, self._catalogue, self._vault, self._audit = db, catalogue, vault, audit

    def write(self, school_id: str, actor_id: str, version: catalogue_api.Version, target: Path) -> Path:
        """See Deployments.bundle."""
        if version.runner != "onnx":
            raise interface.NotPortable(
                f"{version.uri} is run by {version.runner!r}; a bundle runs ONNX", fix="bundle a version made as ONNX"
            )
        if version.size_bytes > MAX_MODEL_BYTES:
            raise interface.NotPortable(
                f"{version.uri} has {version.size_bytes} bytes; at most {MAX_MODEL_BYTES}", fix="compress it first"
            )
        contents.require_impersonal(version)
        bundle_id = ids.new_id()
        files = self._files(version, bundle_id)

        def note(uow: db.UnitOfWork) -> None:
            known = {"model": version.model, "version": version.number, "version_id": version.id}
            store.add_bundle(uow, school_id, actor_id, bundle_id, **known)
            self._audit.record(
                uow, school_id=school_id, actor_id=actor_id, action="deployment.bundled", object_id=version.id
            )

        self._db.write(note)  # before anybody has the file: a bundle that is not known could not report
        _zip(target, files)
        return target

    def take(self, school_id: str, sent: bytes) -> Sequence[str]:
        """See Deployments.take_report. A wrong line: none is counted. Broken off between units: send it again."""
        if len(sent) > MAX_REPORT_BYTES:
            raise errors.TooLarge(f"a report of {len(sent)} bytes", fix=f"send at most {MAX_REPORT_BYTES} at once")
        lines = [self._checked(number, raw) for number, raw in enumerate(sent.splitlines(), 1) if raw.strip()]
        if not 0 < len(lines) <= MAX_LINES:
            raise interface.BadReport(f"{len(lines)} lines", fix=f"send between 1 and {MAX_LINES}")
        with self._db.read() as conn:
            for bundle_id in {line["bundle"] for line in lines}:
                if store.bundle(conn, school_id, bundle_id) is None:
                    raise interface.BadReport(
                        f"bundle {bundle_id[:40]!r} is not of this school", fix="send it to its own"
                    )
        units = [lines[first : first + _UNIT_LINES] for first in range(0, len(lines), _UNIT_LINES)]
        return [new for unit in units for new in self._db.write(functools.partial(self._add_all, school_id, unit))]

    def _add_all(
        self, school_id: str, lines: Sequence[Mapping[str, Any]], uow: db.UnitOfWork
    ) -> list[str]:  # Any: JSON
        return [line["report"] for line in lines if self._add(uow, school_id, line)]

    def _add(self, uow: db.UnitOfWork, school_id: str, line: Mapping[str, Any]) -> bool:  # Any: JSON
        counts = {name: line[name] for name in ("calls", "rows", "errors", "seconds")}
        times = {name: _time(line[name]) for name in ("began_at", "ended_at")}
        return store.add_report(uow, school_id, line["bundle"], line["report"], **counts, **times)

    def _checked(self, number: int, raw: bytes) -> Mapping[str, Any]:  # Any: JSON
        """A line whose signature is that of its bundle. Raises BadReport."""
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError) as wrong:
            raise interface.BadReport(f"line {number} is not JSON", fix="send the file as it is") from wrong
        if not isinstance(line, dict) or set(line) != _FIELDS:
            raise interface.BadReport(f"line {number} is no line of a report", fix="send the file as it is")
        told = {name: value for name, value in line.items() if name != "signature"}
        said = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        expected = hmac.new(bytes.fromhex(self._key(str(line["bundle"]))), said, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), str(line["signature"]).encode("utf-8", "replace")):
            raise interface.BadReport(f"line {number} is not signed by its bundle", fix="send the file as it is")
        for name in ("calls", "rows", "errors"):
            if type(line[name]) is not int or not 0 <= line[name] <= _MOST:
                raise interface.BadReport(f"line {number}: {name} is {str(line[name])[:40]}", fix="send counts")
        if not isinstance(line["seconds"], int | float) or not 0 <= line["seconds"] < math.inf:
            raise interface.BadReport(f"line {number}: seconds are {str(line['seconds'])[:40]}", fix="send seconds")
        if not isinstance(line["report"], str) or not 0 < len(line["report"]) <= 64:
            raise interface.BadReport(f"line {number} has no report id", fix="send the file as it is")
        _time(line["began_at"]), _time(line["ended_at"])
        return line

    def _key(self, bundle_id: str) -> str:
        return self._vault.keyed_hash("deployment.bundle", bundle_id)

    def _files(self, version: catalogue_api.Version, bundle_id: str) -> dict[str, bytes]:
        spec = dict(version.spec)
        spec.pop("features", None)
        features = contents.encoders(version)
        about = {"bundle": bundle_id, "model": version.model, "version": version.number, "key": self._key(bundle_id)}
        files = {
            "model.onnx": self._catalogue.artefact(version),
            "spec.json": _json(spec),
            "bundle.json": _json(about),
            "run.py": _shipped("run.py"),
            "reading.py": _shipped("reading.py"),
            "README.md": _readme(version),
        }
        if features is not None:
            files["features.json"] = _json(features)
            files |= {f"lib/{name}": source for name, source in sources(_FEATURES).items()}
        return files | {"manifest.json": _json(_manifest(version, files))}


def sources(module: str) -> dict[str, bytes]:
    """The files of a pure package and of every pure module that it imports, by path; empty packages above them."""
    found, waiting = dict[str, bytes](), [module]
    while waiting:
        name = waiting.pop()
        for path, source in _module_files(name).items():
            if path in found:
                continue
            found[path] = source
            waiting += [one for one in _imports(source) if one.startswith(f"{_PLAIN}.")]
    for folder in ("shuyuan", "shuyuan/science"):
        found[f"{folder}/__init__.py"] = b""
    return found


def _module_files(name: str) -> dict[str, bytes]:
    """All files of a package, or the one of a module."""
    parts = name.split(".")
    here = resources.files("shuyuan")
    for part in parts[1:]:
        here = here.joinpath(part)
    path = "/".join(parts)
    if here.is_dir():
        files = {f"{path}/{one.name}": one.read_bytes() for one in here.iterdir() if one.name.endswith(".py")}
        between = ["/".join(parts[:depth]) for depth in range(3, len(parts))]
        return files | {f"{one}/__init__.py": b"" for one in between}
    above = resources.files("shuyuan")
    for part in parts[1:-1]:
        above = above.joinpath(part)
    source = above.joinpath(f"{parts[-1]}.py")
    return {f"{path}.py": source.read_bytes()} if source.is_file() else {}


def _imports(source: bytes) -> list[str]:
    """Dotted names that a file may import: `from a import b` may mean module a.b."""
    named = list[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return named


def _manifest(version: catalogue_api.Version, files: Mapping[str, bytes]) -> dict[str, object]:
    return {
        "model": version.model,
        "version": version.number,
        "artefact_sha256": version.artefact_sha256,
        "contains": contents.told(version),
        "needs": ["python>=3.11", "numpy", "onnxruntime", *(["pillow"] if contents.picture(version) else [])],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }


def _readme(version: catalogue_api.Version) -> bytes:
    zh, en = contents.lines(version)
    told = {"model": version.model, "version": str(version.number), "contains_zh": zh, "contains_en": en}
    told |= contents.use(version)
    text = _shipped("README.md").decode()
    for name, said in told.items():
        text = text.replace(f"{{{name}}}", said)
    return text.encode()


def _zip(target: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)


def _shipped(name: str) -> bytes:
    return resources.files("shuyuan.maas.deployment").joinpath("edge", name).read_bytes()


def _json(value: object) -> bytes:
    out = io.StringIO()
    json.dump(value, out, ensure_ascii=False, indent=1, sort_keys=True)
    return out.getvalue().encode()


def _time(said: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError as wrong:
        raise interface.BadReport(f"{str(said)[:40]!r} is no time", fix="send the file as it is") from wrong
    if found.tzinfo is None:
        raise interface.BadReport(f"{str(said)[:40]!r} has no time zone", fix="send the file as it is")
    return found.astimezone(UTC)
