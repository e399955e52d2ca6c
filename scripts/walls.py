"""Write the contracts "modules meet only at interface.py" into .importlinter, one a module, from the tree itself."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "shuyuan"
MARK = "# --- written by scripts/walls.py: modules meet only at interface.py ---\n"
OPEN_FILES = {"interface", "__init__"}
DOORS = {  # files that are an interface of another kind: HTTP, the command line, a worker process
    "shuyuan.identity": {"http", "access", "offline", "owner"},
    "shuyuan.maas.catalogue": {"extras", "puller", "starters"},
    "shuyuan.maas.datasets": {"frames"},  # for child processes of other rooms
    "shuyuan.maas.runners": {"bert", "graph", "netgraph", "session", "stages"},  # files, and how they are opened
    "shuyuan.maas.serving": {"host"},
}


def modules() -> list[Path]:
    """Every folder that has an interface."""
    return sorted(path.parent for path in SOURCE.rglob("interface.py"))


def contract(module: Path) -> str:
    """A protected contract: what is not the module's interface may be imported by the module alone."""
    dotted = "shuyuan." + module.relative_to(SOURCE).as_posix().replace("/", ".")
    inner = sorted({path.stem for path in module.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()})
    closed = [f"    {dotted}.{name}" for name in inner if name not in OPEN_FILES | DOORS.get(dotted, set())]
    return "\n".join(
        [
            f"[importlinter:contract:{dotted}]",
            f"name = {dotted} is met only at its interface",
            "type = protected",
            "protected_modules =",
            *closed,
            "allowed_importers =",
            f"    {dotted}",
            "",
        ]
    )


def main() -> None:
    """Rewrite the part below the mark."""
    file = ROOT / ".importlinter"
    above = file.read_text().split(MARK)[0].rstrip() + "\n\n"
    file.write_text(above + MARK + "\n" + "\n".join(contract(module) for module in modules()))


if __name__ == "__main__":
    main()
