"""`shuyuan pull|list|show|import`: the models of this machine, and files that a school brings."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data, model_cards
from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface, puller, starters

_out = model_cards.out
_RUNNER_OF_SUFFIX = {".onnx": "onnx", ".gguf": "llama", ".safetensors": "torch"}
_ACTOR = "system"
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pull)
    app.command("list")(list_)
    app.command()(show)
    app.command("import")(import_)


def pull(
    name: Annotated[str, typer.Argument(help="A model of `shuyuan list`.")],
    source: Annotated[
        Path | None, typer.Option("--from", exists=True, file_okay=False, help="Folder of files; no network.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Fetch a model into the shared cache: resumes, and checks the hash before anything opens a file."""
    here, entry = _puller(), _entry(name)
    model_cards.entry(entry, here)
    if not yes and _out.is_terminal and not typer.confirm(f"fetch {entry.total_bytes / 1e6:,.0f} MB?", default=True):
        raise typer.Exit(1)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=_out
    ) as bar:
        task = bar.add_task(name, total=entry.total_bytes)

        def tell(progress: interface.PullProgress) -> None:
            bar.update(
                task,
                completed=progress.bytes_done,
                total=progress.bytes_total,
                description=f"{name} · {progress.stage}",
            )

        path = here.pull(name, from_dir=source, on_progress=tell)
    _out.print(f"{name} is ready: {path}", markup=False)
    model_cards.missing_extra(entry.runner)


def list_(home: Home = None) -> None:
    """List the models one can pull, which of them lie on this machine, and what each school has registered."""
    model_cards.entries(starters.ENTRIES.values(), _puller())
    with _installed(home) as platform:
        for school_id, school in _schools(platform):
            model_cards.registered(_catalogue(platform), school_id, school)


def show(
    name: Annotated[str, typer.Argument(help="A model of `shuyuan list`, NAME@ALIAS or NAME/3.")],
    home: Home = None,
) -> None:
    """Show a model's card: what it is, its files, its licence, what it claims; or a registered model's versions."""
    if name in starters.ENTRIES:
        model_cards.entry(starters.ENTRIES[name], _puller())
        return
    found, missing = False, list[interface.UnknownModel]()
    with _installed(home) as platform:
        for school_id, school in _schools(platform):
            try:
                found = _shown(_catalogue(platform), school_id, school, name) or found
            except interface.UnknownModel as told:
                missing.append(told)
    if not found and missing:
        raise missing[0]
    if not found:
        _entry(name)


def import_(
    source: Annotated[Path, typer.Argument(help="A course folder or OATutor file; with --name a model file.")],
    name: Annotated[str | None, typer.Option(help="Register the file as the next version of this model.")] = None,
    runner: Annotated[str | None, typer.Option(help="onnx, llama, torch …; by the file's ending if not given.")] = None,
    labels: Annotated[str, typer.Option(help="Names of a classifier's outputs, in order: a,b,c")] = "",
    spec: Annotated[Path | None, typer.Option(exists=True, help="JSON file: image, detector …")] = None,
    tasks: Annotated[str, typer.Option(help="What it can do: predict,image_classify …")] = "",
    context_tokens: Annotated[int, typer.Option(min=0, help="Most tokens it reads at once.")] = 0,
    champion: Annotated[bool, typer.Option("--champion", help="Serve this version from now on.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for --champion.")] = "",
    school: Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")] = None,
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Courses: only say what would be imported.")] = False,
) -> None:
    """Import a course, or (with --name) a model file: ONNX, GGUF or safetensors, never a pickle."""
    if name is None:
        data.import_course(source, school, home, dry_run)
        return
    if dry_run:
        raise errors.BadInput("--dry-run is for courses", fix="leave it out: a refused model file changes nothing")
    if champion and not reason.strip():
        raise errors.BadInput("--champion needs a reason", fix='add --reason "why it shall be served"')
    with installation.opened(home) as platform:
        added = _catalogue(platform).add_file(
            data.chosen_school(platform.get("identity").schools(), school).id,
            _ACTOR,
            model=name,
            source=source,
            runner=runner or _runner_of(source),
            tasks=_split(tasks),
            spec=_spec(spec) | ({"labels": _split(labels)} if labels else {}),
            context_tokens=context_tokens,
            champion=champion,
            reason=reason,
            trusted=True,  # whoever owns the machine may let it call anybody
        )
    model_cards.added(added, champion)


def _shown(catalogue: interface.Catalogue, school_id: str, school: str, name: str) -> bool:
    """A model's versions, or the one that NAME/3 or NAME@ALIAS means. Raises UnknownModel for one that is not there."""
    plain = name.removeprefix("models:/")
    model = plain.partition("/")[0].partition("@")[0]
    if not any(one.school_id == school_id for one in catalogue.versions(school_id, model)):
        return False
    only = None if plain == model else catalogue.resolve(school_id, name)
    return model_cards.versions(catalogue, school_id, school, model, only)


def _runner_of(source: Path) -> str:
    if source.suffix.lower() not in _RUNNER_OF_SUFFIX:
        raise errors.BadInput(
            f"{source.name} does not say which runner reads it",
            fix=f"give --runner, one of {', '.join(interface.runner_kinds())}",
        )
    return _RUNNER_OF_SUFFIX[source.suffix.lower()]


def _spec(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        spec = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise errors.BadInput(f"{path} is not JSON: {wrong}", fix="give a file that holds one JSON object") from wrong
    if not isinstance(spec, dict):
        raise errors.BadInput(f"{path} holds no JSON object", fix='write {"image": …}')
    return spec


def _split(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]


@contextmanager
def _installed(home: Path | None) -> Iterator[compose.Platform | None]:
    """The installation; None when there is none and nobody named its home."""
    with ExitStack() as stack:
        try:
            platform = stack.enter_context(installation.opened(home))
        except errors.NotFound:
            if home is not None:
                raise
            platform = None
        yield platform


def _catalogue(platform: compose.Platform | None) -> interface.Catalogue:
    assert platform is not None  # there is a school, so there is an installation
    catalogue: interface.Catalogue = platform.get("catalogue")
    return catalogue


def _schools(platform: compose.Platform | None) -> list[tuple[str, str]]:
    """(id, name) of every school, after what all share; none without an installation."""
    if platform is None:
        return []
    return [(interface.SHARED, "every school"), *((one.id, one.name) for one in platform.get("identity").schools())]


def _entry(name: str) -> interface.Entry:
    if name not in starters.ENTRIES:
        raise errors.NotFound(f"no model is called {name!r}", fix=f"choose one of {', '.join(starters.ENTRIES)}")
    return starters.ENTRIES[name]


def _puller() -> puller.Puller:
    return puller.Puller(cache_dir=kernel_settings.load().cache)
