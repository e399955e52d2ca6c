"""A ridge regression for each arm of a contextual bandit: what it is expected to pay, and how unsure that is.

Sources: Li et al. (2010), LinUCB; Agrawal & Goyal (2013), Thompson sampling with linear payoffs.
"""

import torch
from torch import Tensor, nn


class Arms(nn.Module):
    """theta: (arms, width + 1), the constant last.  inverse: of each arm's matrix, (arms, width + 1, width + 1)."""

    inverse: Tensor

    def __init__(self, arms: int, width: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(arms, width + 1))
        self.register_buffer("inverse", torch.eye(width + 1).repeat(arms, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """x: (rows, width). mean and spread of the payoff (rows, arms); spread in units of the payoff's noise."""
        with_one = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        seen = torch.einsum("ri,aij->raj", with_one, self.inverse)
        variance = (seen * with_one[:, None]).sum(2)
        return with_one @ self.theta.T, variance.clamp(min=0.0).sqrt()

    def solve(self, x: Tensor, arm: Tensor, paid: Tensor, ridge: float) -> None:
        """Fit every arm exactly to what was paid when it was taken (arm -1: row not used)."""
        with_one = torch.cat([x, torch.ones_like(x[:, :1])], dim=1).double()
        eye = torch.eye(with_one.shape[1], dtype=torch.float64, device=x.device) * ridge
        with torch.no_grad():
            for number in range(len(self.theta)):
                mine = with_one[arm == number]
                inverse = torch.linalg.inv(mine.T @ mine + eye)
                self.inverse[number] = inverse
                self.theta[number] = inverse @ (mine.T @ paid[arm == number].double())
