"""Clustering and the autoencoder: what is found without being told."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from tests.maas.training.tasks import trying

from shuyuan.maas.training import task, tasks
from shuyuan.science.nets import groups


def clouds(rows: int, seed: int) -> task.Table:
    rng = np.random.default_rng(seed)
    which = np.arange(rows) % 4
    x, y = (which % 2) * 10 + rng.normal(size=rows), (which // 2) * 10 + rng.normal(size=rows)
    return {"x": x, "y": y, "cloud": [f"c{n}" for n in which]}


def test_four_clouds_are_four_groups_also_for_rows_that_come_later() -> None:
    tried = trying.trained("clustering", {"clusters": 4}, trying.numbers("x", "y", label="cloud"), clouds(200, 0))
    figures = tried.figures(clouds(80, 1))
    assert figures["purity"] == 1.0
    assert figures["smallest_share"] == 0.25
    assert len(set(tried.predictions(clouds(80, 1)).prediction)) == 4


def test_batches_come_to_nearly_what_lloyds_algorithm_comes_to() -> None:
    columns, table = trying.numbers("x", "y"), clouds(400, 0)
    whole = trying.trained("clustering", {"clusters": 4}, columns, table).figures(table)
    config = {"clusters": 4, "optimiser": "sgd", "rate": 0.3, "batch": 32, "schedule": "cosine"}
    assert trying.trained("clustering", config, columns, table).figures(table)["loss"] < 1.02 * whole["loss"]


def test_a_step_of_rate_one_moves_each_centre_to_the_mean_of_its_rows() -> None:
    x = torch.tensor([[0.0, 0], [2, 0], [4, 0], [20, 0]])
    net = groups.Centres(2, 2)
    with torch.no_grad():
        net.centres.copy_(torch.tensor([[1.0, 1], [19, 1]]))
    loss = groups.error(net(x)[0])
    (loss / len(x)).backward()  # type: ignore[no-untyped-call]  # torch's own
    assert net.centres.grad is not None
    moved = net.centres - net.centres.grad
    torch.testing.assert_close(moved.detach(), torch.tensor([[2.0, 0], [20, 0]]))
    assert float(loss.detach()) == pytest.approx(2 + 2 + 10 + 2)


def test_seeds_lie_in_different_clouds_and_are_the_same_for_the_same_seed() -> None:
    table = clouds(200, 0)
    x = torch.tensor(np.stack([table["x"], table["y"]], 1))
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(groups.seeds(x, 4))
    assert torch.equal(found[0], found[1])
    assert len({tuple((one > 5).tolist()) for one in found[0]}) == 4


def test_more_groups_than_rows_are_refused() -> None:
    found = tasks.load("clustering")
    with pytest.raises(task.BadTraining, match="2 rows cannot make 3 groups"):
        found.prepare(trying.config("clustering", clusters=3), trying.numbers("x"), {"x": np.zeros(2)})


def test_clusters_go_on_from_the_centres_of_an_earlier_version(tmp_path: object) -> None:
    from pathlib import Path

    from safetensors.torch import save_file

    columns, table = trying.numbers("x", "y"), clouds(200, 0)
    first = trying.trained("clustering", {"clusters": 4}, columns, table)
    path = Path(str(tmp_path)) / "weights.safetensors"
    save_file(first.trainer.net.state_dict(), path)
    init = task.Init(path, {"features": first.work.features()})
    later = trying.trained("clustering", {"clusters": 4, "epochs": 1}, columns, table, init=init, seed=99)
    assert later.predictions(table).prediction == first.predictions(table).prediction


def line(rows: int, seed: int, *, strange: int = 0) -> task.Table:
    rng = np.random.default_rng(seed)
    t = rng.normal(size=rows)
    table = {name: t * at + rng.normal(0, 0.05, rows) for name, at in zip("abcd", (1, -2, 3, 0.5), strict=True)}
    table["a"][:strange] += 4
    return {**table, "odd": ["yes" if n < strange else "no" for n in range(rows)]}


def test_rows_off_the_line_score_higher_and_are_called_unusual() -> None:
    columns = trying.numbers(*"abcd")
    config = {"code": 1, "hidden": [16], "epochs": 30, "rate": 0.01}
    tried = trying.trained("autoencoder", config, columns, line(400, 0))
    said = tried.predictions(line(100, 1, strange=10))
    assert said.prediction[:10] == ["unusual"] * 10
    assert said.prediction[10:].count("unusual") < 10
    assert tried.figures(line(100, 2))["variance_kept"] > 0.95
    assert tried.work.spec()["threshold"] > 0


def test_a_label_of_two_values_is_only_compared_with() -> None:
    config = {"code": 1, "hidden": [16], "epochs": 20, "rate": 0.01}
    columns = trying.numbers(*"abcd", label="odd")
    tried = trying.trained("autoencoder", config, columns, line(300, 0, strange=3))
    assert tried.figures(line(100, 1, strange=10))["auc"] > 0.95
