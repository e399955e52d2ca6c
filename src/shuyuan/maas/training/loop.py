"""The trainer: a work, arrays and a config become weights. Knows tasks only through `task.Work`; refuses a loss that is
no number. Every step is a function of seed, epoch and position, so that a run resumed from a checkpoint ends with the
weights of one that was never disturbed.
"""

import contextlib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from shuyuan.maas.training import distributed, evaluating, optimisers, randomness, sampling, schedules, task, weights
from shuyuan.maas.training.checkpoints import Checkpoint
from shuyuan.maas.training.options import Config

_EPOCH, _STEP = 1, 2  # streams of random numbers that never meet


class Diverged(task.BadTraining):
    """The loss is no longer a number."""

    code = "loss_not_finite"


class Paused(Exception):
    """The run was asked to stop between two steps; its checkpoint is written."""


class Part(NamedTuple):
    """One part of the data: arrays as the task made them, and the same as tensors on the device."""

    arrays: task.Arrays
    tensors: Mapping[str, Tensor]

    @property
    def rows(self) -> int:
        """How many examples."""
        return len(next(iter(self.arrays.values()))) if self.arrays else 0


class Watch:
    """Whoever follows a run: is told of steps, and asked between steps what to do. This one does nothing."""

    def step(self, trainer: "Trainer", loss: float) -> bool:
        """After each step. True: write a checkpoint now."""
        return False

    def stopping(self) -> bool:
        """Whether to stop after this step."""
        return False

    def epoch(self, trainer: "Trainer", figures: Mapping[str, float] | None) -> None:
        """After each epoch, with the validation figures where there are any."""

    def keep(self, checkpoint: Checkpoint) -> None:
        """A checkpoint to be written."""


