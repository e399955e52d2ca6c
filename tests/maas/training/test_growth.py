"""A net that grows computes the same, and then learns with what it has gained."""

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from pydantic import ValidationError

from shuyuan.maas.training import loop, tasks
from shuyuan.science.nets import growth, modules, shapes, tabular
from shuyuan.science.nets.described.tabular import Tabular


@pytest.mark.parametrize("hidden", [(9, 6), (5, 12), (5, 6, 6), (20, 30, 40, 40)])
def test_a_wider_or_deeper_net_computes_the_same(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    x = torch.randn(50, 4)
    net = modules.Mlp(shapes.Mlp(4, 3, (5, 6)))
    larger = growth.grown(net, hidden)
    assert larger.shape.hidden == hidden
    torch.testing.assert_close(larger(x)[0], net(x)[0], rtol=1e-5, atol=1e-6)


def test_embeddings_and_dropout_grow_along() -> None:
    torch.manual_seed(2)
    net = tabular.Tabular(Tabular(2, 3, (5,), (4,), (6,)), 0.25)
    larger = growth.grown(net, (10, 10))
    rows = (torch.randn(8, 3), torch.randint(0, 5, (8,)))
    torch.testing.assert_close(larger.eval()(*rows)[0], net.eval()(*rows)[0], rtol=1e-5, atol=1e-6)
    assert larger.dropout == 0.25


def test_a_unit_and_its_copy_learn_different_things() -> None:
    torch.manual_seed(2)
    x, larger = torch.randn(50, 4), growth.wider(modules.Mlp(shapes.Mlp(4, 3, (5,))), 0, 10)
    larger(x)[0].pow(2).sum().backward()
    weight = larger.layers[0].weight
    assert isinstance(weight, torch.nn.Parameter)
    assert weight.grad is not None
    assert len({tuple(row) for row in weight.detach().tolist()}) == 5
    moving = {tuple(row) for row in weight.grad.tolist() if any(row)}
    assert len(moving) == sum(any(row) for row in weight.grad.tolist())


@pytest.mark.parametrize("hidden", [(4, 6), (5,), ()])
def test_a_net_does_not_shrink(hidden: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="as wide and as deep"):
        growth.grown(modules.Mlp(shapes.Mlp(4, 3, (5, 6))), hidden)


def test_a_run_that_grows_ends_with_the_large_net_and_keeps_what_it_had_learned() -> None:
    found = tasks.load("tabular_regression")
    example, held = found.example(64, 0), found.example(32, 1)
    grow = [{"epoch": 8, "hidden": [16]}, {"epoch": 12, "hidden": [16, 16]}]
    config = found.CONFIG.model_validate({**example.config, "epochs": 16, "batch": 8, "hidden": [4], "growth": grow})
    work = found.prepare(config, example.columns, example.table)
    losses: list[float] = []

    class Losses(loop.Watch):
        def epoch(self, trainer: loop.Trainer, figures: object) -> None:
            losses.append(trainer.evaluate(trainer.train).figures["loss"])

    made = loop.Trainer(work, config, work.arrays(example.table), work.arrays(held.table), seed=2, watch=Losses())
    sizes = [sum(one.numel() for one in made.net.parameters())]
    made.fit()
    sizes.append(sum(one.numel() for one in made.net.parameters()))
    assert sizes[1] > 3 * sizes[0]
    assert losses[8] < losses[0] / 2  # a fresh net would begin again where the first did
    assert losses[12] < losses[0] / 2


@pytest.mark.parametrize(
    "grow",
    [
        [{"epoch": 3, "hidden": [2]}],
        [{"epoch": 3, "hidden": [8]}, {"epoch": 2, "hidden": [9]}],
        [{"epoch": 3, "hidden": [99999]}],
    ],
)
def test_growth_that_does_not_follow_is_refused_with_the_form(grow: object) -> None:
    with pytest.raises(ValidationError):
        tasks.load("tabular_regression").CONFIG.model_validate({"hidden": [4], "growth": grow})
