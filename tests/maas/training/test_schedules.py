"""How the rate changes: by hand, and one cycle against torch's own."""

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch

from shuyuan.maas.training import schedules
from shuyuan.maas.training.options import Config


def rates(config: Config, steps: int, per_epoch: int = 1) -> list[float]:
    return [schedules.factor(config, step, steps, per_epoch) for step in range(steps)]


def test_constant_stays() -> None:
    assert rates(Config(), 3) == [1, 1, 1]


def test_step_cuts_after_so_many_epochs() -> None:
    config = Config(schedule="step", step_every=2, step_factor=0.5)
    assert rates(config, 10, per_epoch=2) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_cosine_falls_from_one_towards_nothing() -> None:
    assert rates(Config(schedule="cosine"), 4) == pytest.approx([1, 0.853553, 0.5, 0.146447], abs=1e-6)


def test_warm_up_climbs_in_equal_steps_before_the_schedule() -> None:
    found = rates(Config(schedule="cosine", warm_up=0.3), 10)
    assert found[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert found[4] < 1


@pytest.mark.parametrize("steps", [10, 37, 200])
def test_one_cycle_is_that_of_torch(steps: int) -> None:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=steps)
    wanted = []
    for _ in range(steps):
        wanted.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates(Config(schedule="one_cycle"), steps) == pytest.approx(wanted, abs=1e-9)
