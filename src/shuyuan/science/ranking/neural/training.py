"""The deep model from profile to attitude and goals, trained with torch, handed over as a NumPy `Outlook`.

Heads are trained together; a head that is unknown for a person (NaN) teaches nothing about that person. The epoch is
chosen, and each head calibrated, on a part of the people given, never on anybody else.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from shuyuan.science.ranking import recalibration
from shuyuan.science.ranking.outlook import Outlook
from shuyuan.science.ranking.profiles import Encoder, Kind, Row

PATIENCE, FEWEST = 6, 20
MOST_ROWS, FEWEST_ROWS, STEPS = 256, 16, 8  # of a batch; steps an epoch where there are few rows
Module = torch.nn.Module


def train(
    rows: Sequence[Row],
    kinds: Mapping[str, Kind],
    targets: Mapping[str, npt.ArrayLike],
    *,
    person: npt.ArrayLike | None = None,
    hidden: tuple[int, ...] = (64, 32),
    drop: float = 0.2,
    rate: float = 2e-3,
    shrink: float = 0.02,
    epochs: int = 60,
    held_out: float = 0.2,
    seed: int = 0,
) -> Outlook:
    """targets: head → (N,) 0, 1 or NaN (unknown). person: (N,), rows of one person stay together.

    Raises ValueError with fewer than `FEWEST` rows: too few to learn from, and to hide one person among."""
    if len(rows) < FEWEST:
        raise ValueError(f"{len(rows)} profiles are too few to learn from; at least {FEWEST} are needed")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    aside = _held_out(rng, np.arange(len(rows)) if person is None else np.asarray(person), held_out)
    encoder = Encoder.fit([row for row, out in zip(rows, aside, strict=True) if not out], kinds)
    x = torch.from_numpy(encoder.encode(rows))
    heads = tuple(targets)
    y = torch.from_numpy(np.stack([np.asarray(targets[head], dtype=np.float32) for head in heads], axis=1))
    net = _net(x.shape[1], hidden, len(heads), drop)
    _start_at_shares(net, y[~torch.from_numpy(aside)])
    _descend(net, x, y, aside, rng, rate, shrink, epochs)
    return _handed_over(net, encoder, heads, x, y, aside)


def _held_out(rng: np.random.Generator, person: npt.NDArray[np.generic], share: float) -> npt.NDArray[np.bool_]:
    people, place = np.unique(person, return_inverse=True)
    return np.asarray((rng.permutation(len(people)) < max(1, round(share * len(people))))[place])


def _net(inputs: int, hidden: tuple[int, ...], heads: int, drop: float) -> torch.nn.Sequential:
    layers: list[Module] = []
    for width in hidden:
        layers += [torch.nn.Linear(inputs, width), torch.nn.SiLU(), torch.nn.Dropout(drop)]
        inputs = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(inputs, heads))


def _start_at_shares(net: torch.nn.Sequential, y: torch.Tensor) -> None:
    share = torch.nan_to_num(torch.nanmean(y, dim=0), nan=0.5).clamp(0.02, 0.98)
    last = net[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.bias.copy_(torch.log(share / (1 - share)))


def _descend(
    net: torch.nn.Sequential,
    x: torch.Tensor,
    y: torch.Tensor,
    aside: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    rate: float,
    shrink: float,
    epochs: int,
) -> None:
    """AdamW; stops when the held-out loss has not fallen for `PATIENCE` epochs and keeps the best."""
    steps = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=shrink)
    inside, outside = np.flatnonzero(~aside), torch.from_numpy(np.flatnonzero(aside))
    size = min(MOST_ROWS, max(FEWEST_ROWS, len(inside) // STEPS))
    best, kept, waited = float("inf"), {key: value.clone() for key, value in net.state_dict().items()}, 0
    for _ in range(epochs):
        net.train()
        order = rng.permutation(inside)
        for start in range(0, len(order), size):
            batch = torch.from_numpy(order[start : start + size])
            steps.zero_grad()
            _loss(net(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]  # torch
            steps.step()
        net.eval()
        with torch.no_grad():
            loss = float(_loss(net(x[outside]), y[outside]))
        waited = 0 if loss < best else waited + 1
        if not waited:
            best, kept = loss, {key: value.clone() for key, value in net.state_dict().items()}
        if waited == PATIENCE:
            break
    net.load_state_dict(kept)
    net.eval()


def _loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    known = ~torch.isnan(y)
    each = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.nan_to_num(y), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def _handed_over(
    net: torch.nn.Sequential,
    encoder: Encoder,
    heads: tuple[str, ...],
    x: torch.Tensor,
    y: torch.Tensor,
    aside: npt.NDArray[np.bool_],
) -> Outlook:
    linear = [one for one in net if isinstance(one, torch.nn.Linear)]
    layers = tuple((one.weight.detach().numpy().T.copy(), one.bias.detach().numpy().copy()) for one in linear)
    with torch.no_grad():
        p = torch.sigmoid(net(x)).numpy()
    slope, offset = np.ones(len(heads), np.float32), np.zeros(len(heads), np.float32)
    for at in range(len(heads)):
        labels = y[:, at].numpy()
        judged = aside & ~np.isnan(labels)
        if len(np.unique(labels[judged])) == 2 and judged.sum() >= FEWEST:
            offset[at], slope[at] = recalibration.fit(p[judged, at], labels[judged]).weights
    return Outlook(encoder, heads, layers, slope, offset)
