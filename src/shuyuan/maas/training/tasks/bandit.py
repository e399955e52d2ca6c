"""A contextual bandit learned from a log: which arm pays best for whom, judged without trying it on anybody.

Each row of the log is one decision: what was known (feature columns), the arm taken (label column), what it paid, and
how likely the arm was. Every arm is a ridge regression, solved exactly. Held rows say what the policy would have earned
(IPS, self-normalised, doubly robust) beside what the logged one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, offpolicy, options, supervised, task
from shuyuan.maas.training.encoders import TRUTH
from shuyuan.maas.training.tasks import clustering

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

PAID, PROPENSITY = "*paid", "*propensity"
_DRAWS = 200  # of Thompson sampling, to know how likely it takes which arm
_SEED = 20_250  # of these draws


class Config(options.Config):
    """How the policy explores, and where the log keeps what."""

    epochs: int = Field(1, ge=1, le=10_000, description="One is enough: every arm is solved exactly before it")
    optimiser: options.Optimiser = Field("gd", description="Has nothing left to do")
    policy: Literal["linucb", "thompson", "greedy"] = Field(
        "linucb", description="Best upper bound, a draw from what is believed, or the best mean"
    )
    exploration: float = Field(0.5, ge=0, le=10, description="Spreads added to the mean, or width of the draws")
    ridge: float = Field(1.0, gt=0, le=1e6, description="Pull of every arm's weights towards zero")
    reward: str = Field("reward", max_length=200, description="Column of numbers: what the arm paid")
    propensity: str = Field(
        "", max_length=200, description="Column: probability the arm was taken with; empty: the arm's share in train"
    )
    most: float = Field(20.0, ge=1, le=1e6, description="Cap of a row's weight when a policy is judged")


class Bandit(task.Task[Config]):
    """Decisions of a log to a policy."""

    NAME, CONFIG = "bandit", Config
    KINDS = clustering.KINDS
    OVERFITS = None  # a ridge regression does not
    TITLE = task.Words("Learn whom to offer what (bandit)", "上下文老虎机")
    WHAT = task.Words(
        "Learns from logged decisions which option pays best for whom; estimates its value without trying it out.",
        "从历史决策日志学习为谁选择哪一选项最好，并在不实际试用的情况下估计其价值。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Two arms; which one pays depends on the sign of a number."""
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, rows)
        arms = ["video" if n % 2 else "text" for n in range(rows)]
        paid = [float((at > 0) == (arm == "video")) for at, arm in zip(x, arms, strict=True)]
        table: task.Table = {"x": x, "arm": arms, "reward": np.array(paid), "propensity": np.full(rows, 0.5)}
        columns = [task.Column(name, "number", "feature") for name in ("x", "reward", "propensity")]
        return task.Example(
            (*columns, task.Column("arm", "category", "label")), table, {"propensity": "propensity", "ridge": 0.1}
        )

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Decisions:
        """Encoders of what was known; arms and their shares from the training part."""
        self.require_columns(config, columns)
        fitted = encoders.fit(
            _known(config, columns), train, init, self.KINDS, {"text_buckets": 256, "label": "classes"}
        )
        clustering.require_dense(fitted)
        encoders.require_classes(fitted.labels)
        return Decisions(config, fitted, train)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """What was known, the arm, and what it paid."""
        asked.require_numbers(columns, _kept(config), "reward and propensity")
        super().require_columns(config, _known(config, columns))


def _kept(config: Config) -> set[str]:
    """Columns that are neither known beforehand nor the arm."""
    return {config.reward, *([config.propensity] if config.propensity else [])}


def _known(config: Config, columns: Sequence[task.Column]) -> list[task.Column]:
    return [column for column in columns if column.name not in _kept(config)]


