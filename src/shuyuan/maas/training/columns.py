"""What a task asks of the columns of a data set. Light: asked before a run is queued, and again by its child."""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from shuyuan.kernel import errors

Finds = Literal["class", "number", "sequence", "nothing"]
_LABELS: dict[Finds, tuple[str, ...]] = {  # kinds a label can have, by what is found; any other: all
    "class": ("number", "integer", "boolean", "category", "text", "time", "identifier"),
    "number": ("number", "integer", "boolean"),
    "sequence": ("sequence", "text", "category", "identifier"),
}
_AS_NUMBERS = ("number", "integer", "boolean")


class BadTraining(errors.BadInput):
    """The job cannot be done as it stands; told to the person with the fix."""

    code = "bad_training"


class Column(NamedTuple):
    """One column of the data set, as `job.json` names it."""

    name: str
    kind: str
    role: str


def features(columns: Sequence[Column]) -> list[Column]:
    """What is learned from."""
    return [column for column in columns if column.role == "feature"]


def require_features(columns: Sequence[Column], kinds: Collection[str]) -> None:
    """At least one, all of these kinds. Raises BadTraining."""
    read = features(columns)
    if wrong := [column for column in read if column.kind not in kinds]:
        fix = f"give it the role 'ignore', or a kind of {', '.join(sorted(kinds))}"
        raise BadTraining(f"column {wrong[0].name!r} of kind {wrong[0].kind} cannot be read here", fix=fix)
    if not read:
        raise BadTraining("no column has the role 'feature'", fix="say in the data set which columns to read")


def require_label(columns: Sequence[Column], finds: Finds = "class") -> Column:
    """The one column to be found, of a kind that can be. Raises BadTraining."""
    found = [column for column in columns if column.role == "label"]
    if len(found) != 1:
        raise BadTraining(f"{len(found)} columns have the role 'label'", fix="give exactly one column this role")
    kinds = _LABELS.get(finds, (found[0].kind,))
    if found[0].kind not in kinds:
        raise BadTraining(
            f"the label {found[0].name!r} of kind {found[0].kind} is no {finds} to be found",
            fix=f"choose a label of kind {', '.join(kinds)}, or another task",
        )
    return found[0]


def require_earlier(columns: Sequence[Column], earlier: Iterable[tuple[str, str]], parent: str) -> None:
    """What the encoders of `parent` read is there, of a kind they take, and not to be found. Raises BadTraining.

    earlier: name and kind of each column they read.
    """
    there = {column.name: column for column in columns if column.role != "ignore"}
    other = "go on from another version, or train without a parent"
    for name, kind in earlier:
        if name not in there:
            raise BadTraining(
                f"{parent} reads the column {name!r}, and no column of this name is used here",
                fix=f"give the data set a column {name!r} of kind {kind}, {other}",
            )
        if there[name].role == "label":
            raise reads_label(name)
        if not _can_read(kind, there[name].kind):
            raise BadTraining(
                f"{parent} reads the column {name!r} as {kind}, and here it is of kind {there[name].kind}",
                fix=f"give it the kind {kind}, {other}",
            )


def _can_read(earlier: str, now: str) -> bool:
    """Whether encoders of one kind may read a column of another; of words that may be numbers only the rows tell."""
    if earlier in ("image", "sequence") or now in ("image", "sequence"):
        return earlier == now or (earlier, now) == ("sequence", "text")
    return earlier not in _AS_NUMBERS or now not in ("text", "time")


def reads_label(name: str) -> BadTraining:
    """For earlier encoders that would show the net what it is to find."""
    return BadTraining(
        f"the parent reads the column {name!r}, which is the label here: it would be told what it is to find",
        fix="go on from a version that does not read it, choose another label, or train without a parent",
    )


def one_class(told: str) -> BadTraining:
    """For a label that is the same in every row."""
    return BadTraining(f"the label has one class only: {told}", fix="train on rows of at least two classes")


def no_number() -> BadTraining:
    """For a label that is missing in every row."""
    return BadTraining("the label holds no number", fix="choose another label column, or clean this one")


def require_numbers(columns: Sequence[Column], names: Collection[str], what: str) -> None:
    """These columns are there, and hold numbers. what: how to name them, in the fix. Raises BadTraining."""
    kinds = {column.name: column.kind for column in columns if column.role != "ignore"}
    for name in sorted(names):
        if name not in kinds:
            raise BadTraining(f"there is no column {name!r}", fix=f"name the columns of {what}")
        if kinds[name] not in _AS_NUMBERS:
            raise BadTraining(f"column {name!r} of kind {kinds[name]} holds no numbers", fix=f"name those of {what}")


def weight(columns: Sequence[Column]) -> str | None:
    """The column rows are weighed by. Raises BadTraining for two."""
    named = [column.name for column in columns if column.role == "weight"]
    if len(named) > 1:
        raise BadTraining(
            f"{len(named)} columns have the role 'weight': {', '.join(named)}", fix="give it to one of them"
        )
    return named[0] if named else None


def no_weighing(column: str) -> BadTraining:
    """For a task whose rows all count alike."""
    return BadTraining(
        f"this task cannot weigh its rows by the column {column!r}", fix="give the column the role 'ignore'"
    )


def empty() -> BadTraining:
    """For a data set without rows to learn from."""
    return BadTraining("the training part is empty", fix="add rows, or give it a larger share of the split")
