"""The trainer: steps, clipping, early stopping, options; whatever is chosen, it resumes bit for bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from tests.maas.training import small_work
from tests.maas.training.small_work import Line, config, points, slope
from torch import Tensor, nn

from shuyuan.maas.training import checkpoints, export, loop, sampling, task, tasks, weights


def trainer(
    arrays: task.Arrays, held: task.Arrays | None = None, work: task.Work | None = None, **options: Any
) -> loop.Trainer:
    return loop.Trainer(work or Line(), config(**options), arrays, held, seed=1)


def test_a_step_of_descent_is_the_one_computed_by_hand() -> None:
    made = trainer({"x": np.array([[1.0], [3.0]], np.float32), "y": np.array([1.0, 5.0], np.float32)}, epochs=1)
    made.net.load_state_dict({"layer.weight": torch.tensor([[0.5]]), "layer.bias": torch.tensor([0.0])})
    made.fit()  # errors -0.5 and -3.5: gradient 2 * mean(-0.5 * 1, -3.5 * 3) = -11
    assert slope(made.net) == pytest.approx(0.5 + 0.1 * 11)


def test_descent_over_all_rows_takes_one_step_an_epoch() -> None:
    made = trainer(points(10), optimiser="gd", epochs=3)
    assert (made.batch_rows, made.per_epoch, made.steps) == (10, 1, 3)


@pytest.mark.parametrize("optimiser", ["gd", "sgd", "momentum", "rmsprop", "adam", "adamw"])
def test_every_optimiser_finds_the_line(optimiser: str) -> None:
    rate = 0.3 if optimiser == "gd" else 0.05
    made = trainer(points(64), optimiser=optimiser, rate=rate, epochs=60, batch=16, schedule="cosine")
    assert slope(made.fit()) == pytest.approx(2.0, abs=0.02)


def test_a_gradient_longer_than_clip_is_cut_to_it() -> None:
    arrays = {"x": np.array([[1000.0]], np.float32), "y": np.array([0.0], np.float32)}
    made = trainer(arrays, clip=0.5, epochs=1)
    before = weights.copied(made.net)
    made.fit()
    moved = [(one - before[name]).norm() for name, one in made.net.state_dict().items()]
    assert float(torch.stack(moved).norm()) == pytest.approx(0.1 * 0.5, rel=1e-4)


class Worse(loop.Watch):
    """Remembers the validation figures."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def epoch(self, trainer: loop.Trainer, figures: Mapping[str, float] | None) -> None:
        self.losses.append((figures or {})["loss"])


def test_training_stops_when_validation_no_longer_gets_better_and_keeps_the_best_weights() -> None:
    train, held, watch = points(32), points(16, slope=0.3, seed=2), Worse()  # the held line is passed on the way
    made = loop.Trainer(Line(), config(epochs=40, patience=3, rate=0.05), train, held, seed=1, watch=watch)
    made.net.load_state_dict({"layer.weight": torch.zeros(1, 1), "layer.bias": torch.zeros(1)})
    made.fit()
    best = int(np.argmin(watch.losses))
    assert made.epoch == len(watch.losses) == best + 1 + 3 < 40
    assert made.validation is not None
    assert made.evaluate(made.validation).figures["loss"] == pytest.approx(min(watch.losses))
    assert made.best_step == (best + 1) * made.per_epoch


def test_without_validation_the_last_weights_are_kept_and_nothing_stops_early() -> None:
    made = trainer(points(32), patience=1, epochs=7)
    made.fit()
    assert (made.epoch, made.best_step) == (7, -1)


@pytest.mark.parametrize("held", [None, points(0)], ids=["absent", "empty"])
def test_an_empty_validation_part_is_as_none(held: task.Arrays | None) -> None:
    assert trainer(points(8), held).validation is None


def test_an_empty_training_part_is_refused() -> None:
    with pytest.raises(task.BadTraining, match="training part is empty"):
        trainer(points(0))


