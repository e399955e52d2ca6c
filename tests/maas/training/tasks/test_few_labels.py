"""Learning from few labels: pseudo-labels, transfer, and going on with new rows."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from safetensors.torch import load_file, save_file
from tests.maas.training.tasks import trying

from shuyuan.maas.training import encoders, loop, task, tasks
from shuyuan.maas.training.tasks import pseudo_labels


def moons(rows: int, seed: int, given: int | None = None) -> task.Table:
    """Two half circles; only the first `given` have a label."""
    rng = np.random.default_rng(seed)
    t, which = rng.uniform(0, np.pi, rows), np.arange(rows) % 2
    x = np.where(which, 1 - np.cos(t), np.cos(t)) + rng.normal(0, 0.08, rows)
    y = np.where(which, 0.5 - np.sin(t), np.sin(t)) + rng.normal(0, 0.08, rows)
    labels: list[str | None] = [f"m{n}" for n in which]
    if given is not None:
        labels[given:] = [None] * (rows - given)
    return {"x": x, "y": y, "label": labels}


def test_rows_without_labels_bring_a_gain_that_is_reported_beside_the_given_labels_alone() -> None:
    config = {"epochs": 60, "rate": 0.02, "threshold": 0.8, "base_options": {"hidden": [32]}, "batch": 64}
    tried = trying.trained("pseudo_labels", config, trying.numbers("x", "y", label="label"), moons(400, 0, given=12))
    figures = tried.figures(moons(400, 1))
    assert figures["gain_accuracy"] == pytest.approx(figures["accuracy"] - figures["given_only_accuracy"])
    assert figures["accuracy"] > figures["given_only_accuracy"]
    assert {"gain_macro_f1", "given_only_macro_f1"} <= figures.keys()


def test_guesses_never_touch_given_labels_and_are_taken_back_when_they_are_no_longer_sure() -> None:
    columns = trying.numbers("x", "y", label="label")
    config = {"epochs": 30, "rate": 0.02, "warm_up_epochs": 0, "base_options": {"hidden": []}}
    tried = trying.trained("pseudo_labels", config, columns, moons(60, 0, given=12))
    before = {name: torch.from_numpy(one) for name, one in tried.work.arrays(moons(60, 0, given=12)).items()}
    after = tried.work.begin_epoch(tried.trainer.net, 0, before)
    assert after is not None
    assert torch.equal(after[encoders.TRUTH][:12], before[encoders.TRUTH][:12])
    guessed = after[pseudo_labels.GUESSED] > 0
    assert guessed[12:].any()
    assert torch.equal(after[encoders.TRUTH] < 0, ~guessed & (before[encoders.TRUTH] < 0))
    for child in tried.trainer.net.children():
        for tensor in child.parameters():
            torch.nn.init.zeros_(tensor)  # sure of nothing
    third = tried.work.begin_epoch(tried.trainer.net, 0, after)
    assert third is not None
    assert not (third[pseudo_labels.GUESSED] > 0).any()
    assert torch.equal(third[encoders.TRUTH], before[encoders.TRUTH])


def test_the_class_with_fewer_sure_guesses_caps_the_other() -> None:
    p = np.array([[0.99, 0.01]] * 6 + [[0.02, 0.98]] * 2 + [[0.6, 0.4]])
    assert pseudo_labels.chosen(p, 0.9, "none", np.array([1, 1])).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert len(pseudo_labels.chosen(p, 0.9, "equal", np.array([1, 1]))) == 4
    assert len(pseudo_labels.chosen(p, 0.9, "train", np.array([20, 10]))) == 6


def parent(tmp_path: Path) -> task.Init:
    """A net that knows the moons."""
    config = {"hidden": [16], "epochs": 40, "rate": 0.02}
    made = trying.trained("tabular_classification", config, trying.numbers("x", "y", label="label"), moons(200, 0))
    weights = {name: one.contiguous() for name, one in made.trainer.net.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    return task.Init(tmp_path / "weights.safetensors", {"features": made.work.features()})


@pytest.mark.parametrize("body_rate", [0.0, 0.01])
def test_transfer_trains_a_new_head_and_holds_the_body(tmp_path: Path, body_rate: float) -> None:
    init = parent(tmp_path)
    table = moons(60, 3)
    named = {**table, "side": ["left" if x < 0.5 else "right" if x < 1.2 else "far" for x in table["x"]]}
    config = {"base_options": {"hidden": [16]}, "epochs": 60, "rate": 0.05, "body_rate": body_rate}
    tried = trying.trained("transfer", config, trying.numbers("x", "y", label="side"), named, init=init)
    assert tried.figures(named)["accuracy"] > 0.8
    earlier = trying.trained(
        "tabular_classification", {"hidden": [16], "epochs": 1, "rate": 1e-9}, trying.numbers("x", "y", label="label"),
        table, init=init,
    ).trainer.net.state_dict()  # fmt: skip
    moved = (tried.trainer.net.state_dict()["layers.0.weight"] - earlier["layers.0.weight"]).abs().max()
    assert (moved < 1e-6) == (body_rate == 0.0)
    assert len(tried.work.spec()["labels"]) == 3


def test_transfer_without_a_parent_is_refused_unless_it_is_to_be_compared_with() -> None:
    found, columns = tasks.load("transfer"), trying.numbers("x", "y", label="label")
    with pytest.raises(task.BadTraining, match="needs a parent"):
        found.prepare(trying.config("transfer"), columns, moons(10, 0))
    found.prepare(trying.config("transfer", from_scratch=True), columns, moons(10, 0))
    options = {"growth": [{"epoch": 1, "hidden": [128]}]}
    with pytest.raises(task.BadTraining, match="cannot grow"):
        found.prepare(trying.config("transfer", from_scratch=True, base_options=options), columns, moons(10, 0))


def test_an_earlier_version_goes_on_with_new_rows_and_its_own_encoders(tmp_path: Path) -> None:
    init, columns = parent(tmp_path), trying.numbers("x", "y", label="label")
    config = {"hidden": [16], "epochs": 2, "rate": 0.001}
    table = moons(40, 5)
    far: task.Table = {**table, "x": np.asarray(table["x"]) + 5}
    on = trying.trained("tabular_classification", config, columns, far, init=init)
    assert on.work.features() == init.features
    fresh = trying.trained("tabular_classification", config, columns, moons(40, 5))
    assert (
        trying.trained("tabular_classification", config, columns, moons(40, 5), init=init).figures(moons(200, 6))[
            "loss"
        ]
        < fresh.figures(moons(200, 6))["loss"]
    )


def test_staged_growth_ends_with_the_largest_net_and_more_weights_than_it_began_with() -> None:
    config = {
        "epochs": 9,
        "hidden": [4],
        "growth": [{"epoch": 3, "hidden": [8]}, {"epoch": 6, "hidden": [8, 8]}],
        "rate": 0.02,
    }
    tried = trying.trained("staged_growth", config, trying.numbers("x", "y", label="label"), moons(200, 0))
    assert tried.trainer.net.shape.hidden == (8, 8)  # type: ignore[union-attr]  # a Tabular net
    assert tried.figures(moons(100, 1))["accuracy"] > 0.8
    assert trying.config("staged_growth").growth[-1].hidden == (64, 64)


def thirds(letters: str, rows: int = 60) -> task.Table:
    """Classes a, b and c lie beside each other."""
    label = [letters[n % len(letters)] for n in range(rows)]
    places = np.array([{"a": -3.0, "b": 0.0, "c": 3.0}[one] for one in label])
    return {"x": places + np.random.default_rng(0).normal(0, 0.3, rows), "label": label}


def knows(tmp_path: Path, letters: str, label: str = "label") -> task.Init:
    """A net that tells these classes apart."""
    table = thirds(letters)
    made = trying.trained(
        "tabular_classification", {"hidden": [4], "epochs": 60, "rate": 0.05}, trying.numbers("x", label=label),
        {"x": table["x"], label: table["label"]},
    )  # fmt: skip
    save_file({name: one.contiguous() for name, one in made.trainer.net.state_dict().items()}, tmp_path / "w")
    return task.Init(tmp_path / "w", {"features": made.work.features()})


def begun(name: str, init: task.Init, letters: str, **said: object) -> loop.Trainer:
    """Before any step."""
    found = tasks.load(name)
    config = trying.config(
        name, **({"hidden": [4]} if name != "transfer" else {"base_options": {"hidden": [4]}}), **said
    )
    work = found.prepare(config, trying.numbers("x", label="label"), thirds(letters), init)
    return loop.Trainer(work, config, work.arrays(thirds(letters)), seed=5, init=init)


def test_new_classes_come_behind_the_known_whose_rows_of_the_head_go_with_their_names(tmp_path: Path) -> None:
    init = knows(tmp_path, "ab")
    trainer = begun("tabular_classification", init, "bc")
    assert trainer.work.spec()["labels"] == ["a", "b", "c"]
    earlier, now = load_file(init.weights), trainer.net.state_dict()
    assert torch.equal(now["layers.0.weight"], earlier["layers.0.weight"])
    for name in ("layers.1.weight", "layers.1.bias"):
        assert torch.equal(now[name][:2], earlier[name])
    assert now["layers.1.weight"][2].any(), "fresh, not zero"
    arrays = trainer.work.arrays(thirds("b"))
    outputs = trainer.evaluate(trainer.part(arrays)).outputs
    assert (outputs["logits"][:, 1] > outputs["logits"][:, 0]).all(), "class b is still called b, not a"


def test_the_head_of_another_label_is_not_taken_over_whatever_its_size(tmp_path: Path) -> None:
    init = knows(tmp_path, "ab", label="side")
    trainer = begun("tabular_classification", init, "bc")
    assert trainer.work.spec()["labels"] == ["b", "c"]
    earlier, now = load_file(init.weights), trainer.net.state_dict()
    assert torch.equal(now["layers.0.weight"], earlier["layers.0.weight"])
    assert not torch.equal(now["layers.1.weight"], earlier["layers.1.weight"])


def test_transfer_keeps_the_parents_classes_only_with_its_head(tmp_path: Path) -> None:
    init = knows(tmp_path, "ab")
    assert begun("transfer", init, "bc").work.spec()["labels"] == ["b", "c"]
    kept = begun("transfer", init, "bc", new_head=False)
    assert kept.work.spec()["labels"] == ["a", "b", "c"]
    assert kept.net.get_parameter("layers.1.weight").requires_grad, "it has new rows to learn"
    assert not kept.net.get_parameter("layers.0.weight").requires_grad


def test_a_class_that_train_never_had_counts_as_not_found_and_a_missing_label_not_at_all() -> None:
    columns, config = trying.numbers("x", label="label"), {"hidden": [4], "epochs": 60, "rate": 0.05}
    made = trying.trained("tabular_classification", config, columns, thirds("ab"))
    seen, unseen = thirds("ab", 8), thirds("c", 12)
    held: task.Table = {
        "x": [*seen["x"], *unseen["x"], 0.0],
        "label": [*seen["label"], *["c", "d"] * 6, None],
    }
    figures = made.figures(held)
    assert figures["accuracy"] == 8 / 20
    found = made.predictions(held).prediction
    wrong = {one: list(found)[8:20].count(one) for one in "ab"}
    assert figures["macro_f1"] == pytest.approx(sum(2 * 4 / (4 + 4 + wrong[one]) for one in "ab") / 4), "of a, b, c, d"
    assert np.isfinite(figures["loss"])
    assert made.figures(seen)["accuracy"] == 1
