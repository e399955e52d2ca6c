"""`shuyuan tour`: the main job, walked and checked through public HTTP."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import httpx
import typer

from shuyuan.entrypoints import process
from shuyuan.entrypoints.commands import up
from shuyuan.entrypoints.tour import transcript, walk


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tour)


def tour(
    starter: up.Starter = "tutor",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Start a server on a free port with a fresh home and walk a student and a teacher through the main job.

    Exit 0 only if every counted claim holds; what a model's card does not claim is said and not counted.
    """
    wanted, tell = starter or "tutor", transcript.Transcript()
    with tempfile.TemporaryDirectory(prefix="shuyuan-tour-") as folder:
        tell.step(f"0 · Starting a fresh school (starter {wanted})")
        with process.server(Path(folder), "--starter", wanted) as running:
            tell.claim("the server became ready", True, f"{running.base_url} after {running.ready_after_s:.1f} s")
            try:
                walk.Walk(running, wanted, tell).all_steps()
            except (httpx.HTTPError, LookupError, TypeError, ValueError) as broken:  # an answer of another shape
                tell.claim("the walk went through", False, f"{type(broken).__name__}: {broken}")
    held = tell.finish()
    if json_file is not None:
        json_file.write_text(json.dumps(tell.figures, ensure_ascii=False, indent=1))
    raise typer.Exit(0 if held else 1)
