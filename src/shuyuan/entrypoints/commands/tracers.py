"""`shuyuan tracers list|compare|export`: learner models compared on answers; the school's own as such a file."""

import io
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data, reaching
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, children, errors
from shuyuan.science.tracing import comparing, comparingnew, family
from shuyuan.science.tracing.serving import newitems

_out = Console(highlight=False, soft_wrap=True)
_WIDEST = 120  # columns of a table that is not shown in a window
_CLASSICAL = tuple(name for name in family.REGISTRY if not family.needs_torch(name))
_Json = dict[str, Any]  # Any: JSON
_READ = {
    None: "by text: difference in log loss, below zero where the text helps",
    "none": "no text of an item in the file (column text)",
    "differ": "every item with a text has different ones in different lines, so none is read",
    "few_items": "not by text: it takes {known_items_needed} answered items with a text, here are {known_items}",
    "few_answers": "not by text: it takes {answers_needed} answers to hidden items with a text, here are {answers}",
    "alike": "not by text: the {answers} answers to hidden items with a text are all right or all wrong",
}
_NEEDED = {"known_items_needed": newitems.FEWEST_ITEMS, "answers_needed": comparingnew.FEWEST_ANSWERS}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Models of what learners know: compare them on answers.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(compare)
    group.command()(export)
    app.add_typer(group, name="tracers")


def list_() -> None:
    """Name the models, and which need torch."""
    for name in family.REGISTRY:
        _out.print(f"{name}{'  (torch)' if family.needs_torch(name) else ''}")


def compare(
    answers: Annotated[
        Path, typer.Argument(help="CSV: learner,item,points,correct,at_s; points parted by |; maybe text.")
    ],
    model: Annotated[list[str] | None, typer.Option(help="A model; repeat it. Left out: all without torch.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Deals the learners to the parts.")] = 0,
    control: Annotated[bool, typer.Option(help="Fit to answers dealt at random, too: must tell nothing.")] = True,
    new_items: Annotated[
        bool, typer.Option("--new-items", help="Judge on a fifth of the items, hidden from the fit; by their text.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--json", help="Write protocol and all figures here.")] = None,
) -> None:
    """Fit each model, tell how well it foretells learners it has not seen; in a process of its own."""
    chosen = model or list(_CLASSICAL)
    for name in chosen:
        _known(name)
    if not answers.is_file():
        raise errors.NotFound(f"there is no file {answers}", fix="give a CSV of answers")
    if out is not None:
        installation.require_folder_of(out)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "answers.csv").write_bytes(answers.read_bytes())
        order = comparing.Order(tuple(chosen), seed, control, new_items)
        (folder / "job.json").write_text(json.dumps(order._asdict()))
        with _out.status("") as status:
            found = _children().run(folder, tell=lambda now: status.update(_doing(now)))
    if out is not None:
        out.write_text(json.dumps(found, ensure_ascii=False, indent=1))
    _print(found)


def export(
    out: Annotated[Path, typer.Argument(help="answers.csv or answers.json.")],
    purpose: Annotated[str, typer.Option(help="research or improvement: what the learners agreed to.")] = "research",
    home: reaching.Home = None,
    school: reaching.School = None,
) -> None:
    """Write this school's answers with pseudonyms, only of learners who agreed; noted in the activity log."""
    installation.require_folder_of(out)
    with installation.opened(home) as platform:
        school_id = data.chosen_school(platform.get("identity").schools(), school).id
        told, form = io.StringIO(newline=""), "json" if out.suffix == ".json" else "csv"
        who = platform.get("answers_out").write(Principal(audit.SYSTEM, school_id, "admin"), purpose, form, told)
        out.write_text(told.getvalue(), encoding="utf-8", newline="")  # a refusal leaves what was there
    _out.print(f"answers of {len(who)} learners who agreed to {purpose}: {out}")


def _known(name: str) -> None:
    try:
        family.require(name)
    except ValueError as wrong:
        raise errors.BadInput(str(wrong), fix="shuyuan tracers list") from wrong


def _children() -> children.Supervisor:
    def refused(said: _Json) -> Exception:
        return errors.BadInput(said.get("message", "refused"), fix=said.get("fix", ""))

    def lost(folder: Path, code: int, words: str) -> Exception:
        return errors.Unavailable(f"it ended with code {code}: {words or 'no word'}", fix="try a smaller file")

    return children.Supervisor(comparing.CHILD, refused=refused, lost=lost)


def _doing(now: _Json) -> str:
    return f"{now['model']}: {now['stage']} ({now['done'] + 1} of {now['of']})"


def _print(found: _Json) -> None:
    told = found["protocol"]
    parts = ", ".join(f"{name} {part['learners']} learners" for name, part in told["parts"].items())
    _out.print(f"split by learner, seed {told['seed']}: {parts}; data {told['data_sha256'][:12]}", markup=False)
    table = Table("model", "AUC", "95 % of AUC", "log loss", "calibration", "history 0-4", "new item", "shuffled")
    for name, one in sorted(found["models"].items(), key=lambda pair: -pair[1]["auc"]):
        new, first = one["slices"]["new item"]["auc"], one["slices"]["history 0-4"]["auc"]
        figures = (one["log_loss"], one["calibration_error"], first, new, one["control_auc"])
        table.add_row(name, _figure(one["auc"]), _interval(one["low"], one["high"]), *map(_figure, figures))
    _show(table)
    if told.get("new_items"):
        _print_new(told["new_items"], found["models"])


def _print_new(told: _Json, models: _Json) -> None:
    by_text = _READ[told["not_read"]].format(**told["texts"], **_NEEDED)
    _out.print(
        f"questions nobody answered before: {told['items']} of {told['of_items']} items hidden, "
        f"{told['answers']} answers to {told['items_asked']} of them; {by_text}",
        markup=False,
    )
    if told["texts"]["differing_items"]:
        _print_differing(told["texts"])
    table = Table(
        *("model", "AUC", "95 %\nof AUC", "log loss", "AUC\nby text", "95 % of AUC\nby text", "log loss\nby text"),
        *("log loss,\ndifference", "95 % of\ndifference"),
    )
    for name, one in sorted(((name, one["new_items"]) for name, one in models.items()), key=lambda it: -it[1]["auc"]):
        text = one["by_text"] or {}
        table.add_row(
            name,
            *(_figure(one["auc"]), _interval(one["low"], one["high"]), _figure(one["log_loss"])),
            *(_figure(text.get("auc")), _interval(text.get("auc_low"), text.get("auc_high"))),
            *(_figure(text.get("log_loss")), _figure(text.get("difference"))),
            _interval(text.get("low"), text.get("high")),
        )
    _show(table)


def _print_differing(texts: _Json) -> None:
    named = ", ".join(f"{item} (line {line})" for item, line in texts["differ_at"].items())
    rest = texts["differing_items"] - len(texts["differ_at"])
    _out.print(
        f"not read, as its text is another one in another line: {named}{f' and {rest} more' if rest else ''}",
        markup=False,
    )


def _show(table: Table) -> None:
    Console(highlight=False, width=None if _out.is_terminal else _WIDEST).print(table)


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None else f"{_figure(low)} to {_figure(high)}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
