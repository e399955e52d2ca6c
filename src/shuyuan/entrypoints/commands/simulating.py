"""`shuyuan tests simulate`: an adaptive test tried on made-up people before it is set. Needs no school."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.simulatedtests import page
from shuyuan.entrypoints.simulatedtests.findings import Findings
from shuyuan.entrypoints.simulatedtests.plan import Plan
from shuyuan.entrypoints.simulatedtests.words import Language, say
from shuyuan.kernel import errors
from shuyuan.science.testing import adaptive, namedbank

_out = Console(highlight=False, soft_wrap=True)
_MADE_UP, _TOPICS = 400, 1
_LARGEST_BYTES = 20_000_000
_Bank = Annotated[
    Path | None,
    typer.Argument(
        metavar="[BANK]", help="CSV or JSON: item, topic, discrimination, difficulty, guessing. Left out: made up."
    ),
]
_Share = Annotated[
    list[str] | None,
    typer.Option(help="TOPIC=0.2 or TOPIC=0.2-0.5 of the longest test; repeat it. A test goes on until it is kept."),
]
_Error = Annotated[float, typer.Option(help="The standard error that is enough, in deviations of ability.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Adaptive tests: try one on made-up people.", no_args_is_help=True)
    group.callback()(lambda: None)  # one command, and its name is still said
    group.command()(simulate)
    app.add_typer(group, name="tests")


def simulate(
    bank: _Bank = None,
    items: Annotated[int | None, typer.Option(help=f"Questions of a made-up bank; {_MADE_UP}.")] = None,
    topics: Annotated[int | None, typer.Option(help="Topics of a made-up bank: t1, t2 and so on; 1.")] = None,
    examinees: Annotated[int, typer.Option(help="How many people; their ability is normal(0, 1).")] = 1_000,
    fewest: Annotated[int | None, typer.Option(help="Fewest questions of a test; 5.")] = None,
    longest: Annotated[int, typer.Option(help="Most questions of a test.")] = 24,
    error: _Error = 0.32,
    fixed: Annotated[bool, typer.Option("--fixed", help="Ask everybody the most, however sure one is.")] = False,
    rule: Annotated[str, typer.Option(help=f"Selection rule: {', '.join(adaptive.CRITERIA)}.")] = "information",
    exposure: Annotated[float, typer.Option(help="Share of people who may see a question; 1 is no limit.")] = 0.25,
    spread: Annotated[float, typer.Option(help="How long chance has a say, 0 never, 1 to the end.")] = 0.5,
    share: _Share = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same people, answers and figures.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots to this file.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    language: Annotated[str, typer.Option(help="zh or en, of the page.")] = "zh",
) -> None:
    """Simulate an adaptive test: how long, how sure, how true, and what is seen of the bank."""
    plan = Plan(examinees, longest, error, fewest, fixed, rule, exposure, spread, tuple(share or ()), seed)
    plan.check()
    spoken = _language(language)
    for file in (report, out):
        if file is not None:
            _require_writable(file)
    named = _made_up(items, topics, seed) if bank is None else _read(bank, items, topics)
    found = Findings(plan, named, bank.name if bank else "", _simulated(plan.test(named), plan))
    if report is not None:
        report.write_text(page.render(found, spoken), "utf-8")
    if out is not None:
        out.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=1), "utf-8")
    _print(found)


def _require_writable(file: Path) -> None:
    installation.require_folder_of(file)
    if file.is_dir():
        raise errors.BadInput(f"{file} is a folder", fix="name a file in it")


def _made_up(items: int | None, topics: int | None, seed: int) -> namedbank.NamedBank:
    count, areas = (_MADE_UP if items is None else items), (_TOPICS if topics is None else topics)
    if not 1 <= count <= namedbank.MOST_ITEMS:
        raise errors.BadInput(f"--items is {count}", fix=f"give a value from 1 to {namedbank.MOST_ITEMS}")
    if not 1 <= areas <= count:
        raise errors.BadInput(f"--topics is {areas}", fix=f"give a value from 1 to the {count} questions")
    return namedbank.made_up(count, areas, seed)


def _read(file: Path, items: int | None, topics: int | None) -> namedbank.NamedBank:
    if items is not None or topics is not None:
        raise errors.BadInput(f"the bank is read from {file}", fix="leave --items and --topics out, or the file")
    if not file.is_file():
        raise errors.NotFound(
            f"there is no file {file}", fix="give a CSV or JSON of questions, or none for a made-up bank"
        )
    if file.stat().st_size > _LARGEST_BYTES:
        raise errors.BadInput(f"{file} is larger than {_LARGEST_BYTES:,} bytes", fix="give a part of the questions")
    try:
        return namedbank.read(file.read_text("utf-8-sig"), "json" if file.suffix.lower() == ".json" else "csv")
    except UnicodeDecodeError as wrong:
        raise errors.BadInput(f"{file} is not UTF-8 at byte {wrong.start}", fix="save it as UTF-8") from wrong
    except namedbank.Unreadable as wrong:
        raise errors.BadInput(f"{file}: {wrong}", fix="correct it, or leave that question out") from wrong


def _simulated(test: adaptive.Test, plan: Plan) -> adaptive.Outcome:
    columns = (TextColumn("{task.completed:.0f} of {task.total:.0f} people"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_out, transient=True) as bar:
        line = bar.add_task("", total=plan.examinees)
        return adaptive.simulate(test, plan.abilities(), plan.seed, lambda through: bar.update(line, completed=through))


def _language(said: str) -> Language:
    if said not in ("zh", "en"):
        raise errors.BadInput(f"there is no language {said!r}", fix="use zh or en")
    return "zh" if said == "zh" else "en"


def _print(found: Findings) -> None:
    source = found.source or "made-up bank"
    _out.print(
        f"{found.plan.examinees} people, {source} of {len(found.bank.items)} questions, seed {found.plan.seed}",
        markup=False,
    )
    table = Table("figure", "value")
    for key, value in found.figures.items():
        table.add_row(say(key, "en"), page.figure(key, value))
    _out.print(table)
    if found.overseen:
        seen = page.figure("exposure_largest", found.figures["exposure_largest"])
        _out.print(say("overseen", "en", seen=seen), markup=False)