def test_a_loss_that_is_no_number_names_the_step_and_what_to_change() -> None:
    arrays = points(8)
    arrays["y"][5] = np.inf
    with pytest.raises(loop.Diverged, match=r"the loss became inf at step \d+, epoch 1") as refused:
        trainer(arrays).fit()
    assert "lower the rate (now 0.1)" in refused.value.fix


def test_a_rate_too_high_is_told_before_it_is_kept_in_a_checkpoint() -> None:
    made = trainer(points(64), rate=100, epochs=100)
    with pytest.raises(loop.Diverged):
        made.fit()


@pytest.mark.parametrize("initialisation", ["xavier", "he", "orthogonal", "small"])
def test_fresh_weights_are_drawn_as_asked_and_biases_are_zero(initialisation: str) -> None:
    net = trainer(
        {"x": np.zeros((4, 64), np.float32), "y": np.zeros(4, np.float32)}, work=Line(64), initialisation=initialisation
    ).net
    matrix, bias = net.state_dict()["layer.weight"], net.state_dict()["layer.bias"]
    spread = {"xavier": (2 / 65) ** 0.5, "he": (2 / 64) ** 0.5, "orthogonal": 1 / 8, "small": 0.02}[initialisation]
    assert float(matrix.pow(2).mean().sqrt()) == pytest.approx(spread, rel=0.3)
    assert not bias.any()


def test_half_precision_learns_as_well() -> None:
    assert slope(trainer(points(64), precision="bfloat16", epochs=30).fit()) == pytest.approx(2.0, abs=0.05)


CHOICES: list[dict[str, Any]] = [
    {"optimiser": "adamw", "schedule": "one_cycle", "dropout": 0.3, "patience": 2},
    {"optimiser": "momentum", "schedule": "step", "step_every": 2, "clip": 0.5, "resample": "balanced"},
    {"optimiser": "rmsprop", "schedule": "cosine", "warm_up": 0.2, "class_weights": "balanced"},
    {"optimiser": "adam", "initialisation": "orthogonal", "label_smoothing": 0.1, "dropout": 0.1},
    {"optimiser": "gd", "weight_decay": 0.01},
    {"optimiser": "adam", "hidden": [4], "growth": [{"epoch": 1, "hidden": [6]}, {"epoch": 3, "hidden": [6, 6]}]},
]


class Stop(loop.Watch):
    """Stops after so many steps and keeps the checkpoint."""

    def __init__(self, folder: Path, after: int) -> None:
        self.folder, self.left = folder, after

    def stopping(self) -> bool:
        self.left -= 1
        return self.left == 0

    def keep(self, checkpoint: checkpoints.Checkpoint) -> None:
        checkpoints.save_to(self.folder, checkpoint)


@pytest.mark.parametrize("options", CHOICES, ids=lambda options: str(options["optimiser"]))
def test_a_run_stopped_anywhere_ends_bit_for_bit_as_one_that_was_not(options: dict[str, Any], tmp_path: Path) -> None:
    whole = rows_trainer(options)
    wanted = weights.digest(whole.fit().state_dict())
    for after in {1, whole.per_epoch, whole.per_epoch + 1, whole.step - 1} - {0}:
        folder = tmp_path / str(after)
        with pytest.raises(loop.Paused):
            rows_trainer(options, Stop(folder, after)).fit()
        found = checkpoints.latest(folder)
        assert found is not None
        assert found.step == after
        resumed = rows_trainer(options)
        resumed.restore(found)
        assert weights.digest(resumed.fit().state_dict()) == wanted
        assert (resumed.step, resumed.best_step, resumed.best) == (whole.step, whole.best_step, whole.best)


def rows_trainer(options: Mapping[str, Any], watch: loop.Watch | None = None) -> loop.Trainer:
    found = tasks.load("tabular_classification")
    example, held = found.example(24, 0), found.example(12, 1)
    chosen = found.CONFIG.model_validate({**example.config, "epochs": 5, "batch": 8, **options})
    work = found.prepare(chosen, example.columns, example.table)
    return loop.Trainer(work, chosen, work.arrays(example.table), work.arrays(held.table), seed=4, watch=watch)