class Trainer:
    """One run. `fit` goes on from wherever it stands."""

    def __init__(
        self,
        work: task.Work,
        config: Config,
        train: task.Arrays,
        validation: task.Arrays | None = None,
        *,
        seed: int = 0,
        device: str = "cpu",
        init: task.Init | None = None,
        group: distributed.Alone | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.work, self.config, self.seed = work, config, seed
        self.device = torch.device(device)
        self.group, self.watch = group or distributed.Alone(), watch or Watch()
        self.train = Part(train, self._tensors(train))
        if not self.train.rows:
            raise task.BadTraining("the training part is empty", fix="add rows, or give it a larger share of the split")
        held = Part(validation, self._tensors(validation)) if validation is not None else None
        self.validation = held if held is not None and held.rows else None
        self._drawn = work.row_weights(train)
        self.step = self.epoch = self.at = self.stage = 0
        self.best: float | None = None
        self.best_step, self.waited, self.finished = -1, 0, False
        self._best_weights: dict[str, Tensor] | None = None
        self._replaced: Mapping[str, Tensor] | None = None
        self._scaled: tuple[float, Tensor] = 0.0, torch.empty(())
        randomness.seed(seed)
        net = work.net()
        weights.initialise(net, config.initialisation)
        if init is not None:
            work.start(net, init)
        self._adopt(net)

    @property
    def batch_rows(self) -> int:
        """Rows a step."""
        rows = self._rows
        return rows if self.config.optimiser == "gd" else min(self.config.batch, rows)

    @property
    def per_epoch(self) -> int:
        """Steps an epoch."""
        return math.ceil(self._rows / self.batch_rows)

    @property
    def steps(self) -> int:
        """Steps of the whole run, if it does not end early."""
        return self.per_epoch * self.config.epochs

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    @property
    def _rows(self) -> int:
        arrays = self._replaced or self.train.tensors
        return len(next(iter(arrays.values())))

    def fit(self) -> nn.Module:
        """Train to the end; the net then has the weights that validation chose (the last ones without validation)."""
        while not self.finished:
            self._epoch()
        self.net.load_state_dict(self._best_weights or self.net.state_dict())
        return self.net.eval()

    def evaluate(self, part: Part) -> evaluating.Evaluated:
        """Outputs and figures of a part with the weights as they are."""
        return evaluating.evaluate(self.work, self.net, part.arrays, part.tensors, self._cast())

    def part(self, arrays: task.Arrays) -> Part:
        """Arrays on the trainer's device."""
        return Part(arrays, self._tensors(arrays))

    def checkpoint(self) -> Checkpoint:
        """Everything that `restore` needs."""
        state = {
            "epoch": self.epoch, "at": self.at, "stage": self.stage, "best": self.best, "waited": self.waited,
            "finished": self.finished, "groups": [_numbers(group) for group in self.optimiser.param_groups],
        }  # fmt: skip
        moments = {
            f"{n}.{name}": value if isinstance(value, Tensor) else torch.tensor(value)
            for n, kept in self.optimiser.state_dict()["state"].items()
            for name, value in kept.items()
            if value is not None
        }
        return Checkpoint(
            self.step, state, self.net.state_dict(), moments, randomness.state(), self._best_weights, self._replaced,
            self.best_step,
        )  # fmt: skip

    def restore(self, found: Checkpoint) -> None:
        """Stand where the checkpoint was taken. Bit for bit, on the same machine with as many threads."""
        state = found.state
        net = self.net
        for stage in range(state["stage"]):
            net = self.work.grow(net, stage)
        net.load_state_dict(dict(found.net))
        self._adopt(net)
        kept = self.optimiser.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in found.optimiser.items():
            number, _, field = name.partition(".")
            moments.setdefault(int(number), {})[field] = tensor
        groups = [{**group, **told} for group, told in zip(kept["param_groups"], state["groups"], strict=True)]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.step, self.epoch, self.at, self.stage = found.step, state["epoch"], state["at"], state["stage"]
        self.best, self.waited, self.finished = state["best"], state["waited"], state["finished"]
        self.best_step, self._best_weights = found.best_step, dict(found.best) if found.best else None
        if found.arrays is not None:
            self._replaced = {name: tensor.to(self.device) for name, tensor in found.arrays.items()}
        randomness.restore(found.random)

    def _epoch(self) -> None:
        if self.at == 0:
            self._begin()
        arrays, batch_rows, per_epoch = self._replaced or self.train.tensors, self.batch_rows, self.per_epoch
        order = torch.from_numpy(sampling.order(self._rows, self.seed, self.epoch, self._weights())).to(self.device)
        self.net.train()
        own = type(self.work).batch is not task.Work.batch
        for at in range(self.at, per_epoch):
            rows = order[at * batch_rows : (at + 1) * batch_rows]
            if own:
                rng = sampling.of_batch(self.seed, self.epoch, at)
                batch = self.work.batch(arrays, rows, rng)
                if self.group.size > 1:  # drawn for the whole batch, then shared out: the same on any number
                    batch = {name: self.group.share(tensor) for name, tensor in batch.items()}
            else:
                share = self.group.share(rows)
                batch = {name: tensor.index_select(0, share) for name, tensor in arrays.items()}
            self.at = at + 1
            self._step(batch, per_epoch)
        self._end()

    def _begin(self) -> None:
        """Before the first step of an epoch: the net may grow, the training arrays may change."""
        if self.group.size > 1:  # what grows is the same everywhere
            randomness.seed_at(_EPOCH, self.seed, self.epoch)
        stages = self.work.stages()
        while self.stage < len(stages) and stages[self.stage] <= self.epoch:
            self._adopt(self.work.grow(self.net, self.stage))
            self.stage += 1
            self.best, self._best_weights, self.best_step, self.waited = None, None, -1, 0  # of the smaller net
        changed = self.work.begin_epoch(self.net, self.epoch, self._replaced or self.train.tensors)
        if changed is not None:
            self._replaced = changed

    def _step(self, batch: Mapping[str, Tensor], per_epoch: int) -> None:
        optimisers.set_rate(self.optimiser, schedules.factor(self.config, self.step, self.steps, per_epoch))
        if self.group.size > 1:  # each process draws for rows of its own, and a checkpoint is the first one's
            randomness.seed_at(_STEP, self.seed, self.step, self.group.rank)
        for tensor in self._trained:  # as `zero_grad`, without its profiler
            tensor.grad = None
        total, weight = self._backward(batch)
        mean, stop = self.group.add_up(self._trained, total, weight, self.watch.stopping())
        if not math.isfinite(mean):
            raise self._diverged(mean)
        if self.config.clip:
            nn.utils.clip_grad_norm_(self._trained, self.config.clip)
        self.optimiser.step()
        self.step += 1
        asked = self.watch.step(self, mean)
        if stop or asked:
            self.watch.keep(self.checkpoint())
        if stop:
            raise Paused

    def _backward(self, batch: Mapping[str, Tensor]) -> tuple[float, float]:
        """Gradients of the mean loss, or of its sum where processes add up; the sum and the weight themselves."""
        if not len(next(iter(batch.values()))):
            return 0.0, 0.0  # fewer rows than processes
        with self._cast():
            loss = self.work.loss(self.net, batch)
        weight = float(loss.weight)
        if weight:
            loss.total.backward(self._scale(loss.total, 1.0 if self.group.size > 1 else weight))  # type: ignore[no-untyped-call]
        return loss.total.item(), weight

    def _scale(self, total: Tensor, weight: float) -> Tensor:
        """What the gradient of a sum is multiplied by to become that of the mean; the last one is kept."""
        if self._scaled[0] != weight:
            self._scaled = weight, torch.full_like(total, 1 / weight, requires_grad=False)
        return self._scaled[1]

    def _end(self) -> None:
        """After the last step of an epoch: validate, remember the best, decide whether to go on."""
        self.epoch, self.at = self.epoch + 1, 0
        figures = None
        if self.validation is not None:
            figures = self.evaluate(self.validation).figures if self.group.rank == 0 else {}
            improved, judged = evaluating.better(self.work, figures, self.best)
            if self.group.agree(float(improved)):
                self.best, self.best_step, self.waited = self.group.agree(judged), self.step, 0
                self._best_weights = weights.copied(self.net)
            else:
                self.waited += 1
        early = 0 < self.config.patience <= self.waited and self.stage >= len(self.work.stages())
        self.finished = early or self.epoch >= self.config.epochs
        self.watch.epoch(self, figures)

    def _adopt(self, net: nn.Module) -> None:
        self.net = net.to(self.device)
        self.optimiser = optimisers.make(self.config, self.net, self.work.groups(self.net))
        self._trained = [tensor for group in self.optimiser.param_groups for tensor in group["params"]]

    def _weights(self) -> task.Array | None:
        if self._drawn is None or self._replaced is None:
            return self._drawn
        return self.work.row_weights({name: tensor.cpu().numpy() for name, tensor in self._replaced.items()})

    def _cast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision where it was asked for, or where the device is made for it."""
        fast = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        if self.config.precision == "float32" or (self.config.precision == "auto" and not fast):
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _tensors(self, arrays: task.Arrays) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    def _diverged(self, mean: float) -> Diverged:
        fix = f"lower the rate (now {self.config.rate:g}), set clip to 1, or look for huge numbers in the data"
        return Diverged(f"the loss became {mean} at step {self.step + 1}, epoch {self.epoch + 1}", fix=fix)


def _numbers(group: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a parameter group that JSON can hold: rates, not tensors."""
    return {name: value for name, value in group.items() if isinstance(value, int | float) and name != "params"}
