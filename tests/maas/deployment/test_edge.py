"""Edge bundles: run for real where nothing of this platform can be imported, and report back."""

import hashlib
import hmac
import importlib.util
import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select
from tests.maas.deployment.conftest import House

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors, ids
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import bundles, interface, tables
from shuyuan.maas.deployment.edge import reading
from shuyuan.maas.deployment.service import DeploymentService
from shuyuan.maas.runners import graph
from shuyuan.science.features import Features

PUPILS: dict[str, list[object]] = {"age": [10.0, 12.0, None], "town": ["A", "B", "A"], "passed": ["no", "yes", "yes"]}
SCHEMA = [
    {"name": "age", "kind": "number"},
    {"name": "town", "kind": "category"},
    {"name": "passed", "kind": "category", "role": "label"},
]
TABLE = "age,town\n10,A\n14,B\n,Nowhere\n"
START = """
import runpy, sys
sys.path.insert(0, {libraries!r})
sys.argv[:] = {words!r}
runpy.run_path({script!r}, run_name='__main__')
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with numpy and onnxruntime, and nothing else."""
    folder = tmp_path_factory.mktemp("libraries")
    for name in ("numpy", "onnxruntime"):
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            pytest.skip(f"{name} is not installed")
        home = Path(found.origin).parent.parent
        for part in home.glob(f"{name}*"):
            if part.suffix != ".dist-info":
                (folder / part.name).symlink_to(part)
    return folder


@pytest.fixture
def version(house: House) -> catalogue_api.Version:
    """A classifier of three columns that train could have made."""
    fitted = Features.fit(PUPILS, SCHEMA)
    made = graph.Graph("pupils")
    (width,) = fitted.inputs[0].shape
    weights = np.random.default_rng(7).normal(size=(width, 2)).astype(np.float32)
    given = [made.input("features", "float32", ("rows", width)), made.constant("w", weights)]
    made.output(made.node("MatMul", given, "logits"), "float32", ("rows", 2))
    spec = {"task": "tabular_classification", "labels": ["no", "yes"], "output": "logits", "features": fitted.to_json()}
    return house.catalogue.add_file(
        house.north, "system", model="pupils", source=io.BytesIO(made.to_bytes()), runner="onnx", spec=spec
    )


@pytest.fixture
def unpacked(house: House, version: catalogue_api.Version, tmp_path: Path) -> Path:
    service = house.service()
    packed = service.bundle(house.north, house.person, "pupils", version.number, tmp_path / "x.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "edge")
    return tmp_path / "edge"


@pytest.fixture
def run(libraries: Path, unpacked: Path, tmp_path: Path) -> Run:
    """`run.py` where only numpy and onnxruntime can be imported: no site-packages, no environment."""

    def started(*words: str, code: str = "") -> "subprocess.CompletedProcess[str]":
        told = code or start(libraries, unpacked, words)
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", told], capture_output=True, text=True, cwd=tmp_path, timeout=60
        )

    return started


def start(libraries: Path, unpacked: Path, words: tuple[str, ...]) -> str:
    script = str(unpacked / "run.py")
    return START.format(libraries=str(libraries), words=[script, *words], script=script)