def test_rare_classes_are_drawn_as_often_as_the_others_when_asked_for() -> None:
    made = rows_trainer({"resample": "balanced"})
    labels = made.train.arrays["*label"]
    drawn = made.work.row_weights(made.train.arrays)
    assert drawn is not None
    assert drawn[labels == 1].sum() == pytest.approx(drawn[labels == 0].sum(), rel=1e-5)
    many = np.concatenate([sampling.order(len(labels), 5, epoch, drawn) for epoch in range(300)])
    assert 0.45 < labels[many].mean() < 0.55


class Taught(Line):
    """Teaches itself: before each epoch from the second on, what it says now becomes the truth of its last rows."""

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
        if epoch < 1:
            return None
        with torch.no_grad():
            said = net(arrays["x"])[0][:, 0]
        return {**arrays, "y": torch.cat([arrays["y"][:-8], said[-8:]])}


def test_training_arrays_that_an_epoch_has_replaced_are_part_of_a_checkpoint(tmp_path: Path) -> None:
    wanted = weights.digest(trainer(points(32), work=Taught(), epochs=4).fit().state_dict())
    stopped = loop.Trainer(Taught(), config(epochs=4), points(32), seed=1, watch=Stop(tmp_path, 12))
    with pytest.raises(loop.Paused):
        stopped.fit()
    resumed, found = trainer(points(32), work=Taught(), epochs=4), checkpoints.latest(tmp_path)
    assert found is not None
    resumed.restore(found)
    assert weights.digest(resumed.fit().state_dict()) == wanted


def test_fresh_weights_follow_from_the_seed() -> None:
    first, again, other = (loop.Trainer(Line(), config(), points(4), seed=seed) for seed in (1, 1, 2))
    assert weights.digest(first.net.state_dict()) == weights.digest(again.net.state_dict())
    assert weights.digest(first.net.state_dict()) != weights.digest(other.net.state_dict())


