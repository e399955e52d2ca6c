"""A simulated learner who practises skills that build on each other, a policy that chooses the next one, and REINFORCE.

The learner: practising skill k raises it by `speed` of what is missing, as far as skill k - 1 is known; all others fade
by `fading`. The policy sees the mastery of every skill and how much of the time is left.
Source of the gradient: Williams (1992), with a learned baseline.
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional


class World(NamedTuple):
    """How learners learn. speed, fading: shares a step.  steps: choices an episode."""

    speed: float = 0.4
    fading: float = 0.01
    steps: int = 20

    def practise(self, mastery: Tensor, skill: Tensor) -> Tensor:
        """mastery: (rows, skills) in [0, 1].  skill: (rows,) chosen. Mastery after one step."""
        before = torch.cat([torch.ones_like(mastery[:, :1]), mastery[:, :-1]], dim=1)
        chosen = functional.one_hot(skill, mastery.shape[1]).to(mastery)
        gained = self.speed * before * (1 - mastery) * chosen
        return mastery + gained - self.fading * mastery * (1 - chosen)


class Policy(nn.Module):
    """State to a preference for each skill and the expected gain from here."""

    def __init__(self, skills: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Linear(skills + 1, hidden)
        self.choice, self.value = nn.Linear(hidden, skills), nn.Linear(hidden, 1)

    def forward(self, state: Tensor) -> tuple[Tensor, ...]:
        """state: (rows, skills + 1), the share of the time left last. logits (rows, skills), value (rows,)."""
        x = functional.relu(self.body(state))
        return self.choice(x), self.value(x)[:, 0]


class Episode(NamedTuple):
    """Of each learner and step (rows, steps): what was gained, log-probability of the choice, value, entropy."""

    gains: Tensor
    chances: Tensor
    values: Tensor
    entropies: Tensor


def play(net: nn.Module, world: World, start: Tensor, how: str, generator: Generator | None = None) -> Episode:
    """Whole episodes. start: (rows, skills) mastery.  how: sampled, best, or random (any skill alike)."""
    mastery, kept = start, []
    for step in range(world.steps):
        left = torch.full_like(mastery[:, :1], 1 - step / world.steps)
        logits, value = net(torch.cat([mastery, left], dim=1))
        logs = logits.log_softmax(1)
        p = torch.full_like(logs, 1 / logs.shape[1]) if how == "random" else logs.exp()
        skill = logs.argmax(1) if how == "best" else torch.multinomial(p.detach(), 1, generator=generator)[:, 0]
        after = world.practise(mastery, skill)
        entropy = -(logs.exp() * logs).sum(1)
        kept.append(((after - mastery).sum(1), logs.gather(1, skill[:, None])[:, 0], value, entropy))
        mastery = after
    gains, chances, values, entropies = (torch.stack(parts, dim=1) for parts in zip(*kept, strict=True))
    return Episode(gains, chances, values, entropies)


def reinforce(episode: Episode, entropy: float) -> Tensor:
    """The loss whose gradient is REINFORCE with the value as baseline, summed over learners."""
    returns = episode.gains.flip(1).cumsum(1).flip(1)
    better = (returns - episode.values).detach()
    choice = -(better * episode.chances).mean(1) - entropy * episode.entropies.mean(1)
    return (choice + 0.5 * ((returns - episode.values) ** 2).mean(1)).sum()
