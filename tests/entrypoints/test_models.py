"""`list`, `show` and `import --name`: what there is, and a model file that a school brings."""

import json
from pathlib import Path

import pytest
from tests.journeys import shell
from tests.maas.catalogue import model_files as files

from shuyuan.maas.catalogue import extras, starters

NOT_INSTALLED = "a_module_that_nobody_has"


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "digits.onnx"
    path.write_bytes(files.onnx())
    return path


def test_a_brought_graph_is_registered_listed_and_shown(home: Path, graph: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"image": {"size": [28, 28]}}))
    said = shell.call(
        "import",
        graph,
        "--name",
        "digits",
        "--labels",
        "零,one,two",
        "--spec",
        spec,
        "--champion",
        "--reason",
        "best so far",
        "--home",
        home,
    )
    assert (said.code, said.err) == (0, "")
    assert "registered models:/digits/1 as champion: predict, image_classify" in said.words
    silent = shell.call("import", graph, "--name", "digits", "--champion", "--home", home)
    assert silent.code != 0
    assert "--champion needs a reason" in silent.err
    again = shell.call("import", graph, "--name", "digits", "--home", home)
    assert "registered models:/digits/2: predict call it as digits/2; to serve it as digits:" in again.words
    listed = shell.call("list", "--home", home)
    assert "registered: 向阳中学" in listed.out
    assert "digits" in listed.out
    shown = shell.call("show", "digits", "--home", home)
    assert "models:/digits/1 · 向阳中学 · champion" in shown.out
    assert '{"image": {"size": [28, 28]}, "labels": ["零", "one", "two"]}' in shown.out
    assert "models:/digits/2 · 向阳中学\n" in shown.out
    one = shell.call("show", "digits/1", "--home", home)
    assert ("models:/digits/1 · 向阳中学 · champion" in one.out, "models:/digits/2" in one.out) == (True, False)
    none = shell.call("show", "digits/7", "--home", home)
    assert (none.code, "there is no version 7 of 'digits'; versions: 1, 2; aliases: champion → 1" in none.err) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("name", "content", "more", "says"),
    [
        ("m.pt", files.torch_archive(), ["--runner", "torch"], "pickle"),
        ("m.onnx", files.graph(tensor=files.outside("data")), [], "another file"),
        ("m.onnx", b"", [], "empty"),
        ("m.dat", files.onnx(), [], "which runner reads it"),
        ("m.onnx", files.onnx(), ["--runner", "wizard"], "'wizard'"),
        ("m.onnx", files.onnx(), ["--labels", "a,a"], "twice"),
        ("m.onnx", files.onnx(), ["--dry-run"], "for courses"),
        ("m.onnx", files.onnx(), ["--school", "Nowhere"], "'Nowhere'"),
    ],
)
def test_a_refused_file_is_told_with_its_fix(
    home: Path, tmp_path: Path, name: str, content: bytes, more: list[str], says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    said = shell.call("import", tmp_path / name, "--name", "digits", *more, "--home", home)
    assert said.code == 1
    assert says in said.err
    assert "fix: " in said.err
    assert shell.call("show", "digits", "--home", home).code == 1


def test_the_file_cap_of_the_settings_holds_here_too(home: Path, graph: Path) -> None:
    said = shell.call(
        "import", graph, "--name", "digits", "--home", home, environment={"SHUYUAN_MAX_MODEL_BYTES": "20"}
    )
    assert (said.code, "more than 20 bytes" in said.err) == (1, True)


@pytest.mark.parametrize("name", ["minilm", "ocr", "whisper"])
def test_a_card_names_every_file_before_a_pull(name: str, tmp_path: Path) -> None:
    entry = starters.ENTRIES[name]
    said = shell.call("show", name, environment={"SHUYUAN_CACHE": str(tmp_path)})
    assert said.code == 0
    assert "here no" in said.words
    for filename, sha256 in ((entry.filename, entry.sha256), *((m.filename, m.sha256) for m in entry.also)):
        assert f"{filename} · " in said.out
        assert sha256 in said.out
    assert ", ".join(entry.tasks) in said.out


def test_a_card_says_what_to_install_when_its_runner_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_NEEDS", {"ocr": (NOT_INSTALLED, "ocr"), "whisper": (NOT_INSTALLED, "speech")})
    for name, extra in (("ocr", "ocr"), ("whisper", "speech")):
        assert f"pip install 'shuyuan[{extra}]'" in shell.call("show", name).words
    assert "pip install" not in shell.call("show", "tiny").words


def test_a_runner_whose_parts_are_here_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_NEEDS", {"onnx": ("json", "embed"), "ocr": (NOT_INSTALLED, "ocr")})
    assert extras.missing("onnx") == ""
    assert extras.missing("remote") == ""
    assert extras.missing("ocr") == "ocr"


def test_whoever_owns_the_machine_brings_a_remote_model_without_a_setting(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "far.json"
    path.write_text(json.dumps({"upstreams": [{"url": "http://127.0.0.1:11434/v1", "model": "m"}]}))
    said = shell.call("import", path, "--name", "far", "--runner", "remote", "--home", home)
    assert (said.code, said.err) == (0, "")
    assert "registered models:/far/1" in said.words
