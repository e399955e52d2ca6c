"""What every bench shares: where data lies, a table for people, one JSON line for machines.

Goals are compared here, never typed: `report(..., goals={"auc": (">=", 0.765)})` looks the figure up.
"""

import json
import math
import operator
import os
import platform
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

Figure = float | int | str | bool | None | list["Figure"] | dict[str, "Figure"]
Goal = tuple[str, float]

ROOT = Path(__file__).resolve().parent.parent
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
DATA_MISSING = 2  # exit code


def data_folder(name: str) -> Path:
    """The data set's folder under SHUYUAN_DATA; exits with 2 and a sentence when it is not there."""
    base = Path(os.environ.get("SHUYUAN_DATA") or ROOT.parent / "shared" / "data")
    if not (base / name).is_dir():
        print(f"data set {name!r} not found in {base}; set SHUYUAN_DATA to the folder of data sets", file=sys.stderr)
        raise SystemExit(DATA_MISSING)
    return base / name


def report(
    name: str,
    figures: Mapping[str, Figure],
    protocol: str,
    goals: Mapping[str, Goal],
    packages: tuple[str, ...] = ("numpy",),
) -> bool:
    """Print the table and, as the last line, one JSON object. True when every goal is met."""
    judged = {key: judge(figures, key, goal) for key, goal in goals.items()}
    goals_met = all(goal["met"] for goal in judged.values())
    _print_table(name, figures, judged)
    line = {
        "name": name,
        "figures": dict(figures),
        "protocol": protocol,
        "versions": versions(packages),
        "goals": judged,
        "goals_met": goals_met,
    }
    print(json.dumps(_finite(line), ensure_ascii=False, allow_nan=False), flush=True)
    return goals_met


def judge(figures: Mapping[str, Figure], key: str, goal: Goal) -> dict[str, Figure]:
    """One goal beside its figure. A missing, textual or NaN figure never meets a goal.

    >>> judge({"auc": 0.78}, "auc", (">=", 0.765))
    {'figure': 0.78, 'op': '>=', 'limit': 0.765, 'met': True}
    """
    comparison, limit = goal
    if comparison not in COMPARISONS:
        raise ValueError(f"goal {key} compares with {comparison!r}; use one of {' '.join(COMPARISONS)}")
    figure = figures.get(key)
    met = isinstance(figure, int | float) and COMPARISONS[comparison](figure, limit)
    return {"figure": figure, "op": comparison, "limit": limit, "met": met}


def versions(packages: tuple[str, ...]) -> dict[str, Figure]:
    """What the figures were measured with."""
    found: dict[str, Figure] = {"python": platform.python_version(), "machine": platform.machine()}
    return found | {package: metadata.version(package) for package in packages}


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all its children, MB of 10^6 bytes (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(resident_mb(int(child)) for child in children)


def _print_table(name: str, figures: Mapping[str, Figure], judged: Mapping[str, Mapping[str, Figure]]) -> None:
    table = Table("figure", "value", "goal", "met", title=f"bench {name}", title_justify="left")
    for key, value in figures.items():
        goal = judged.get(key)
        wanted = f"{goal['op']} {goal['limit']}" if goal else ""
        table.add_row(key, _shown(value), wanted, ("yes" if goal["met"] else "NO") if goal else "")
    for key in judged.keys() - figures.keys():
        table.add_row(key, "not measured", f"{judged[key]['op']} {judged[key]['limit']}", "NO")
    Console(width=110, highlight=False).print(table)


def _shown(value: Figure) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
