"""How a command reaches the server of a home: by the key that lies in it, or elsewhere with an API key."""

import functools
import inspect
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import typer

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data
from shuyuan.identity import owner
from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings

ANSWER_TIMEOUT_S = 330.0  # a load may take 300

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the server's database, keys and artefacts.")]
Server = Annotated[
    str | None, typer.Option("--server", envvar="SHUYUAN_SERVER", help="Address of a server on another machine.")
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="SHUYUAN_KEY",
        help="API key of an administrator or developer. Left out: the key that the server keeps in its home, "
        "which only its owner can read.",
    ),
]
School = Annotated[str | None, typer.Option(help="School id or name: whose versions, where there are several.")]


class Way(NamedTuple):
    """Where to ask, as it was typed."""

    home: Path | None = None
    server: str | None = None
    key: str | None = None
    school: str | None = None


_OPTIONS: Mapping[str, object] = {"home": Home, "server": Server, "key": Key, "school": School}


def asked(command: Callable[..., None]) -> Callable[..., None]:
    """What a command that takes `way` is on the command line: its own words, and --home, --server, --key, --school."""
    told = inspect.signature(command)
    own = [one for one in told.parameters.values() if one.name != "way"]
    options = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
               for name, kind in _OPTIONS.items()]  # fmt: skip

    @functools.wraps(command)
    def do(*given: object, **said: object) -> None:
        way = Way(*(said.pop(name, None) for name in _OPTIONS))  # type: ignore[arg-type]  # as typer has read them
        command(*given, **said, way=way)

    do.__signature__ = told.replace(parameters=[*own, *options])  # type: ignore[attr-defined]  # what typer looks at
    do.__annotations__ = {one.name: one.annotation for one in (*own, *options)}
    return do


@contextmanager
def server_of(home: Path | None, server: str | None, key: str | None, school: str | None) -> Iterator[httpx.Client]:
    """A client of the running server. Raises Unavailable where nothing answers."""
    if server is not None and key is None:
        raise errors.BadInput("--server came without --key", fix="add the API key of an administrator or developer")
    if server is not None and key is not None:
        way = owner.Way(key, server.rstrip("/"), "")
    else:
        own = _way(served(home))
        way = own if key is None else owner.Way(key, own.url, own.cert)
    headers = {"authorization": f"Bearer {way.key}", **_for_school(home, school)}
    with httpx.Client(
        base_url=way.url, headers=headers, timeout=ANSWER_TIMEOUT_S, verify=_trusted(way), trust_env=server is not None
    ) as client:
        try:
            yield client
        except httpx.TransportError as silent:
            raise errors.Unavailable(
                f"{way.url} does not answer: {silent}", fix="check that the server runs"
            ) from silent


def served(home: Path | None) -> Path:
    """The home's folder, if a server holds it. Raises Unavailable."""
    folder = kernel_settings.load(home=home).home
    if not folder.is_dir() or not installation.is_served(folder):
        raise errors.Unavailable(
            f"no server runs for {folder}",
            fix="start one with `shuyuan up`, or name another: --home DIR, or --server URL --key KEY",
        )
    return folder


def has_way(home: Path | None) -> bool:
    """Whether a server answers for the home."""
    folder = kernel_settings.load(home=home).home
    return folder.is_dir() and owner.way(folder) is not None and installation.is_served(folder)


def told(answer: httpx.Response) -> Any:  # Any: JSON
    """What the server said; its error as ours."""
    try:
        said = answer.json()
    except ValueError:
        raise errors.Unavailable(
            f"{answer.url} answered {answer.status_code} without JSON", fix="check that --server is a Shuyuan server"
        ) from None
    if answer.is_error:
        wrong = said.get("error", {})
        raise errors.ShuyuanError(
            str(wrong.get("message", answer.status_code)),
            code=str(wrong.get("code", "")),
            fix=str(wrong.get("fix", "")),
        )
    return said


def _way(folder: Path) -> owner.Way:
    found = owner.way(folder)
    if found is None:
        raise errors.Unavailable(f"the server of {folder} is still starting", fix="try again in a moment")
    return found


def _trusted(way: owner.Way) -> ssl.SSLContext | bool:
    """Whom to believe: the certificate that the home's server shows, besides those of the system."""
    if not way.cert:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(way.cert)
    return context


def _for_school(home: Path | None, school: str | None) -> Mapping[str, str]:
    if school is None:
        return {}
    with installation.opened(home) as platform:
        return {owner.SCHOOL: data.chosen_school(platform.get("identity").schools(), school).id}