class Decisions(supervised.Encoded):
    """Arms as ridge regressions."""

    OUTPUTS = ("mean", "spread")
    SELECT = ("value_dr", "max")

    def __init__(self, config: Config, fitted: Features, train: task.Table) -> None:
        super().__init__(fitted)
        self.config, self.arms = config, fitted.labels
        truth = encoders.truth(fitted, train)
        counts = np.bincount(truth[truth >= 0], minlength=len(self.arms))
        self._shares = counts / max(counts.sum(), 1)

    def arrays(self, table: task.Table) -> task.Arrays:
        """What was known, the arm, what it paid, how likely it was."""
        found = dict(super().arrays(table))
        nothing = np.full(len(found[TRUTH]), np.nan)
        paid = np.asarray(table.get(self.config.reward, nothing), np.float64)
        found[TRUTH] = np.where(np.isfinite(paid), found[TRUTH], -1)
        likely = self._shares[found[TRUTH]]
        if self.config.propensity:
            likely = np.asarray(table.get(self.config.propensity, nothing), np.float64)
            known = likely[found[TRUTH] >= 0]
            if not ((known > 0) & (known <= 1)).all():
                raise task.BadTraining(
                    f"column {self.config.propensity!r} holds what is no probability above 0",
                    fix="log the probability with which the arm was taken, or leave the propensity empty",
                )
        return {**found, PAID: np.nan_to_num(paid).astype(np.float32), PROPENSITY: np.nan_to_num(likely, nan=1.0)}

    def net(self) -> nn.Module:
        """One regression an arm."""
        from shuyuan.science.nets import arms

        return arms.Arms(len(self.arms), self.fitted.inputs[0].shape[0])

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> None:
        """Solve every arm."""
        from shuyuan.science.nets import arms

        assert isinstance(net, arms.Arms)
        net.solve(arrays[self.INPUTS[0]], arrays[TRUTH], arrays[PAID], self.config.ridge)

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Squared error of the arm that was taken. Told, not followed: the exact solution stays as it is."""
        known = batch[TRUTH] >= 0
        taken = outputs[0].gather(1, batch[TRUTH].clamp(min=0)[:, None])[:, 0]
        squares = ((taken - batch[PAID]) ** 2)[known].sum()
        return task.Loss(squares.detach() + 0.0 * outputs[0].sum(), known.sum())

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The arm the policy takes most likely, and the probability of each."""
        p = self.policy(outputs["mean"], outputs["spread"])
        taken = [self.arms[n] if n >= 0 else None for n in arrays[TRUTH]]
        columns = {f"p_{n}": p[:, n] for n in range(len(self.arms))}
        columns |= {"reward": arrays[PAID], "propensity": arrays[PROPENSITY]}
        return task.Predictions(taken, [self.arms[n] for n in p.argmax(1)], columns)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """What the policy would have earned a row, and what was earned."""
        known = arrays[TRUTH] >= 0
        if not known.any():
            return {}
        log = offpolicy.Logged(arrays[TRUTH][known], arrays[PAID][known].astype(float), arrays[PROPENSITY][known])
        mean = outputs["mean"][known].astype(float)
        policy = self.policy(mean, outputs["spread"][known])
        robust, weighted = (
            offpolicy.doubly_robust(policy, log, mean, self.config.most),
            offpolicy.ips(policy, log, self.config.most),
        )
        return {
            "value_dr": robust.mean,
            "value_dr_low": robust.low,
            "value_dr_high": robust.high,
            "value_ips": weighted.mean,
            "value_snips": offpolicy.snips(policy, log, self.config.most),
            "value_logged": float(log.paid.mean()),
            "gain": robust.mean - float(log.paid.mean()),
            "effective_rows": _effective(offpolicy.weights(policy, log, self.config.most)),
        }

    def policy(self, mean: task.Array, spread: task.Array) -> task.Array:
        """How likely each arm is taken: (rows, arms)."""
        if self.config.policy == "thompson":
            rng = np.random.default_rng(_SEED)
            width, rows, counts = self.config.exploration * spread, np.arange(len(mean)), np.zeros(mean.shape)
            for _ in range(_DRAWS):
                counts[rows, (mean + width * rng.normal(size=mean.shape)).argmax(1)] += 1
            return counts / _DRAWS
        more = self.config.exploration if self.config.policy == "linucb" else 0.0
        best: task.Array = np.eye(len(self.arms))[(mean + more * spread).argmax(1)]
        return best

    def spec(self) -> dict[str, Any]:  # JSON
        """Arms in order; how to choose among them."""
        how = {"policy": self.config.policy, "exploration": self.config.exploration}
        return {"labels": list(self.arms), "output": "mean", **how}


def _effective(weights: task.Array) -> float:
    """How many unweighted rows would tell as much. Source: Kish (1965)."""
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total else 0.0
