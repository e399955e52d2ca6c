"""The bandit and the policy gradient: both must beat chance by more than chance."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from tests.maas.training.tasks import trying

from shuyuan.maas.training import offpolicy, task, tasks
from shuyuan.science.nets import practice

COLUMNS = (*trying.numbers("x", "reward", "likely"), task.Column("arm", "category", "label"))
ARMS = ("exercise", "text", "video")


def log(rows: int, seed: int) -> task.Table:
    """Logged by a policy that prefers video; exercise pays for large x, text for small."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, rows)
    shares = np.array([0.2, 0.2, 0.6])
    arm = rng.choice(3, rows, p=shares)
    paid = rng.binomial(1, expected(x)[np.arange(rows), arm]).astype(float)
    return {"x": x, "arm": [ARMS[n] for n in arm], "reward": paid, "likely": shares[arm]}


def expected(x: np.ndarray) -> np.ndarray:
    return np.stack([0.5 + 0.4 * x, 0.5 - 0.4 * x, np.full(len(x), 0.45)], axis=1)


@pytest.mark.parametrize("policy", ["linucb", "thompson", "greedy"])
def test_a_policy_learned_from_a_log_is_worth_more_than_the_log_and_the_estimates_say_so(policy: str) -> None:
    config = {"policy": policy, "propensity": "likely"}
    tried = trying.trained("bandit", config, COLUMNS, log(4000, 0))
    figures = tried.figures(log(8000, 1))
    x = np.random.default_rng(2).uniform(-1, 1, 50_000)
    table: task.Table = {"x": x, "arm": ["text"] * len(x), "reward": np.zeros(len(x)), "likely": np.full(len(x), 0.2)}
    said = tried.predictions(table)
    p = np.stack([said.columns[f"p_{n}"] for n in range(3)], axis=1)
    truly = float((p * expected(x)).sum(1).mean())
    assert figures["value_dr_low"] > figures["value_logged"]
    assert figures["value_dr_low"] < truly < figures["value_dr_high"]
    assert figures["value_ips"] == pytest.approx(truly, abs=0.04)
    assert figures["value_snips"] == pytest.approx(truly, abs=0.04)
    assert truly > 0.65


def test_each_arm_is_the_ridge_regression_of_its_own_rows() -> None:
    tried = trying.trained("bandit", {"ridge": 2.0}, COLUMNS, log(300, 0))
    arrays = tried.work.arrays(log(300, 0))
    mine = arrays["*label"] == 1
    x = np.concatenate([arrays["features"], np.ones((300, 1))], axis=1)[mine].astype(float)
    wanted = np.linalg.solve(x.T @ x + 2.0 * np.eye(x.shape[1]), x.T @ arrays["*paid"][mine])
    np.testing.assert_allclose(tried.trainer.net.state_dict()["theta"][1].numpy(), wanted, atol=1e-5)


def test_doubly_robust_is_right_when_either_half_is() -> None:
    rng = np.random.default_rng(0)
    table = log(40_000, 3)
    x, arm = np.asarray(table["x"]), np.array([ARMS.index(one) for one in table["arm"]])
    paid, likely = np.asarray(table["reward"]), np.asarray(table["likely"])
    policy = np.eye(3)[expected(x).argmax(1)]
    truly = float(expected(x).max(1).mean())
    right = offpolicy.Logged(arm, paid, likely)
    nonsense = rng.uniform(0, 1, (len(x), 3))
    assert offpolicy.doubly_robust(policy, right, nonsense, 100).mean == pytest.approx(truly, abs=0.02)
    wrong = offpolicy.Logged(arm, paid, np.full(len(x), 0.9))
    assert offpolicy.doubly_robust(policy, wrong, expected(x), 100).mean == pytest.approx(truly, abs=0.02)
    assert offpolicy.ips(policy, wrong, 100).mean < truly - 0.1


def test_a_propensity_that_is_none_and_a_missing_column_are_refused() -> None:
    found = tasks.load("bandit")
    with pytest.raises(task.BadTraining, match="no column 'paid'"):
        found.prepare(trying.config("bandit", reward="paid"), COLUMNS, log(20, 0))
    work = found.prepare(trying.config("bandit", propensity="likely"), COLUMNS, log(20, 0))
    with pytest.raises(task.BadTraining, match="no probability"):
        work.arrays({**log(20, 0), "likely": np.zeros(20)})


def learners(rows: int, seed: int) -> task.Table:
    rng = np.random.default_rng(seed)
    return {f"s{n}": rng.uniform(0, 0.3, rows) for n in range(5)}


def test_the_policy_learns_to_choose_better_than_chance_also_for_learners_it_has_not_met() -> None:
    columns = trying.numbers(*learners(1, 0))
    config = {"epochs": 25, "batch": 64, "steps": 15}
    tried = trying.trained("policy_gradient", config, columns, learners(256, 0))
    figures = tried.figures(learners(200, 1))
    assert figures["over_random_low"] > 0.2
    assert figures["over_random_low"] < figures["over_random"] < figures["over_random_high"]
    assert figures["gain"] == pytest.approx(figures["random_gain"] + figures["over_random"], abs=1e-5)
    untaught = trying.trained("policy_gradient", {**config, "epochs": 1, "rate": 1e-9}, columns, learners(256, 0))
    assert untaught.figures(learners(200, 1))["gain"] < figures["gain"] - 0.2


def test_judging_a_policy_touches_no_random_numbers_of_the_run() -> None:
    tried = trying.trained("policy_gradient", {"epochs": 1}, trying.numbers(*learners(1, 0)), learners(8, 0))
    before = torch.get_rng_state()
    first, second = tried.figures(learners(8, 1)), tried.figures(learners(8, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert first == second


def test_a_skill_needs_the_one_before_it_and_fades_unpractised() -> None:
    world = practice.World(speed=0.5, fading=0.1, steps=1)
    mastery = torch.tensor([[0.0, 0.4], [1.0, 0.4]])
    after = world.practise(mastery, torch.tensor([1, 1]))
    torch.testing.assert_close(after, torch.tensor([[0.0, 0.4], [0.9, 0.7]]))


def test_a_mastery_outside_nought_to_one_is_refused() -> None:
    found = tasks.load("policy_gradient")
    work = found.prepare(
        trying.config("policy_gradient"), trying.numbers("a", "b"), {"a": np.array([0.1]), "b": np.array([0.2])}
    )
    with pytest.raises(task.BadTraining, match="outside 0 to 1"):
        work.arrays({"a": np.array([1.1]), "b": np.array([0.2])})
