"""`shuyuan up`: serve a school. `shuyuan serve`: the model plane alone."""

import signal
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console

from shuyuan import compose, demo, migrations
from shuyuan.entrypoints import installation, process, server, ways_in
from shuyuan.identity import owner
from shuyuan.kernel import addresses, errors, log
from shuyuan.kernel import settings as kernel_settings

_out = Console(highlight=False, soft_wrap=True)


def _known_starter(name: str | None) -> str | None:
    starters = get_args(kernel_settings.Starter)
    if name is not None and name not in starters:
        raise errors.BadInput(f"--starter {name!r} is unknown", fix=f"choose one of {', '.join(starters)}")
    return name


Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
Port = Annotated[int | None, typer.Option("--port", help="TCP port; 0 picks a free one.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; beyond loopback needs TLS.")]
Cert = Annotated[Path | None, typer.Option("--tls-cert", exists=True, dir_okay=False, help="PEM certificate.")]
Key = Annotated[Path | None, typer.Option("--tls-key", exists=True, dir_okay=False, help="PEM private key.")]
Starter = Annotated[
    str | None,
    typer.Option("--starter", help="tutor (1.1 GB), tiny (98 MB, English) or none.", callback=_known_starter),
]
WithParent = Annotated[
    bool, typer.Option("--with-parent", hidden=True, help="Stop as soon as standard input ends: its parent has.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(serve)


def up(
    home: Home = None,
    port: Port = None,
    host: Host = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    starter: Starter = None,
    demo_school: Annotated[bool, typer.Option("--demo", help="Fill the home with a simulated school.")] = False,
    with_parent: WithParent = False,
) -> None:
    """Serve the academy: pages, learning and models. Prints `ready URL` and a single-use link."""
    _end_with_parent(with_parent)
    _serve(
        server.ALL, demo_school, home=home, port=port, host=host, tls_cert=tls_cert, tls_key=tls_key, starter=starter
    )


def serve(
    home: Home = None,
    port: Port = None,
    host: Host = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    starter: Starter = None,
    with_parent: WithParent = False,
) -> None:
    """Serve the model plane alone: keys, models and the inference API, without pages or learners."""
    _end_with_parent(with_parent)
    _serve(
        compose.PLANES["maas"],
        False,
        home=home,
        port=port,
        host=host,
        tls_cert=tls_cert,
        tls_key=tls_key,
        starter=starter,
    )


def _end_with_parent(wanted: bool) -> None:
    if wanted:
        process.end_with_parent()


def _serve(modules: tuple[str, ...], demo_school: bool, **overrides: object) -> None:
    settings = kernel_settings.load(**overrides)
    log.configure(settings.log_level)
    if demo_school and not server.is_loopback(settings.host):
        raise errors.BadInput(
            f"--demo lets whoever opens it in without a password, and {settings.host} can be reached from elsewhere",
            fix="leave --host and SHUYUAN_HOST out to show it on this machine, or make a real school without --demo",
        )
    server.check_certificate(settings.tls_cert, settings.tls_key)
    with installation.sole_server(settings.home):
        listener = server.listen(settings.host, settings.port, tls=settings.tls_cert is not None)
        platform = compose.Platform(settings)
        try:
            migrations.upgrade(platform.get("db"))
            school = demo.ensure(platform) if demo_school else None
            link = _link(platform, modules, demo_school)
            _pull_starter(platform)

            def announce(base_url: str) -> None:
                installation.note_address(settings.home, base_url)
                owner.open_way(settings.home, base_url, settings.tls_cert)
                if school:
                    demo.write_json(platform, school, base_url)
                    demo.keep_alive(platform, school)
                _announce(base_url, link, settings, demo_school)

            signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again: as Ctrl-C it is caught
            server.serve(platform, announce, modules, listener)
        finally:
            owner.close_way(settings.home)
            platform.close()
    _out.print("stopped")


def _announce(base_url: str, link: ways_in.Link | None, settings: kernel_settings.Settings, demo_school: bool) -> None:
    _out.print(f"ready {base_url}")
    if addresses.is_wildcard(settings.host):
        _out.print(f"listening on every address of this machine; {base_url} is a guess at the one others can type")
    if link:
        _out.print(f"open this link once to {link.purpose}: {base_url}/enter/{link.token}")
    if demo_school:
        _out.print(f"accounts and API key of the demo: {settings.home / 'demo.json'}")
    _out.print("Ctrl-C stops everything")


def _link(platform: compose.Platform, modules: tuple[str, ...], demo_school: bool) -> ways_in.Link | None:
    """A way in where there are pages to open it: into the demo, if asked for, or for the first administrator."""
    wanted = demo_school or not platform.get("identity").schools()
    return ways_in.make(platform) if wanted and "web" in modules else None


def _pull_starter(platform: compose.Platform) -> None:
    """Fetch the starter models in the background; pages work meanwhile."""
    if platform.settings.starter == "none":
        return
    catalogue: Any = platform.get("catalogue")
    for name in ("embed", platform.settings.starter):
        catalogue.pull_in_background(name)