def answers_here(version: catalogue_api.Version, house: House) -> Any:
    import onnxruntime

    features = Features.from_json(version.spec["features"])  # type: ignore[arg-type]
    inputs = features.transform({"age": ["10", "14", ""], "town": ["A", "B", "Nowhere"]})
    session = onnxruntime.InferenceSession(house.catalogue.artefact(version), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def test_it_answers_as_the_platform_does_with_nothing_of_the_platform(
    house: House, version: catalogue_api.Version, run: Run, libraries: Path, tmp_path: Path
) -> None:
    isolated = run(code=f"import sys; sys.path.insert(0, {str(libraries)!r}); import numpy, onnxruntime, shuyuan")
    assert "No module named 'shuyuan'" in isolated.stderr, "the test means what it says"
    for other in ("pydantic", "polars", "torch", "sqlalchemy"):
        assert (
            "No module named" in run(code=f"import sys; sys.path.insert(0, {str(libraries)!r}); import {other}").stderr
        )
    (tmp_path / "pupils.csv").write_text(TABLE)
    done = run("pupils.csv", "-o", "answers.json")
    assert done.returncode == 0, done.stderr
    answers = json.loads((tmp_path / "answers.json").read_text())
    logits = answers_here(version, house)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose([[one["p_no"], one["p_yes"]] for one in answers], expected, rtol=1e-5)
    assert [one["prediction"] for one in answers] == [["no", "yes"][n] for n in logits.argmax(1)]
    told = run("pupils.csv").stdout.splitlines()
    assert (told[0], len(told)) == ("prediction,p_no,p_yes", 4)


def test_what_cannot_be_read_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("age,town\n1,2,3\n")
    (tmp_path / "short.csv").write_text("age\n1\n")
    (tmp_path / "words.csv").write_text("age,town\nten,A\n")
    (tmp_path / "x.json").write_text("[1]")
    for name, said in (
        ("bad.csv", "more or fewer"),
        ("short.csv", "'town'"),
        ("words.csv", "'ten'"),
        ("x.json", "no list"),
    ):
        done = run(name)
        assert done.returncode == 1
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_no_rows_no_file_and_no_pictures_are_told_with_what_to_do(tmp_path: Path) -> None:
    for name, content in (("empty.csv", ""), ("header.csv", "age,town\n"), ("none.json", "[]"), ("photo.png", "")):
        (tmp_path / name).write_text(content)
    for name, said in (
        ("empty.csv", "holds no rows; give a header with the columns age, town"),
        ("header.csv", "holds no rows"),
        ("none.json", "holds no rows"),
        ("nofile.csv", "there is no file"),
        ("photo.png", "reads no pictures but the columns age, town; give a table"),
    ):
        with pytest.raises(reading.Refused, match=said):
            reading.rows_of([str(tmp_path / name)], ["age", "town"], None)


def test_a_model_of_pictures_takes_files_zips_folders_and_tables_of_them(house: House, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="pictures are decoded by Pillow")
    files, folder = {}, tmp_path / "scans"
    folder.mkdir()
    for name, grey in (("dark.png", 10), ("light.png", 250)):
        file = io.BytesIO()
        image.fromarray(np.full((4, 4), grey, np.uint8)).save(file, "PNG")
        files[name] = file.getvalue()
        (folder / name).write_bytes(files[name])
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("a/light.png", files["light.png"])
        archive.writestr("__MACOSX/a/._light.png", b"of the archiver")
    (tmp_path / "table.csv").write_text("photo\nscans/light.png\nscans/dark.png\n")
    table: dict[str, list[object]] = {"photo": list(files.values()), "label": ["dark", "light"]}
    schema = [{"name": "photo", "kind": "image"}, {"name": "label", "kind": "category", "role": "label"}]
    made = graph.Graph("photos")
    sums = np.stack([np.full(16, -1), np.full(16, 1)], axis=1).astype(np.float32)
    shape = made.constant("shape", np.array([-1, 16]))
    flat = made.node("Reshape", [made.input("photo", "float32", ("rows", 1, 4, 4)), shape], "flat")
    made.output(made.node("MatMul", [flat, made.constant("w", sums)], "logits"), "float32", ("rows", 2))
    read = {"features": Features.fit(table, schema).to_json()}, {"image": {"size": [4, 4], "channels": 1, "mean": 0.5}}
    for number, how in enumerate(read, 1):  # as it was trained; as whoever brought it says
        spec, file = {"labels": ["dark", "light"], "output": "logits", **how}, io.BytesIO(made.to_bytes())
        house.catalogue.add_file(house.north, "system", model="photos", source=file, runner="onnx", spec=spec)
        packed = house.service().bundle(house.north, house.person, "photos", number, tmp_path / "x.zip")
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(tmp_path / str(number))

    def answered(*words: str, version: int = 1) -> list[dict[str, Any]]:
        command = [sys.executable, str(tmp_path / str(version) / "run.py"), *words, "-o", "out.json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads((tmp_path / "out.json").read_text())
        return found

    seen = answered("scans/dark.png", "more.zip", "scans")
    assert [(one["file"], one["prediction"]) for one in seen] == [
        ("dark.png", "dark"),
        ("a/light.png", "light"),
        ("dark.png", "dark"),
        ("light.png", "light"),
    ]
    assert [one["prediction"] for one in answered("table.csv")] == ["light", "dark"]
    assert [one["prediction"] for one in answered("scans", version=2)] == ["dark", "light"], "brought, not trained"
    readme = (tmp_path / "1" / "README.md").read_text()
    assert "pip install numpy onnxruntime pillow" in readme
    assert "whose column `photo` " in readme
    assert "pillow" in json.loads((tmp_path / "1" / "manifest.json").read_text())["needs"]


def test_a_file_that_was_changed_is_not_run(run: Run, unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "pupils.csv").write_text(TABLE)
    assert run("--check").stdout == "every file is as the manifest says\n"
    manifest = json.loads((unpacked / "manifest.json").read_text())
    for name, told in manifest["files"].items():
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == told["sha256"]
    (unpacked / "spec.json").write_text("{}")
    done = run("pupils.csv")
    assert (done.returncode, "spec.json is not the file" in done.stderr) == (1, True)


def test_its_report_counts_without_inputs_and_is_counted_once_where_it_belongs(
    house: House, run: Run, unpacked: Path, tmp_path: Path
) -> None:
    (tmp_path / "pupils.csv").write_text(TABLE)
    (tmp_path / "bad.csv").write_text("age,town\nten,A\n")
    run("pupils.csv"), run("bad.csv"), run("pupils.csv")
    sent = (unpacked / "report.jsonl").read_bytes()
    assert b"Nowhere" not in sent
    lines = [json.loads(line) for line in sent.splitlines()]
    assert [(one["calls"], one["rows"], one["errors"]) for one in lines] == [(1, 3, 0), (1, 0, 1), (1, 3, 0)]
    service = house.service()
    assert len(service.take_report(house.north, sent)) == 3
    assert service.take_report(house.north, sent + b"\n") == [], "sent twice, counted once"
    with pytest.raises(interface.BadReport, match="not of this school"):
        service.take_report(house.south, sent)
    lines[0]["rows"] = 99
    with pytest.raises(interface.BadReport, match="not signed"):
        service.take_report(house.north, json.dumps(lines[0]).encode())
    with house.db.read() as conn:
        rows = conn.execute(select(tables.edge_report.c.rows)).scalars().all()
        last = next(iter(kernel_audit.entries(conn, house.north, limit=1)))
    assert sorted(rows) == [0, 3, 3]
    assert last.action == "deployment.bundled"
    graph_ = service.lineage(house.north, "pupils", 1)
    assert next(node for node in graph_.nodes if node.id == "edge").detail == "1 · 3 calls"


def test_a_long_report_is_written_in_short_units(house: House, unpacked: Path) -> None:
    key = json.loads((unpacked / "bundle.json").read_text())
    sent, service, units = _report(key, 250), house.service(), list[int]()

    def began(_: object) -> None:
        units.append(0)

    def executed(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT"):
            units[-1] += 1

    event.listen(house.db.engine, "begin", began, insert=True)
    event.listen(house.db.engine, "after_cursor_execute", executed)
    assert len(service.take_report(house.north, sent)) == 250
    event.remove(house.db.engine, "begin", began)
    event.remove(house.db.engine, "after_cursor_execute", executed)
    assert sum(units) == 250
    assert max(units) <= 100, "others may write in between"
    assert service.take_report(house.north, sent + _report(key, 1)) != [], "only what is new"
    with pytest.raises(interface.BadReport):
        service.take_report(house.north, _report(key, 150) + b"{}")
    with house.db.read() as conn:
        assert len(conn.execute(select(tables.edge_report.c.rows)).all()) == 251, "a bad line: none is counted"


def _report(bundle: dict[str, str], lines: int) -> bytes:
    """As many signed lines as asked for, each of its own."""
    times = {"began_at": "2026-09-01T08:00:00+00:00", "ended_at": "2026-09-01T08:01:00+00:00"}
    found = []
    for _ in range(lines):
        told = {"report": ids.new_id(), "bundle": bundle["bundle"], **times, "calls": 1, "rows": 1, "errors": 0}
        said = json.dumps(told | {"seconds": 0.1}, sort_keys=True, separators=(",", ":")).encode()
        signature = hmac.new(bytes.fromhex(bundle["key"]), said, hashlib.sha256).hexdigest()
        found.append(json.dumps(told | {"seconds": 0.1, "signature": signature}).encode())
    return b"\n".join(found) + b"\n"


@pytest.mark.parametrize("sent", [b"", b"{}", b"[1]\n", b"\xff", b'{"report": 1}', b"{" * 5000])
def test_nonsense_is_no_report(house: House, sent: bytes) -> None:
    with pytest.raises(errors.BadInput):
        house.service().take_report(house.north, sent)


def test_it_serves_this_machine_and_writes_its_report_at_the_end(
    run: Run, libraries: Path, unpacked: Path, tmp_path: Path
) -> None:
    words = [sys.executable, "-I", "-S", "-c", start(libraries, unpacked, ("--serve", "0"))]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        rows = json.dumps([{"age": 10, "town": "A"}]).encode()
        with urllib.request.urlopen(urllib.request.Request(url, rows), timeout=30) as answer:
            assert set(json.load(answer)["answers"][0]) == {"prediction", "p_no", "p_yes"}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, b"nonsense"), timeout=30)
        assert refused.value.code == 400
        refused.value.close()
    finally:
        child.send_signal(2)
        child.communicate(timeout=30)
    (line,) = (unpacked / "report.jsonl").read_text().splitlines()
    assert json.loads(line)["calls"] == 1


def test_a_bundle_without_features_takes_the_graph_s_own_inputs(
    house: House, deployment: DeploymentService, libraries: Path, tmp_path: Path
) -> None:
    deployment.bundle(house.north, house.person, "digits", 2, tmp_path / "plain.zip")
    with zipfile.ZipFile(tmp_path / "plain.zip") as archive:
        archive.extractall(tmp_path / "plain")
        assert not [name for name in archive.namelist() if name.startswith("lib/")]
    (tmp_path / "rows.json").write_text('[{"x": [1, 2]}, {"x": [3, 4]}]')
    words = start(libraries, tmp_path / "plain", (str(tmp_path / "rows.json"), "-o", str(tmp_path / "out.json")))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text()) == [{"y": [2, 4]}, {"y": [6, 8]}]


