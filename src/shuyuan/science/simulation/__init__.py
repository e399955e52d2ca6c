"""Simulated learners whose knowledge is known: what a way of choosing exercises is worth, before a child tries it.

    world = simulation.World.chain(points=10, seed=1)
    outcome = simulation.trial(world, policy, learners=200, answers=120, seed=2)
    outcome.gain, outcome.answers_to_mastery

They learn most from what is neither easy nor hopeless, hardly without what it builds on, forget between days, slip and
guess. Truth is told to the figures only: a policy sees answers, as a school does.
"""

from shuyuan.science.simulation.trials import Asked, Chooser, Outcome, Policy, compare, trial
from shuyuan.science.simulation.world import Learner, World

__all__ = ["Asked", "Chooser", "Learner", "Outcome", "Policy", "World", "compare", "trial"]
