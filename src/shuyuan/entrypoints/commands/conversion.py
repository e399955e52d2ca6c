"""`shuyuan convert`: a model from elsewhere becomes the next version of a model here."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data as data_commands
from shuyuan.kernel import errors
from shuyuan.maas.conversion import interface

_out = Console(highlight=False, soft_wrap=True)
_ACTOR = "system"
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(convert)


def convert(
    source: Annotated[
        Path | None, typer.Argument(help="ONNX, safetensors, .keras, GGUF; SavedModel or HF folder.")
    ] = None,
    name: Annotated[str, typer.Option(help="Register it as the next version of this model.")] = "",
    labels: Annotated[str, typer.Option(help="Names of a classifier's outputs, in order: a,b,c")] = "",
    spec: Annotated[Path | None, typer.Option(exists=True, help="JSON file: image, output …")] = None,
    champion: Annotated[bool, typer.Option("--champion", help="Serve this version from now on.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for --champion.")] = "",
    build: Annotated[
        bool, typer.Option("--build-environment", help="Make TensorFlow's own environment (about 1.6 GB).")
    ] = False,
    school: Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")] = None,
    home: Home = None,
) -> None:
    """Convert a model to a file that is served here, check it, and register it. Never opens a pickle."""
    with installation.opened(home) as platform:
        conversion: interface.Converting = platform.get("conversion")
        if build:
            _out.print(f"ready: {conversion.build_environment()}", markup=False)
        if source is None or not name:
            if not build:
                raise errors.BadInput("a file and --name are needed", fix="shuyuan convert FILE --name x")
            return
        version, made = conversion.bring(
            data_commands.chosen_school(platform.get("identity").schools(), school).id,
            _ACTOR,
            source,
            model=name,
            spec=_spec(spec) | ({"labels": [one.strip() for one in labels.split(",")]} if labels else {}),
            champion=champion,
            reason=reason,
        )
    _out.print(f"registered {version.uri}: {made.kind} → {version.runner}, {version.size_bytes:,} bytes", markup=False)
    if made.largest_difference is not None:
        _out.print(f"largest difference from the source: {made.largest_difference:.2g}", markup=False)
    for note in made.notes:
        _out.print(note, markup=False)


def _spec(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise errors.BadInput(f"{path} is not JSON: {wrong}", fix="give a file that holds one JSON object") from wrong
    if not isinstance(found, dict):
        raise errors.BadInput(f"{path} holds no JSON object", fix='write {"output": …}')
    return found