def test_only_onnx_is_bundled_and_only_one_s_own(house: House, deployment: DeploymentService, tmp_path: Path) -> None:
    with pytest.raises(catalogue_api.UnknownModel):
        deployment.bundle(house.south, house.person, "digits", 1, tmp_path / "x.zip")
    version = house.catalogue.resolve(house.north, "models:/digits/1").model_copy(update={"runner": "llama"})
    with pytest.raises(interface.NotPortable):
        deployment._bundles.write(house.north, house.person, version, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_a_version_that_remembers_pupils_by_their_numbers_does_not_leave_the_school(
    house: House, deployment: DeploymentService, tmp_path: Path
) -> None:
    def learnt(**columns: list[object]) -> dict[str, Any]:
        schema = [{"name": name, "kind": "identifier"} for name in columns]
        return {"features": Features.fit(columns, schema).to_json(), "ranking": {"person": "who", "item": "item"}}

    raw = house.bring(house.north, **learnt(who=["s2026001", "s2026002"], item=["i1", "i2"]))
    hashed = house.bring(house.north, **learnt(who=["p-" + "0" * 24, "p-" + "1" * 24], item=["i1", "i2"]))
    with pytest.raises(interface.NotPortable, match=r"'who'.*whom it was trained on") as refused:
        deployment.bundle(house.north, house.person, "digits", raw.number, tmp_path / "x.zip")
    assert "'item'" not in refused.value.message, "items are nobody"
    assert not (tmp_path / "x.zip").exists()
    deployment.bundle(house.north, house.person, "digits", hashed.number, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        told = json.loads(archive.read("manifest.json"))["contains"]
        readme = archive.read("README.md").decode()
    shown = [(one["name"], one["kind"], one["words"], len(one["such_as"])) for one in told["columns"]]
    assert shown == [("who", "identifier", 2, 2), ("item", "identifier", 2, 2)]
    assert all(word.startswith("p-") for word in told["columns"][0]["such_as"])
    assert "Columns it reads: who, item." in readme
    assert "读取的列：who、item。" in readme


def test_everything_pure_that_features_need_is_shipped_and_nothing_else() -> None:
    shipped = bundles.sources("shuyuan.science.features")
    assert "shuyuan/science/features/__init__.py" in shipped
    assert shipped["shuyuan/__init__.py"] == b""
    assert not [path for path in shipped if "kernel" in path or "maas" in path]
