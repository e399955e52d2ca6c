"""Reinforcement: a policy that chooses what a simulated learner practises next, learned by REINFORCE with a baseline.

Each row is a learner; its number columns are the mastery (0 to 1) of skills, each building on the one before. The
figures compare what learners gain under the policy with what the same learners gain under random choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, offpolicy, options, task

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.nets import practice

START, STATE = "*start", "state"
_SEED = 4_711  # of random choice when the policy is judged: the same for every policy


class Config(options.Config):
    """The simulated learner, and how the policy learns."""

    epochs: int = Field(40, ge=1, le=10_000, description="Passes over the learners")
    rate: float = Field(1e-2, gt=0, le=100, description="Learning rate at its highest")
    clip: float = Field(1.0, ge=0, le=1e6, description="Longest gradient (2-norm over all weights); 0 clips nothing")
    hidden: int = Field(32, ge=1, le=4_096, description="Units of the policy")
    steps: int = Field(20, ge=1, le=500, description="Choices in an episode")
    speed: float = Field(0.4, gt=0, le=1, description="Share of what is missing that one practice brings")
    fading: float = Field(0.01, ge=0, lt=1, description="Share of a skill that is lost while another is practised")
    entropy: float = Field(0.01, ge=0, le=10, description="Reward for staying undecided")


class PolicyGradient(task.Task[Config]):
    """Learners to a policy."""

    NAME, CONFIG = "policy_gradient", Config
    KINDS, FINDS = ("number",), "nothing"
    OVERFITS = None  # a return is no loss
    TITLE = task.Words("Choose what to practise next (policy gradient)", "策略梯度：选择下一步练习")
    WHAT = task.Words(
        "Learns in a simulation which skill a learner should practise next; compared with random choice.",
        "在模拟环境中学习为学习者选择下一个练习的知识点，并与随机选择比较。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Learners who know little of four skills."""
        rng = np.random.default_rng(seed)
        table = {f"skill_{n}": rng.uniform(0, 0.4 / (n + 1), rows) for n in range(4)}
        columns = tuple(task.Column(name, "number", "feature") for name in table)
        return task.Example(columns, table, {"steps": 8, "hidden": 16})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Learners:
        """Which columns are skills. Raises BadTraining."""
        self.require_columns(config, columns)
        if not encoders.rows(train):
            raise asked.empty()
        return Learners(config, [column.name for column in asked.features(columns)])

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """Every feature is a mastery."""
        skills = asked.features(columns)
        wrong = [column for column in skills if column.kind != "number"]
        if len(skills) < 2 or wrong:
            told = (
                f"column {wrong[0].name!r} is of kind {wrong[0].kind}" if wrong else f"there are {len(skills)} skills"
            )
            raise task.BadTraining(told, fix="give two or more columns of numbers from 0 to 1, one a skill")
        self.require_weight(columns)


class Learners(task.Work):
    """Episodes of simulated learners."""

    SELECT = ("gain", "max")
    INPUTS, OUTPUTS = (STATE,), ("gained", "random_gained", "first_choice")

    def __init__(self, config: Config, skills: Sequence[str]) -> None:
        from shuyuan.science.nets import practice

        self.config, self.skills = config, skills
        self.world = practice.World(config.speed, config.fading, config.steps)

    def arrays(self, table: task.Table) -> task.Arrays:
        """Mastery at the start, missing taken for 0; and the first state the net sees. Raises BadTraining."""
        start = np.stack([np.nan_to_num(np.asarray(table[name], np.float32)) for name in self.skills], axis=1)
        if start.size and not (start.min() >= 0 and start.max() <= 1):
            raise task.BadTraining("a mastery lies outside 0 to 1", fix="give each skill as a share from 0 to 1")
        return {START: start, STATE: np.concatenate([start, np.ones_like(start[:, :1])], axis=1)}

    def net(self) -> nn.Module:
        """Policy and baseline."""
        from shuyuan.science.nets import practice

        return practice.Policy(len(self.skills), self.config.hidden)

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        """REINFORCE over one episode a learner. Judged without touching the run's random numbers."""
        from shuyuan.science.nets import practice

        episode = practice.play(net, self.world, batch[START], "sampled", None if net.training else self._own(batch))
        return task.Loss(practice.reinforce(episode, self.config.entropy), len(batch[START]))

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """What each learner gains under the policy's best choices, and under random ones; the first choice."""
        best = self._played(net, batch, "best").gains.sum(1)
        chance = self._played(net, batch, "random").gains.sum(1)
        return best, chance, net(batch[STATE])[0].argmax(1)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The skill to begin with."""
        chosen = [self.skills[int(n)] for n in outputs["first_choice"]]
        columns = {"gained": outputs["gained"], "random_gained": outputs["random_gained"]}
        return task.Predictions([None] * len(chosen), chosen, columns)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Mastery gained a learner, and the difference to random choice with its 95 % interval, learner by learner."""
        more = offpolicy.interval((outputs["gained"] - outputs["random_gained"]).astype(float))
        return {
            "gain": float(outputs["gained"].mean()),
            "random_gain": float(outputs["random_gained"].mean()),
            "over_random": more.mean,
            "over_random_low": more.low,
            "over_random_high": more.high,
        }

    def spec(self) -> dict[str, Any]:  # JSON
        """Skills in order; the largest logit is the next to practise."""
        world = {"speed": self.config.speed, "fading": self.config.fading, "steps": self.config.steps}
        return {"labels": list(self.skills), "output": "logits", "world": world}

    def export(self, net: nn.Module, arrays: task.Arrays, out: Any) -> dict[str, Any]:  # a Path; JSON
        """The policy: state to logits and value."""
        from shuyuan.maas.training import export

        return export.write(net, (STATE,), ("logits", "value"), arrays, out)

    def _played(self, net: nn.Module, batch: Mapping[str, Tensor], how: str) -> practice.Episode:
        from shuyuan.science.nets import practice

        return practice.play(net, self.world, batch[START], how, self._own(batch))

    def _own(self, batch: Mapping[str, Tensor]) -> Any:  # a torch Generator
        import torch

        return torch.Generator(batch[START].device).manual_seed(_SEED)
