"""The table of parts is true: names resolve, factories take exactly what their line says, planes come apart."""

import inspect
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from shuyuan import compose

ROOT = Path(__file__).parents[2]
LINES = {
    f"{kind}:{name}": part
    for kind, table in (("part", compose.PARTS), ("router", compose.ROUTERS), ("job", compose.JOBS))
    for name, part in table.items()
}
HEAVY = ("onnxruntime", "xllamacpp", "torch", "tokenizers", "transformers", "ray")


@pytest.mark.parametrize("part", LINES.values(), ids=LINES.keys())
def test_a_factory_resolves_and_takes_exactly_what_its_line_names(part: compose.Part) -> None:
    parameters = inspect.signature(compose.resolve(part.factory)).parameters
    assert not [one for one in parameters.values() if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    required = {name for name, one in parameters.items() if one.default is one.empty}
    assert required <= set(part.needs), f"{part.factory} wants {sorted(required - set(part.needs))} too"
    assert set(part.needs) <= set(parameters), f"{part.factory} has no {sorted(set(part.needs) - set(parameters))}"


@pytest.mark.parametrize("page", compose.ERROR_PAGES.values(), ids=compose.ERROR_PAGES.keys())
def test_an_error_page_resolves_and_takes_a_request_and_an_error(page: str) -> None:
    assert list(inspect.signature(compose.resolve(page)).parameters.values())[1:]
    assert len(inspect.signature(compose.resolve(page)).parameters) == 2


def test_every_module_of_tables_adds_tables_of_its_own_name() -> None:
    from shuyuan.kernel import db

    compose.load_tables()
    for dotted in compose.TABLES:
        module = dotted.removesuffix(".tables").rpartition(".")[2]
        prefix = {"crypto": "crypto", "jobtables": "gateway_batch"}.get(module, module)
        assert [name for name in db.metadata.tables if name.startswith(prefix)], f"{dotted} defines no {prefix}_ table"


def test_every_tables_file_is_listed() -> None:
    files = (ROOT / "src" / "shuyuan").rglob("tables.py")
    dotted = {".".join(file.relative_to(ROOT / "src").with_suffix("").parts) for file in files}
    assert dotted - {"shuyuan.kernel.db.tables"} <= set(compose.TABLES)


def test_a_part_needs_only_what_stands_above_it() -> None:
    """Read from the top, the file is the house from the ground up: so no circle, and no unknown name."""
    built = {"settings"}
    for name, part in compose.PARTS.items():
        assert set(part.needs) <= built, f"{name} needs {sorted(set(part.needs) - built)}"
        built.add(name)
    for kind, part in chain(compose.ROUTERS.items(), compose.JOBS.items()):
        assert set(part.needs) <= built, f"{kind} needs {sorted(set(part.needs) - built)}"


def test_the_planes_name_routers_and_together_leave_none_out() -> None:
    named = set(chain.from_iterable(compose.PLANES.values()))
    assert named == set(compose.ROUTERS)
    assert set(compose.JOBS) <= named


def test_the_model_plane_is_served_without_a_line_of_learning() -> None:
    code = "server.build_app(compose.Platform(settings.Settings(starter='none')), compose.PLANES['maas'])"
    assert loaded(code, ("shuyuan.learning", "shuyuan.web", "shuyuan.demo", *HEAVY)) == []


def test_the_learning_plane_and_the_pages_are_served_without_heavy_libraries() -> None:
    code = "server.build_app(compose.Platform(settings.Settings(starter='none')))"
    assert loaded(code, HEAVY) == []


def test_looking_for_loaded_modules_can_find_some() -> None:
    """The two tests above are able to fail."""
    assert loaded("import shuyuan.learning.people.interface, tokenizers", ("shuyuan.learning", "tokenizers")) == [
        "shuyuan.learning",
        "tokenizers",
    ]


def test_asking_twice_gives_the_same_part_and_a_given_part_is_used(tmp_path: Path) -> None:
    from shuyuan.kernel import settings

    class Clockwork:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    given = Clockwork()
    platform = compose.Platform(settings.Settings(home=tmp_path, starter="none"), scheduler=given)
    assert platform.get("scheduler") is given
    assert platform.get("vault") is platform.get("vault")
    assert platform.built("engine") is None
    platform.close()
    platform.close()
    assert given.closed == 1


def loaded(code: str, unwanted: tuple[str, ...]) -> list[str]:
    """Which of the unwanted modules a fresh Python has loaded after `code`."""
    script = (
        "import sys, tempfile, os\n"
        "os.environ['SHUYUAN_HOME'] = tempfile.mkdtemp(dir=sys.argv[1])\n"
        "from shuyuan import compose\n"
        "from shuyuan.entrypoints import server\n"
        "from shuyuan.kernel import settings\n"
        f"{code}\n"
        f"print(','.join(name for name in {unwanted!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, os.environ.get("TMPDIR", "/tmp")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [name for name in done.stdout.strip().split(",") if name]