def test_each_row_comes_once_an_epoch_in_an_order_of_its_own() -> None:
    first, second = (sampling.order(50, 7, epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()
    assert first.tolist() == sampling.order(50, 7, 0).tolist()


def test_weights_of_classes_count_in_the_loss() -> None:
    plain, weighted = rows_trainer({}), rows_trainer({"class_weights": "balanced"})
    labels = plain.train.arrays["*label"]
    assert labels.mean() != 0.5
    weighted.net.load_state_dict(plain.net.state_dict())
    outputs = plain.evaluate(plain.train).outputs["logits"]
    each = np.log(np.exp(outputs).sum(1)) - outputs[np.arange(len(labels)), labels]
    by_class = np.mean([each[labels == one].mean() for one in (0, 1)])
    assert plain.evaluate(plain.train).figures["loss"] == pytest.approx(float(each.mean()), rel=1e-5)
    assert weighted.evaluate(weighted.train).figures["loss"] == pytest.approx(float(by_class), rel=1e-5)


class Earlier(NamedTuple):
    """What a run left. init: where another goes on.  more: the table that one is given."""

    found: task.Task[Any]  # Any: of whatever task it is
    chosen: Any  # its own config
    example: task.Example
    more: task.Table
    made: loop.Trainer
    init: task.Init


def trained(name: str, folder: Path) -> Earlier:
    """A task trained on its own example, its weights and encoders kept."""
    found = tasks.load(name)
    first, more = found.example(60, 0), found.example(60, 5)
    chosen = found.CONFIG.model_validate({**first.config, "epochs": 20})
    work = found.prepare(chosen, first.columns, first.table)
    made = loop.Trainer(work, chosen, work.arrays(first.table), seed=1)
    work.export(made.fit(), work.arrays(first.table), folder)
    init = task.Init(folder / "weights.safetensors", {**work.spec(), "features": work.features()})
    return Earlier(found, chosen, first, more.table, made, init)


def test_training_goes_on_from_earlier_weights_with_their_encoders(tmp_path: Path) -> None:
    found, chosen, first, more, made, init = trained("tabular_classification", tmp_path)
    other = {**more, "school": ["new school"] * 60}
    again = found.prepare(chosen, first.columns, other, init)
    assert again.features() == made.work.features()
    resumed = loop.Trainer(again, chosen, again.arrays(other), seed=9, init=init)
    assert weights.digest(resumed.net.state_dict()) == weights.digest(made.net.state_dict())


def test_a_number_is_taught_on_in_the_units_it_was_taught_in(tmp_path: Path) -> None:
    found, chosen, first, more, made, init = trained("tabular_regression", tmp_path)
    later = {**more, "label": [10 * one + 100 for one in more["label"]]}  # other values from now on
    again = found.prepare(chosen, first.columns, later, init)
    resumed = loop.Trainer(again, chosen, again.arrays(later), seed=9, init=init)

    def says(trainer: loop.Trainer) -> object:
        outputs = trainer.evaluate(trainer.part(trainer.work.arrays(first.table))).outputs
        return trainer.work.predict(outputs, trainer.work.arrays(first.table)).prediction

    assert says(resumed) == says(made), "before the first step it says what it said"
    other = tuple(one._replace(name="height") if one.role == "label" else one for one in first.columns)
    renamed = {**{name: values for name, values in later.items() if name != "label"}, "height": later["label"]}
    fresh = found.prepare(chosen, other, renamed, init)
    assert fresh.spec()["scale"] != made.work.spec()["scale"], "another label has its own"


def test_earlier_encoders_never_show_the_net_what_it_is_to_find(tmp_path: Path) -> None:
    found = tasks.load("tabular_classification")
    first = found.example(60, 0)
    chosen = found.CONFIG.model_validate(first.config)
    init = task.Init(tmp_path / "w", {"features": found.prepare(chosen, first.columns, first.table).features()})
    swapped = tuple(
        one._replace(role={"category": "label", "label": "ignore"}.get(one.name, one.role)) for one in first.columns
    )
    with pytest.raises(task.BadTraining, match="reads the column 'category', which is the label here"):
        found.prepare(chosen, swapped, first.table, init)


def test_a_label_that_was_a_number_is_found_anew_as_classes(tmp_path: Path) -> None:
    numbers, classes = tasks.load("tabular_regression"), tasks.load("tabular_classification")
    first = numbers.example(60, 0)
    told = numbers.prepare(numbers.CONFIG.model_validate(first.config), first.columns, first.table).features()
    init = task.Init(tmp_path / "w", {"features": told})
    rounded = {**first.table, "label": [round(one) for one in first.table["label"]]}
    work = classes.prepare(classes.CONFIG.model_validate(first.config), first.columns, rounded, init)
    assert work.spec()["labels"] == sorted(map(str, set(rounded["label"])), key=int)


def test_another_label_gets_a_fresh_head_on_the_earlier_layers(tmp_path: Path) -> None:
    found = tasks.load("tabular_classification")
    first = found.example(60, 0)
    chosen = found.CONFIG.model_validate(first.config)
    work = found.prepare(chosen, first.columns, first.table)
    export.write_weights(work.net(), tmp_path / "weights.safetensors")
    init = task.Init(tmp_path / "weights.safetensors", {"features": work.features()})
    three = {**first.table, "label": ["x", "y", "z"] * 20}
    other = found.prepare(chosen, first.columns, three, init)
    net = other.net()
    took = weights.take_over(net, init.weights)
    assert took.fresh == ("layers.1.bias", "layers.1.weight")
    assert "layers.0.weight" in took.taken


def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    export.write_weights(small_work.Layer(3), tmp_path / "weights.safetensors")
    with pytest.raises(task.BadTraining, match="no tensor of the earlier weights fits"):
        weights.take_over(rows_trainer({}).net, tmp_path / "weights.safetensors")
