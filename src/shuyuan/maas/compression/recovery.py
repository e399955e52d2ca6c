"""What pruning and binary weights have in common: score against the parent, and train a little to win it back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shuyuan.maas.compression import interface, method

if TYPE_CHECKING:
    from shuyuan.maas.compression import net as nets
    from shuyuan.maas.compression.tuning import Form

_BATCH_ROWS, _STEPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 64, 1000, 3, 100


def win_back(
    work: method.Work,
    net: "nets.Net",
    epochs: int | None,
    *,
    forms: "Mapping[str, Form] | None" = None,
    rate: float = 1e-3,
    share_of_truth: float = 0.3,
    temperature: float = 2.0,
    most_rows: int = 20_000,
) -> tuple[str, ...]:
    """Train `net` towards the parent's answers; returns what to tell about it.

    epochs None: about a thousand steps, where it can be done (examples, torch, known operators); 0: not at all;
    any other number must be done.
    Raises DataNeeded, CannotCompress.
    """
    if epochs == 0:
        return ()
    if epochs is None and (why := _cannot(work, net)):
        return (f"not trained after it: {why}",)
    from shuyuan.maas.compression import examples, opening, tuning

    model = opening.Model(work.model, threads=work.threads)
    output, given = model.output_of(work.spec), work.examples().some(most_rows, work.seed)
    classes = examples.classes_of(work.spec, model.outputs[output].shape)
    lesson = tuning.Lesson(epochs or _epochs(given.rows), rate, _BATCH_ROWS, temperature, share_of_truth, work.seed)
    tuning.tune(
        net,
        given.feeds,
        examples.answers(model, given.feeds, output),
        given.labels,
        output,
        classes,
        lesson,
        forms=forms or {},
        threads=work.threads,
        tell=work.tell,
    )
    return (f"trained for {lesson.epochs} epochs on {given.rows} rows towards the parent's answers",)


def _epochs(rows: int) -> int:
    """About a thousand steps: small data needs more passes."""
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, _STEPS * _BATCH_ROWS // rows))


def _cannot(work: method.Work, net: "nets.Net") -> str:
    if work.train is None and work.validation is None:
        return "no data set was named"
    try:
        from shuyuan.maas.compression import operators
    except ImportError:
        return "torch is not installed"
    unknown = operators.unknown(net)
    return f"{', '.join(unknown)} cannot be trained here" if unknown else ""


def require_smaller(before: int, after: int, what: str) -> None:
    """Raise CannotCompress when nothing was won."""
    if after >= before:
        raise interface.CannotCompress(
            f"{what} would take {after} bytes, the parent has {before}", fix="choose another method or a larger share"
        )
